"""Where a request that carries messages of earlier turns itself goes on with what is stored of its conversation.

Most clients send their whole history with every request, many the end of it, and agents at least the calls whose
results they bring. What they send again must not be shown twice.
"""

from collections.abc import Hashable, Sequence

import msgspec

from guardian_cluster.domain.request import Message
from guardian_cluster.request.measuring import Piece

MAX_READ_BYTES = 65_536
"""Of a message that is compared by its words; a larger one is compared as it was sent."""

_message = msgspec.json.Decoder(Message)


def carries_history(pieces: Sequence[Piece]) -> bool:
    """Return whether a request brings more than a new question or new results of tools."""
    asked = sum(piece.role == "user" for piece in pieces)
    return asked > 1 or any(piece.role == "assistant" for piece in pieces)


def repeated(stored: Sequence[Piece], sent: Sequence[Piece]) -> int:
    """Return how many of the messages sent, from the first, are stored already; 0 where none of them goes on.

    They go on where the end of what is stored is found among what is sent, as far back as both reach; where it
    is found more than once, the last place counts.
    """
    if not stored or not sent:
        return 0
    backwards = [_likeness(piece) for piece in reversed(stored)]
    common = _common_lengths([*backwards, None, *(_likeness(piece) for piece in reversed(sent))])
    for skipped in range(len(sent)):
        if common[len(stored) + 1 + skipped] == min(len(stored), len(sent) - skipped):
            return len(sent) - skipped
    return 0


def going_on(
    history: list[Piece], recalled: list[Piece], sent: list[Piece], *, is_known: bool
) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Return what is to be shown before the messages of a client that carries its history, and what is new of these.

    Where they go on with what is stored, what is older than they are is shown. Else the client's own history
    stands alone; of the first request of a conversation all is new, and of others the newest turn. `is_known` tells
    whether the history could be read.
    """
    if known := repeated(history, sent):
        older = history[: max(0, len(history) - known)]
        return older, recalled if older else [], sent[known:]
    if is_known and not history:
        return [], [], sent
    newest = max((n for n, piece in enumerate(sent) if piece.role == "user"), default=0)
    return [], [], sent[newest:]


def _likeness(piece: Piece) -> Hashable:
    """Return what two copies of a message have in common: SDKs add fields to answers, and spaces get lost."""
    if memoryview(piece.message).nbytes <= MAX_READ_BYTES:
        try:
            message = _message.decode(piece.message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        else:
            if not isinstance(message.content, list):
                return piece.role, (message.content or "").strip(), piece.calls, piece.answers
    return piece.role, bytes(piece.message), piece.calls, piece.answers


def _common_lengths(values: Sequence[Hashable]) -> list[int]:
    """Return for each place how many values from there on are the same as from the beginning (the Z-function)."""
    lengths = [0] * len(values)
    left = right = 0
    for place in range(1, len(values)):
        length = min(lengths[place - left], right - place) if place < right else 0
        while place + length < len(values) and values[length] == values[place + length]:
            length += 1
        lengths[place] = length
        if place + length > right:
            left, right = place, place + length
    return lengths
