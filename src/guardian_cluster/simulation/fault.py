"""What a fault is: a value that changes an answer or the plan of its reply."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar, Literal

from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.reply import Piece, Reply, Step
from guardian_cluster.simulation.request import ModelRequest

Place = Literal["request", "headers"] | int
"""Where a fault strikes: once the request is read, once the headers are out, or after so many content chunks.

A stream that ends sooner is struck before its finishing chunk. A whole body has one place in between: 0 is
before it, any larger number is in its middle.
"""


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
        if not isinstance(step, Piece):
            yield step
            continue
        if step.kind == "body":
            middle = len(step.data) // 2 if chunks else 0
            before, step = step.data[:middle], Piece(step.data[middle:])
            yield Piece(before)
        elif step.kind == "opening" or (step.kind == "content" and chunks > 0):
            chunks -= step.kind == "content"
            yield step
            continue
        yield from steps
        if goes_on:
            yield step
            yield from coming
        return
