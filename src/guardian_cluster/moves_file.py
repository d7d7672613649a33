"""The file of moves in force in a data folder: `moves.json`, written by recovery, read by the deployment.

It is what the state says is active, written again at each change and at each start: it can be lost without harm. A
damaged one is taken for empty, for a gateway must not go on in a way that nobody decided.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from guardian_cluster.domain.action import HeldMove, known_moves
from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.locked_file import LockedFile

log = logging.getLogger("guardian.recovery")

FILE_NAME = "moves.json"
_MAX_BYTES = 4_000_000


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    version: Literal[1] = 1
    moves: tuple[HeldMove, ...] = ()


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """The same, before it is known which moves are known."""

    version: Literal[1] = 1
    moves: tuple[msgspec.Raw, ...] = ()


class MovesFile:
    """The moves in force of one data folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._file = LockedFile(self.path, most_bytes=_MAX_BYTES)

    def load(self) -> tuple[HeldMove, ...]:
        """Return the moves, in the order in which they were taken; none where the file is damaged or not there.

        Those that only a newer program knows are left out.
        """
        try:
            content = self._file.read()
            return () if content is None else _known(msgspec.json.decode(content, type=_Read).moves)
        except (OSError, ValueError, RecursionError) as error:
            log.error("the moves in force cannot be read, so none is", extra={"reason": str(error)})
            return ()

    def put(self, moves: Sequence[HeldMove]) -> bool:
        """Have exactly these moves be in force; return whether that changes anything.

        Raises CannotCreate where the file cannot be locked or written.
        """
        wanted = _Kept(moves=tuple(moves))
        try:
            with self._file.locked():
                if self.load() == wanted.moves:
                    return False
                self._file.write(msgspec.json.format(msgspec.json.encode(wanted), indent=1))
        except OSError as error:
            hint = "set another place with [data] folder in guardian.toml"
            raise CannotCreate(
                Problem("moves-unwritable", f"{self.path} cannot be written: {error}", hint=hint)
            ) from error
        return True


def _known(moves: Sequence[msgspec.Raw]) -> tuple[HeldMove, ...]:
    known = known_moves(moves)
    if len(known) < len(moves):
        log.warning("moves in force cannot be read", extra={"left_out": len(moves) - len(known)})
    return known
