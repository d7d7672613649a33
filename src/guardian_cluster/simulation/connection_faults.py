"""Faults of the connection: refusing, resetting, hanging, breaking off, dripping, slowness."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from guardian_cluster.simulation.fault import Fault, Place, struck
from guardian_cluster.simulation.reply import FOREVER_S, Abort, Close, Piece, Reply, Step, Wait
from guardian_cluster.simulation.request import ModelRequest


@dataclass(frozen=True, slots=True)
class Refuse(Fault):
    """Refuse every connection and reset those that are open: the process is gone."""

    on_connect: ClassVar[Literal["accept", "refuse", "garble"]] = "refuse"


@dataclass(frozen=True, slots=True)
class GarbleHandshake(Fault):
    """Send bytes that are neither TLS nor HTTP to whoever connects, and close."""

    on_connect: ClassVar[Literal["accept", "refuse", "garble"]] = "garble"


@dataclass(frozen=True, slots=True)
class Reset(Fault):
    """Reset the connection (RST) at a place."""

    place: Place = "request"

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """End the plan with a reset."""
        return struck(reply, self.place, (Abort(),))


@dataclass(frozen=True, slots=True)
class Hang(Fault):
    """Send nothing more from a place on; after `seconds` the connection is closed."""

    place: Place = "request"
    seconds: float = FOREVER_S

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """End the plan with silence."""
        return struck(reply, self.place, (Wait(self.seconds), Close()))


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Send nothing for a while at a place, then go on as if nothing had been."""

    place: Place
    seconds: float

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Put one wait into the plan."""
        return struck(reply, self.place, (Wait(self.seconds),), goes_on=True)


@dataclass(frozen=True, slots=True)
class BreakOff(Fault):
    """Close the connection (FIN) at a place: a body shorter than its length, a stream without an end."""

    place: Place = 1

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """End the plan with a close."""
        return struck(reply, self.place, (Close(),))


@dataclass(frozen=True, slots=True)
class StaleConnection(Fault):
    """Close a connection that is used again as its next request arrives: the race of idle connections."""

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """End the plan at once where the connection has served before."""
        return struck(reply, "request", (Close(),)) if request.on_reused_connection else reply


@dataclass(frozen=True, slots=True)
class Drip(Fault):
    """Send the body a few bytes at a time; with no time between them, to try every place where it may break.

    Of two faults let this be the second: afterwards each drop counts as a chunk.
    """

    bytes_at_once: int = 1
    every_s: float = 0.0

    def __post_init__(self) -> None:
        if self.bytes_at_once < 1:
            raise ValueError(f"bytes_at_once is {self.bytes_at_once}: a drop holds at least 1")

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Cut every piece of the plan into drops."""
        return replace(reply, body=self._dripping(reply.body))

    def _dripping(self, body: Iterable[Step]) -> Iterator[Step]:
        for step in body:
            if not isinstance(step, Piece):
                yield step
                continue
            for at in range(0, len(step.data), self.bytes_at_once):
                yield Piece(step.data[at : at + self.bytes_at_once], step.kind)
                yield Wait(self.every_s)


@dataclass(frozen=True, slots=True)
class Slow(Fault):
    """Degrade: every wait takes `factor` times as long, and the first byte `extra_s` more."""

    factor: float = 1.0
    extra_s: float = 0.0

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Stretch the waits of the plan."""
        before = (Wait(self.extra_s), *(self._stretched(step) for step in reply.before_headers))
        body = (self._stretched(step) for step in reply.body)
        return replace(reply, before_headers=before, body=body)

    def _stretched(self, step: Step) -> Step:
        return Wait(step.seconds * self.factor) if isinstance(step, Wait) else step


@dataclass(frozen=True, slots=True)
class Raw(Fault):
    """Send these bytes instead of a reply and close: for anything that HTTP forbids."""

    data: bytes

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Replace the plan."""
        return replace(reply, before_headers=(Piece(self.data), Close()))
