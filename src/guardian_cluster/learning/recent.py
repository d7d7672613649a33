"""Decides how long a request is remembered, so that what is said of it late can still take the place of a guess."""

import math
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, replace

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.learning.labels import Lesson, is_about, is_instructive, is_mark, lessons_of

REMEMBERED = 1_000
"""Requests; at 2 to 4 KB each a few megabytes. Whoever says what an answer was worth does so within minutes, and
older requests are found in the database."""

SETTLED_S = 3_600.0
"""After this time a request is taken to be judged as well as it ever will be."""

WAITING = 1_000
"""Marks whose request is not known yet: they travel in other batches and may come first."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request and the last that its caller said of it."""

    record: RequestRecord
    mark: tuple[float, float] | None = None
    """(when, score)"""
    was_learned: bool = False
    """It was settled before: only what its caller says is news."""

    @property
    def score(self) -> float | None:
        """The mark its caller gave."""
        return None if self.mark is None else self.mark[1]

    @property
    def place(self) -> tuple[float, str]:
        """Its place in the order of learning, which does not depend on the order of arrival."""
        return self.record.started, self.record.id

    def lessons(self) -> tuple[Lesson, ...]:
        """Return what it teaches as it stands."""
        lessons = lessons_of(self.record, self.score)
        return tuple(each for each in lessons if each.source == "feedback") if self.was_learned else lessons


class RecentRequests:
    """The last requests from which something can be learned, in order of their beginning; bounded."""

    def __init__(self) -> None:
        self._known: dict[str, Remembered] = {}
        self._order: list[tuple[float, str]] = []
        self._waiting: dict[tuple[str, str], Feedback] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._known

    def __iter__(self) -> Iterator[Remembered]:
        return (self._known[id] for _, id in self._order)

    @property
    def waiting(self) -> int:
        """How many marks wait for their request."""
        return len(self._waiting)

    def add(self, record: RequestRecord, *, was_learned: bool = False) -> int:
        """Remember a request, with what was said of it before it came. Return how many lessons are new."""
        if record.id in self._known or not is_instructive(record) or not math.isfinite(record.started):
            return 0
        found = Remembered(record, was_learned=was_learned)
        self._known[record.id] = found
        insort(self._order, found.place)
        waiting = self._waiting.pop((record.id, record.tenant), None)
        return len(found.lessons()) + (self.mark(waiting) if waiting else 0)

    def mark(self, feedback: Feedback) -> int:
        """Take in what a caller said: its last word counts, and its own requests alone. Return whether that is news."""
        found = self._known.get(feedback.request_id)
        if found is None:
            if is_mark(feedback):  # what is none must not take the place of one
                self._wait(feedback)
            return 0
        mark = (feedback.received, feedback.score if feedback.score is not None else math.nan)
        if not is_about(feedback, found.record) or (found.mark is not None and mark <= found.mark):
            return 0
        self._known[feedback.request_id] = replace(found, mark=mark)
        return 1

    def settle(self, now: float) -> Remembered | None:
        """Take out the oldest, where it is older than `SETTLED_S` or there are too many; `None` where neither is so."""
        if not self._order or (len(self._order) <= REMEMBERED and self._order[0][0] >= now - SETTLED_S):
            return None
        _, id = self._order.pop(0)
        return self._known.pop(id)

    def forget(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._order.clear()
        self._waiting.clear()

    def _wait(self, feedback: Feedback) -> None:
        place = (feedback.request_id, feedback.tenant)
        before = self._waiting.pop(place, None)
        if before is not None and before.received > feedback.received:
            feedback = before
        self._waiting[place] = feedback
        while len(self._waiting) > WAITING:
            del self._waiting[next(iter(self._waiting))]
