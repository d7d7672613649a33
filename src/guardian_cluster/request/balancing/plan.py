"""What the Load Balancer allocates to a request: the endpoints that may be asked, in tiers, and how often."""

from collections.abc import Callable, Container, Mapping

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.request.steering.way import Way


class Candidate(msgspec.Struct, frozen=True):
    """One endpoint of one specialist."""

    specialist: contract.Specialist
    endpoint: contract.Endpoint


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks of whichever endpoint it is given to."""

    key: str = ""
    """Whose turn it is when several wait: the caller's key, or tenant."""
    streamed: bool = True
    tokens: int = 0
    """Of question and answer together, estimated: what is reserved of an endpoint's tokens per minute."""
    prefix: int | None = None
    """A hash of how the request begins; those of one hash are best given to one endpoint. `None` is of no use."""


class Plan(msgspec.Struct, frozen=True):
    """The endpoints that may be asked: each tier only where nobody of the tiers before it can be."""

    tiers: tuple[tuple[Candidate, ...], ...]
    """First the specialist's own endpoints, with those of its equals; then those of each fallback."""
    demand: Demand = Demand()
    max_attempts: int = 1
    everyone: tuple[Candidate, ...] = ()
    """All who would be in it without moves; empty where there are none."""
    way: Way | None = None
    """What moves make of the request."""

    def has_untried(self, tried: Container[str]) -> bool:
        """Return whether there is an endpoint that was not asked yet."""
        return any(each.endpoint.id not in tried for tier in self.tiers for each in tier)

    def without(self, endpoint_id: str) -> "Plan":
        """Return the plan for a request that one endpoint will not answer, however often it is asked."""
        return self.of(lambda each: each.endpoint.id != endpoint_id)

    def continuing(self) -> "Plan":
        """Return the plan for an answer that broke off: of those that go on with the words of others."""
        return self.of(lambda each: each.specialist.continuation != "off")

    def of(self, wanted: Callable[[Candidate], bool]) -> "Plan":
        """Return the plan for those that are wanted."""
        tiers = tuple(tuple(filter(wanted, tier)) for tier in self.tiers)
        return msgspec.structs.replace(self, tiers=tiers)


class ResourceAllocation(msgspec.Struct, frozen=True):
    """For each assignment, by its id, what was allocated to it."""

    plans: Mapping[str, Plan]
