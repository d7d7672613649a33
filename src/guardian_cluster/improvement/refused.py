"""Which improvements of a specialist were turned down for good: nobody is to be asked about them again."""

from guardian_cluster.domain.improvement import QueueState
from guardian_cluster.improvement.ports import ImprovementStore

REFUSED: tuple[QueueState, ...] = ("rejected", "blocked", "undone")
"""A person said no, found it unsafe, or took it back."""

_MOST = 1_000
"""Of each state, the newest: a rule that fits nothing else proposes one of those last refused."""


async def refused_ids(store: ImprovementStore, specialist: str) -> frozenset[str]:
    """Return the ids of the improvements of a specialist that were turned down."""
    found = [await store.improvements(specialist=specialist, state=state, limit=_MOST) for state in REFUSED]
    return frozenset(item.improvement.id for items in found for item in items)
