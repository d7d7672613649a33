"""Owns every limit that workers share: which pool it is, who holds what of it, and what was spent before."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from guardian_cluster.contract.fleet import Holdings, LimitKind, Share, Spent
from guardian_cluster.contract.snapshot import Base, Limits
from guardian_cluster.domain.clock import Clock
from guardian_cluster.gateway.limits import month_of
from guardian_cluster.gateway.window import MINUTE_S
from guardian_cluster.processes.pool import Pool

GATEWAY = "gateway"
"""The account of what is limited for all callers together."""

_LASTS_S: Mapping[LimitKind, float] = {
    "requests": MINUTE_S,
    "tokens": MINUTE_S,
    "usd": math.inf,
    "at_once": 0.0,
}
"""How long what was used goes on counting when the worker that let it through has ended."""

_Key = tuple[str, LimitKind]
Told = dict[int, list[Share]]
"""What each worker is to be told."""


class SharedLimits:
    """Every limit of a deployment, shared out to workers by their numbers.

    Each method that changes something puts what workers are to be told aside, for `take_told`.
    """

    def __init__(self, clock: Clock) -> None:
        self.knows_spending = False
        """Whether what was spent before is counted; until then budgets are taken to be whole."""
        self.numbers: dict[int, int] = {}
        """By worker: the number that the next message to it will have."""
        self._clock = clock
        self._month = month_of(clock.now())
        self._pools: dict[_Key, Pool] = {}
        self._tenants: dict[str, str] = {}
        self._before: dict[str, float] = {}
        self._teller: int | None = None
        self._told: defaultdict[int, dict[_Key, Share]] = defaultdict(dict)
        self._active: set[_Key] = set()

    def configure(self, base: Base) -> None:
        """Take over what a snapshot limits; of limits that stay what is used is kept."""
        self._tenants = {key.id: key.tenant for key in base.keys}
        limits = dict(_limits_of(base))
        self._pools = {key: pool for key, pool in self._pools.items() if key in limits}
        for key, limit in limits.items():
            pool = self._pools.get(key)
            if pool is None:
                self._pools[key] = self._new_pool(key, limit)
            elif pool.limit == limit:
                continue
            else:
                pool.limit = limit
            self._divide([key])

    def join(self, worker: int) -> None:
        """Take in a worker, and find a share of everything for it."""
        self.numbers[worker] = 1
        for pool in self._pools.values():
            pool.join(worker)
        self._divide(self._pools)

    def leave(self, worker: int) -> None:
        """Give what a worker held that has ended to the others."""
        if self.numbers.pop(worker, None) is None:
            return
        now = self._clock.monotonic()
        self._told.pop(worker, None)
        for pool in self._pools.values():
            pool.leave(worker, now)
        self._divide(self._pools)

    def take(self, worker: int, told: Holdings) -> None:
        """Take in what a worker holds; where it had to refuse, or gave up what others wait for, divide at once."""
        urgent: list[_Key] = []
        for each in told.holdings:
            pool = self._pools.get((each.account, each.kind))
            if pool is None or (each.kind == "usd" and told.month != self._month):
                continue
            pool.report(
                worker,
                share=each.share,
                used=each.used,
                lasting=each.lasting,
                asked=each.asked,
                demand=each.demand,
                heard=told.heard,
            )
            self._active.add((each.account, each.kind))
            if each.asked or not pool.is_settled:
                urgent.append((each.account, each.kind))
        self._divide(urgent)

    def learn(self, worker: int, spent: Spent) -> None:
        """Count what keys spent before.

        Only what the first worker says that says anything: what others are told later holds what was spent since, too.
        """
        self._turn()
        if self._teller not in (None, worker) or spent.month != self._month:
            return
        self._teller, self.knows_spending = worker, True
        for name, usd in spent.usd.items():
            if name not in self._before:
                self._before[name] = usd
                for account in (f"key {name}", f"tenant {self._tenants.get(name, '')}"):
                    if (account, "usd") in self._pools:
                        self._pools[account, "usd"].learn(usd)
        self._divide(key for key in self._pools if key[1] == "usd")

    def tick(self) -> None:
        """Divide anew what is in use; to be called every second."""
        self._turn()
        active, self._active = self._active, set()
        known = [key for key in active if key in self._pools]
        self._divide(known)
        for key in known:
            self._pools[key].tick()
            if self._pools[key].is_weighed:
                self._active.add(key)

    def take_told(self) -> Told:
        """Return what each worker is to be told since the last time, and count a message for each."""
        told = {worker: list(shares.values()) for worker, shares in self._told.items() if shares}
        self._told.clear()
        for worker in told:
            self.numbers[worker] += 1
        return told

    def _divide(self, keys: Iterable[_Key]) -> None:
        now = self._clock.monotonic()
        for key in keys:
            for worker, part in self._pools[key].divide(now, self.numbers).items():
                self._told[worker][key] = Share(
                    account=key[0], kind=key[1], share=part.share, elsewhere=part.elsewhere
                )

    def _new_pool(self, key: _Key, limit: float) -> Pool:
        pool = Pool(limit, quantum=0.0 if key[1] == "usd" else 1.0, lasts_s=_LASTS_S[key[1]])
        for worker in self.numbers:
            pool.join(worker)
        if key[1] == "usd":
            pool.learn(self._spent_before(key[0]))
        return pool

    def _spent_before(self, account: str) -> float:
        kind, _, name = account.partition(" ")
        if kind == "key":
            return self._before.get(name, 0.0)
        return sum(usd for key, usd in self._before.items() if self._tenants.get(key) == name)

    def _turn(self) -> None:
        """Begin a new month when there is one."""
        month = month_of(self._clock.now())
        if month == self._month:
            return
        self._month, self._before = month, {}
        self._teller, self.knows_spending = 0, True  # nobody needs to be asked what was spent before
        budgets = [key for key in self._pools if key[1] == "usd"]
        for key in budgets:
            self._pools[key].begin_anew()
        self._divide(budgets)


def _limits_of(base: Base) -> Iterable[tuple[_Key, float]]:
    yield (GATEWAY, "at_once"), float(base.limits.max_concurrency)
    for key in base.keys:
        yield from _limits(f"key {key.id}", key.limits)
    for tenant in base.tenants:
        yield from _limits(f"tenant {tenant.name}", tenant.limits)


def _limits(account: str, limits: Limits) -> Iterable[tuple[_Key, float]]:
    if limits.requests_per_minute is not None:
        yield (account, "requests"), float(limits.requests_per_minute)
    if limits.tokens_per_minute is not None:
        yield (account, "tokens"), float(limits.tokens_per_minute)
    if limits.budget_usd_per_month is not None:
        yield (account, "usd"), limits.budget_usd_per_month
