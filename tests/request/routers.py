"""A router on its own, for tests: what the rest of a cluster would tell it is given."""

import random
from collections.abc import Callable, Container, Iterable, Sequence
from functools import cache

from held_moves import held

from guardian_cluster.contract.snapshot import Base, Overlay, Snapshot
from guardian_cluster.domain.action import Drain, HeldMove
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.request.experience import Experience
from guardian_cluster.request.router import Abilities, RequestRouter
from guardian_cluster.request.scoring import Scorer
from guardian_cluster.request.steering.steering import Steering
from guardian_cluster.statistics.hashing import TextHasher
from guardian_cluster.statistics.success_model import SuccessModel


def router_of(
    serving: Base,
    drained: Iterable[str] = (),
    *,
    moves: Sequence[HeldMove] = (),
    clock: ManualClock | None = None,
    is_solvable: Callable[[str], bool] = lambda _: False,
    documents: Container[str] = (),
    model: SuccessModel | None = None,
    price: float = 0.0,
    experience: Experience | None = None,
) -> RequestRouter:
    """Return the router of a base; `drained` are specialists, `documents` the tenants that have some."""

    async def has_documents(tenant: str) -> bool:
        return tenant in documents

    drains = [held(Drain(specialist=name), id=f"drain of {name}", loop="person") for name in drained]
    snapshot = Snapshot(rev=1, base=serving, overlay=Overlay(moves=(*drains, *moves)))
    return RequestRouter(
        serving,
        Steering(snapshot, clock or ManualClock(), random.Random(1)),
        Abilities(is_solvable=is_solvable, has_documents=has_documents),
        Scorer(_hasher(), model, experience or Experience()),
        lambda _: price,
        random.Random(1),
    )


@cache
def _hasher() -> TextHasher:
    """Return the one of all routers: making one takes longer than most tests."""
    return TextHasher(b"salt")
