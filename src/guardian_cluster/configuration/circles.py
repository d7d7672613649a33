"""Decide which of many references lead back to where they came from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_SHOWN = 6
"""Names of a circle that are kept: one of thousands is no line to read."""


@dataclass(frozen=True, slots=True)
class Circle:
    """A reference that closes a circle."""

    name: str
    """Whose reference it is."""
    index: int
    """Which of its references."""
    way: tuple[str, ...]
    """The circle from where the reference leads, its first names."""
    length: int

    def __str__(self) -> str:
        rest = ("...", self.name) if self.length > len(self.way) else ()
        return " -> ".join((*self.way, *rest, self.way[0]))


@dataclass(slots=True)
class _Walk:
    """The way from where a walk began to where it is."""

    path: list[str] = field(default_factory=list[str])
    depth: dict[str, int] = field(default_factory=dict[str, int])
    pending: list[Iterator[tuple[int, str]]] = field(default_factory=list[Iterator[tuple[int, str]]])

    def enter(self, name: str, references: Sequence[str]) -> None:
        self.depth[name] = len(self.path)
        self.path.append(name)
        self.pending.append(iter(enumerate(references)))

    def leave(self) -> None:
        self.pending.pop()
        del self.depth[self.path.pop()]

    def circle(self, index: int, back_to: str) -> Circle:
        at = self.depth[back_to]
        return Circle(self.path[-1], index, tuple(self.path[at : at + _SHOWN]), len(self.path) - at)


def circles(references: Mapping[str, Sequence[str]]) -> Iterator[Circle]:
    """Yield each reference that closes a circle, in time linear to their number and without recursion.

    Without those yielded there is no circle. References to names that are not there lead nowhere.
    """
    seen: set[str] = set()
    for start in references:
        if start not in seen:
            yield from _circles_from(start, references, seen)


def _circles_from(start: str, references: Mapping[str, Sequence[str]], seen: set[str]) -> Iterator[Circle]:
    walk = _Walk()
    walk.enter(start, references[start])
    seen.add(start)
    while walk.pending:
        index, other = next(walk.pending[-1], (-1, ""))
        if index < 0:
            walk.leave()
        elif other in walk.depth:
            yield walk.circle(index, other)
        elif other in references and other not in seen:
            seen.add(other)
            walk.enter(other, references[other])
