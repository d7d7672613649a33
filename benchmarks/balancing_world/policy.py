"""What a simulated gateway asks of whoever balances; the product's own Load Balancer behind it, and ideas beside it."""

import random
from collections.abc import Mapping
from itertools import cycle
from typing import Protocol

from guardian_cluster.contract.records import Report
from guardian_cluster.contract.snapshot import (
    BalancingPolicy,
    Base,
    Endpoint,
    Snapshot,
    Specialist,
    Timeouts,
    Variant,
)
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.balancing.load_balancer import LoadBalancer, Try
from guardian_cluster.request.balancing.plan import Candidate, Demand, Plan

Tried = Mapping[int, int]
"""Number of an endpoint -> attempts that a request made there already."""


class Attempt(Protocol):
    """One attempt as the balancer sees it."""

    def heard(self, *, content: bool) -> None: ...
    def succeeded(self, tokens: int) -> None: ...
    def failed(self, failure: AttemptFailed) -> None: ...
    def cancelled(self) -> None: ...


class Policy(Protocol):
    """Decides who is asked."""

    def note_request(self) -> None: ...
    def choose(self, tried: Tried) -> int | None: ...
    def begin(self, number: int) -> Attempt: ...
    def may_retry(self) -> bool: ...
    def hedge_after_s(self, asked: int) -> float | None: ...
    def may_hedge(self, asked: int, tried: Tried) -> int | None: ...
    def stall_after_s(self, number: int) -> float | None: ...
    def probes_due(self) -> list[int]: ...
    def probed(self, number: int, *, ok: bool) -> None: ...


class Deaf:
    """A sink that keeps nothing."""

    def report(self, report: Report) -> None:
        """Take one report."""


APPLICATIONS = 30
"""Whose requests begin alike; the first has a quarter of all (Zipf). No cache helps here: what affinity costs is
measured, not what it saves."""


class Product:
    """The Load Balancer as the gateway has it."""

    def __init__(
        self, places: int, clock: Clock, rng: random.Random, policy: BalancingPolicy, *, streamed: bool
    ) -> None:
        endpoints = tuple(
            Endpoint(id=f"model/{number}", url="http://model.test/v1", model="model")
            for number in range(places)
        )
        specialist = Specialist(
            name="model", endpoints=endpoints, variants=(Variant(id="v"),), timeouts=Timeouts(total_s=15.0)
        )
        self._clock = clock
        self.balancer = LoadBalancer(clock, rng, Deaf())
        self.balancer.configure(Snapshot(rev=1, base=Base(specialists=(specialist,), balancing=policy)))
        self._candidates = [Candidate(specialist, endpoint) for endpoint in endpoints]
        self._ids = [endpoint.id for endpoint in endpoints]
        self._numbers = {endpoint.id: number for number, endpoint in enumerate(endpoints)}
        self._demand = Demand(streamed=streamed)
        tiers = (tuple(self._candidates),)
        prefixes = rng.choices(
            range(APPLICATIONS), [1.0 / rank for rank in range(1, APPLICATIONS + 1)], k=997
        )
        self._plan = Plan(tiers, self._demand, 3)
        self._plans = cycle(
            Plan(tiers, Demand(streamed=streamed, prefix=hash((7, each))), 3) for each in prefixes
        )
        self.note_request = self.balancer.note_request
        self.may_retry = self.balancer.may_retry

    def choose(self, tried: Tried) -> int | None:
        plan = self._plan if tried else next(self._plans)
        return self._number(self.balancer.choose(plan, self._named(tried)))

    def begin(self, number: int) -> Try:
        return self.balancer.begin(self._candidates[number], self._demand)

    def hedge_after_s(self, asked: int) -> float | None:
        return self.balancer.hedge_after_s(self._plan, self._candidates[asked])

    def may_hedge(self, asked: int, tried: Tried) -> int | None:
        return self._number(self.balancer.may_hedge(self._plan, self._candidates[asked], self._named(tried)))

    def stall_after_s(self, number: int) -> float:
        return self.balancer.stall_after_s(self._candidates[number])

    def probes_due(self) -> list[int]:
        return [self._numbers[name] for name in self.balancer.probes_due(self._clock.monotonic())]

    def probed(self, number: int, *, ok: bool) -> None:
        self.balancer.probed(self._ids[number], ok)

    def _named(self, tried: Tried) -> Mapping[str, int]:
        return {self._ids[number]: count for number, count in tried.items()} if tried else {}

    def _number(self, candidate: Candidate | None) -> int | None:
        return None if candidate is None else self._numbers[candidate.endpoint.id]
