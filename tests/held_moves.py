"""Moves as they stand in an overlay, for tests."""

from guardian_cluster.contract.snapshot import Overlay
from guardian_cluster.domain.action import HeldMove, Loop, Move

LATER = 4e9
"""Far after any clock of a test."""


def held(move: Move, id: str = "act", *, until: float = LATER, loop: Loop = "recovery") -> HeldMove:
    """Return a move in force."""
    return HeldMove(id=id, until=until, loop=loop, move=move)


def overlay(*moves: Move, until: float = LATER, loop: Loop = "recovery") -> Overlay:
    """Return the overlay of these moves: their ids are a1, a2, ..."""
    return Overlay(
        moves=tuple(held(each, f"a{n}", until=until, loop=loop) for n, each in enumerate(moves, 1))
    )
