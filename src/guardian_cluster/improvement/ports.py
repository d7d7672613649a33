"""What workflow 3 needs of the outside: where improvements, investigations and lessons are kept."""

from collections.abc import Sequence
from typing import Protocol

from guardian_cluster.domain.improvement import (
    Lesson,
    QueuedImprovement,
    QueueState,
    SafetyInvestigation,
)


class Conflict(Exception):
    """An improvement is not in the state that a decision expected: somebody else decided first."""

    def __init__(self, id: str, *, expected: QueueState, found: QueueState) -> None:
        super().__init__(f"improvement {id} is {found}, and not {expected} any more")
        self.id = id
        self.expected = expected
        self.found = found


class ImprovementStore(Protocol):
    """What was proposed, what a person looks into, and what was learned. Each call is one transaction."""

    async def put(
        self,
        items: Sequence[QueuedImprovement],
        investigations: Sequence[SafetyInvestigation] = (),
        *,
        key: str,
    ) -> Sequence[str]:
        """Keep improvements with the investigations opened for them; return the ids of those that were new.

        `key` names this very call: made twice, it has its effect once, and returns the same. An improvement whose id
        is known changes nothing, whatever state it is in; nor does an investigation of one that was not new.
        """
        ...

    async def improvements(
        self, *, specialist: str = "", state: QueueState | None = None, limit: int = 100
    ) -> Sequence[QueuedImprovement]:
        """Return improvements, newest first by when they came into their state."""
        ...

    async def improvement(self, id: str) -> QueuedImprovement | None:
        """Return one improvement."""
        ...

    async def investigations(
        self, *, specialist: str = "", open_only: bool = False, limit: int = 100
    ) -> Sequence[SafetyInvestigation]:
        """Return investigations, newest first by when they were opened."""
        ...

    async def investigation(self, id: str) -> SafetyInvestigation | None:
        """Return one investigation."""
        ...

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
        """Bring an improvement from one state into another, with what follows from it, and return it.

        All or nothing: `lesson` is kept unless its id is known, `investigation` takes the place of the one with its
        id. Raises KeyError where there is no such improvement or investigation, and Conflict where its state is
        not `expected` (any more).
        """
        ...

    async def lessons(self, specialist: str, *, limit: int = 100) -> Sequence[Lesson]:
        """Return what was learned of a specialist's improvements, newest first."""
        ...
