"""Decides in which state improvements enter the queue: safe ones wait, the others wait for an investigation."""

from collections.abc import Callable, Sequence

from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.improvement import (
    Improvement,
    QueuedImprovement,
    SafetyInvestigation,
    SafetyReview,
)
from guardian_cluster.improvement.investigation import opened
from guardian_cluster.improvement.ports import ImprovementStore


class ImprovementQueue:
    """Improvements that wait for a person, or for workflow 3.

    `owner` says at any time who looks into those that a safety monitor holds something against.
    """

    def __init__(self, store: ImprovementStore, clock: Clock, owner: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner

    async def queue_improvements(
        self, improvements: Sequence[tuple[Improvement, SafetyReview]], *, key: str
    ) -> Sequence[str]:
        """Put improvements into the queue, or under investigation; return the ids of those that were new.

        `key` names this very call: made twice, it has its effect once. One whose id is known changes nothing, whatever
        became of it: what a person turned down is not proposed to them again.

        Raises:
            ValueError: a review is of another improvement than the one it comes with; nothing was queued.
        """
        if not improvements:
            return ()
        at = self._clock.now()
        items = [_queued(improvement, review, at) for improvement, review in improvements]
        return await self._store.put(items, self._investigations(improvements, at), key=key)

    def _investigations(
        self, improvements: Sequence[tuple[Improvement, SafetyReview]], at: float
    ) -> list[SafetyInvestigation]:
        doubtful = [pair for pair in improvements if pair[1].state == "investigate"]
        owner = self._owner() if doubtful else ""
        return [opened(improvement, review, owner=owner, at=at) for improvement, review in doubtful]


def _queued(improvement: Improvement, review: SafetyReview, at: float) -> QueuedImprovement:
    if review.improvement_id != improvement.id:
        message = f"a review of {review.improvement_id} says nothing of improvement {improvement.id}"
        raise ValueError(message)
    state = "queued" if review.state == "approved" else "investigated"
    return QueuedImprovement(
        improvement=improvement, review=review, state=state, since=at, who=improvement.proposer
    )
