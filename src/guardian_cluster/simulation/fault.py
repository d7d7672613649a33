"""What a fault is: a value that changes an answer or the plan of its reply."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar, Literal

from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.reply import Piece, Reply, Step
from guardian_cluster.simulation.request import ModelRequest

BodyPlace = Literal["headers"] | int
"""Where in a body a fault strikes: once the headers are out, or after so many content chunks.

A stream that ends sooner is struck before its finishing chunk. A whole body has one place in between: 0 is
before it, any larger number is in its middle.
"""

Place = Literal["request"] | BodyPlace
"""Where a fault strikes: also before the headers, once the request is read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """No fault: the base of all, which leaves everything as it is."""

    on_connect: ClassVar[Literal["accept", "refuse", "garble"]] = "accept"

    def change_answer(self, answer: Answer) -> Answer:
        """Return what is said instead."""
        return answer

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Return how it is sent instead."""
        return reply

    def __and__(self, other: "Fault") -> "Fault":
        """Return both faults at once, this one first."""
        return Both(self, other)


@dataclass(frozen=True, slots=True)
class Both(Fault):
    """Two faults in one reply; those that meet connections (refusing) are set on a server by themselves."""

    first: Fault
    second: Fault

    def __post_init__(self) -> None:
        for fault in (self.first, self.second):
            if fault.on_connect != "accept":
                raise ValueError(f"{fault} leaves no reply for another fault to change: set it by itself")

    def change_answer(self, answer: Answer) -> Answer:
        """Let both change the answer."""
        return self.second.change_answer(self.first.change_answer(answer))

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Let both change the reply."""
        return self.second.change_reply(request, self.first.change_reply(request, reply))


def struck(reply: Reply, place: Place, steps: tuple[Step, ...], *, goes_on: bool = False) -> Reply:
    """Return the reply with steps put in at a place; what follows is dropped unless it goes on."""
    if place == "request":
        return replace(reply, before_headers=(*reply.before_headers, *steps))
    if place == "headers":
        return replace(reply, body=chain(steps, reply.body) if goes_on else steps)
    return replace(reply, body=_struck_body(reply.body, place, steps, goes_on))


def _struck_body(body: Iterable[Step], chunks: int, steps: tuple[Step, ...], goes_on: bool) -> Iterator[Step]:
    coming = iter(body)
    for step in coming:
        if not isinstance(step, Piece) or step.kind == "opening":
            yield step
        elif step.kind == "content" and chunks > 0:
            chunks -= 1
            yield step
        else:
            before, behind = _parted(step, chunks)
            yield from chain((before,), steps)
            yield from chain((behind,), coming) if goes_on else ()
            return


def _parted(piece: Piece, chunks: int) -> tuple[Piece, Piece]:
    """Return what comes before and behind the strike: a whole body may be struck in its middle."""
    middle = len(piece.data) // 2 if piece.kind == "body" and chunks else 0
    return Piece(piece.data[:middle]), Piece(piece.data[middle:], piece.kind)
