"""Reads the messages of a request, and those that a store kept, in slices that let other requests run in between."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from guardian_cluster.request.conversation import StoredMessage
from guardian_cluster.request.measuring import INSTRUCTIONS, Piece, piece_of

READ_AT_ONCE = 50
"""Messages that are looked at without letting others run: 0.2 ms."""

_encode = msgspec.json.Encoder().encode
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


async def pieces_sent(messages: Any) -> list[Piece]:
    """Read the messages of a request, encoded or not."""
    each = _separate(messages)
    pieces: list[Piece] = []
    for start in range(0, len(each), READ_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        pieces += map(piece_of, each[start : start + READ_AT_ONCE])
    return pieces


async def pieces_stored(stored: Sequence[StoredMessage]) -> list[Piece]:
    """Read stored messages; one that is not what its store says of it is left out, as are instructions."""
    pieces: list[Piece] = []
    for start in range(0, len(stored), READ_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        for each in stored[start : start + READ_AT_ONCE]:
            piece = piece_of(each.message, each.number, max(0, each.tokens))
            if piece.role == each.role and piece.role not in INSTRUCTIONS:
                pieces.append(piece)
    return pieces


def _separate(messages: Any) -> list[msgspec.Raw]:
    """Return messages each on its own, encoded."""
    if isinstance(messages, msgspec.Raw):
        return _raw_list.decode(messages)
    return [each if isinstance(each, msgspec.Raw) else msgspec.Raw(_encode(each)) for each in messages]
