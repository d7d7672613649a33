"""A router on its own, for tests: what the rest of a cluster would tell it is given."""

import random
from collections.abc import Callable, Container

from guardian_cluster.contract.snapshot import Base
from guardian_cluster.request.experience import Experience
from guardian_cluster.request.router import Abilities, RequestRouter
from guardian_cluster.request.scoring import Scorer
from guardian_cluster.statistics.hashing import TextHasher
from guardian_cluster.statistics.success_model import SuccessModel


def router_of(
    serving: Base,
    drained: Container[str] = (),
    *,
    is_solvable: Callable[[str], bool] = lambda _: False,
    documents: Container[str] = (),
    model: SuccessModel | None = None,
    price: float = 0.0,
) -> RequestRouter:
    """Return the router of a base; `documents` are the tenants that have some."""

    async def has_documents(tenant: str) -> bool:
        return tenant in documents

    return RequestRouter(
        serving,
        drained,
        Abilities(is_solvable=is_solvable, has_documents=has_documents),
        Scorer(TextHasher(b"salt"), model, Experience()),
        lambda _: price,
        random.Random(1),
    )
