"""Improvements, investigations and lessons in memory: for library use, rehearsals and tests."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from guardian_cluster.domain.improvement import (
    Lesson,
    QueuedImprovement,
    QueueState,
    SafetyInvestigation,
)
from guardian_cluster.improvement.ports import Conflict

_Item = TypeVar("_Item")


class MemoryImprovements:
    """An `ImprovementStore` that ends with its process. One event loop may use it; no call gives way half-way."""

    def __init__(self) -> None:
        self._items: dict[str, QueuedImprovement] = {}
        self._investigations: dict[str, SafetyInvestigation] = {}
        self._lessons: dict[str, Lesson] = {}
        self._done: dict[str, tuple[str, ...]] = {}

    async def put(
        self,
        items: Sequence[QueuedImprovement],
        investigations: Sequence[SafetyInvestigation] = (),
        *,
        key: str,
    ) -> Sequence[str]:
        """Keep improvements with their investigations; return the ids of those that were new, the same for a `key`."""
        if key in self._done:
            return self._done[key]
        new = {
            item.improvement.id: item for item in reversed(items) if item.improvement.id not in self._items
        }
        self._items |= new
        for each in investigations:
            if each.improvement_id in new:
                self._investigations.setdefault(each.id, each)
        self._done[key] = tuple(dict.fromkeys(i.improvement.id for i in items if i.improvement.id in new))
        return self._done[key]

    async def improvements(
        self, *, specialist: str = "", state: QueueState | None = None, limit: int = 100
    ) -> Sequence[QueuedImprovement]:
        """Return improvements, newest first by when they came into their state."""
        found = (
            each
            for each in self._items.values()
            if specialist in ("", each.improvement.specialist) and state in (None, each.state)
        )
        return _newest(found, lambda each: (each.since, each.improvement.id), limit)

    async def improvement(self, id: str) -> QueuedImprovement | None:
        """Return one improvement."""
        return self._items.get(id)

    async def investigations(
        self, *, specialist: str = "", open_only: bool = False, limit: int = 100
    ) -> Sequence[SafetyInvestigation]:
        """Return investigations, newest first by when they were opened."""
        found = (
            each
            for each in self._investigations.values()
            if specialist in ("", each.specialist) and not (open_only and each.outcome != "open")
        )
        return _newest(found, lambda each: (each.opened, each.id), limit)

    async def investigation(self, id: str) -> SafetyInvestigation | None:
        """Return one investigation."""
        return self._investigations.get(id)

    async def decide(
        self,
        id: str,
        *,
        expected: QueueState,
        state: QueueState,
        who: str,
        note: str,
        at: float,
        lesson: Lesson | None = None,
        investigation: SafetyInvestigation | None = None,
    ) -> QueuedImprovement:
        """Bring an improvement from one state into another, with what follows; raises KeyError and Conflict."""
        item = self._items[id]
        if investigation is not None and investigation.id not in self._investigations:
            raise KeyError(investigation.id)
        if item.state != expected:
            raise Conflict(id, expected=expected, found=item.state)
        decided = msgspec.structs.replace(item, state=state, since=at, who=who, note=note)
        self._items[id] = decided
        if investigation is not None:
            self._investigations[investigation.id] = investigation
        if lesson is not None:
            self._lessons.setdefault(lesson.id, lesson)
        return decided

    async def lessons(self, specialist: str, *, limit: int = 100) -> Sequence[Lesson]:
        """Return what was learned of a specialist's improvements, newest first."""
        found = (each for each in self._lessons.values() if each.specialist == specialist)
        return _newest(found, lambda each: (each.at, each.id), limit)


def _newest(
    items: Iterable[_Item], when: Callable[[_Item], tuple[float, str]], limit: int
) -> tuple[_Item, ...]:
    return tuple(sorted(items, key=when, reverse=True)[:limit])
