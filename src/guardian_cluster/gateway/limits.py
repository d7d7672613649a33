"""Rates, tokens and budgets: reserved before a request runs, settled when it has ended, all in memory.

What a request may use is taken from its key's and its tenant's accounts before anything is sent, so that
requests running side by side cannot all spend the same remainder: the overshoot is at most what one request
uses beyond its reservation. Where there are several workers each spends its share of every limit.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from guardian_cluster.contract.fleet import Holding, LimitKind, Share
from guardian_cluster.contract.records import RequestRecord, Spend
from guardian_cluster.contract.snapshot import Base, Limits
from guardian_cluster.domain.clock import Clock
from guardian_cluster.gateway.account import NO_LIMITS, Account, OverLimit
from guardian_cluster.gateway.auth import Caller
from guardian_cluster.gateway.http import HeaderList
from guardian_cluster.gateway.quota import Budget, Rate

DEFAULT_OUTPUT_TOKENS = 1_024
"""Reserved for an answer whose request sets no limit."""

MOST_OUTPUT_TOKENS = 2**40
"""Reserved at most: a request may name any number, and one that no answer reaches is none to calculate with."""


class Reservation(msgspec.Struct):
    """What a request has taken; to be settled once, however it ends."""

    owner: "Accounts | None" = None
    accounts: list[tuple[Account, int]] = []
    """Each with the slot its tokens are in."""
    tokens: int = 0
    cost_usd: float = 0.0

    def settle(self, record: RequestRecord | None) -> None:
        """Replace what was reserved by what was used; nothing was where there is no record."""
        if self.owner is None:
            return
        used = record.input_tokens + record.output_tokens if record else 0
        self.owner.settle(self, used, record.cost_usd if record else 0.0)
        self.accounts, self.owner = [], None

    def headers(self) -> HeaderList:
        """Return OpenAI's rate limit headers, for the tightest account of each kind."""
        if self.owner is None:
            return []
        return standing([account for account, _ in self.accounts], self.owner.clock.monotonic())


def standing(accounts: list[Account], now: float) -> HeaderList:
    """Return OpenAI's rate limit headers as accounts stand now, for the tightest one of each kind."""
    headers: HeaderList = []
    for kind in ("requests", "tokens"):
        rates: list[Rate] = [rate for account in accounts if (rate := getattr(account, kind)) is not None]
        if rates:
            tightest = min(rates, key=lambda rate: rate.left)
            headers += [
                (f"x-ratelimit-limit-{kind}".encode(), b"%d" % tightest.limit),
                (f"x-ratelimit-remaining-{kind}".encode(), b"%d" % tightest.left),
                (f"x-ratelimit-reset-{kind}".encode(), f"{tightest.window.empty_s(now):.3f}s".encode()),
            ]
    return headers


FREE = Reservation()
"""The reservation of a caller without limits: nothing to take, nothing to settle."""


class Accounts:
    """Every account of this gateway. `shared` is whether other workers spend from the same limits."""

    def __init__(self, clock: Clock, *, shared: bool = False) -> None:
        self.clock = clock
        self.on_change: Callable[[], None] | None = None
        """Called when something was used or refused, at most once until `holdings` was asked for."""
        self._accounts: dict[str, Account] = {}
        self._learned: set[str] = set()
        self._shares: dict[str, dict[LimitKind, Share]] | None = {} if shared else None
        self._hour = -1.0, ""
        self._changed: set[str] = set()
        self._active: set[str] = set()

    def limit(self, caller: Caller) -> bool:
        """Return whether anything limits a caller."""
        return caller.limits != NO_LIMITS or caller.tenant_limits != NO_LIMITS

    def reserve(self, caller: Caller, tokens: int, cost_usd: float) -> Reservation:
        """Take what a request may use from all of its caller's accounts, or from none.

        Raises:
            OverLimit: one of them cannot cover it.
        """
        accounts = self._limited(caller)
        if not accounts:
            return FREE
        month, now = self._month(), self.clock.monotonic()
        self._note(accounts)
        self._check(accounts, lambda account: account.check(tokens, cost_usd, now, month), now)
        taken = [(account, account.move(tokens, cost_usd, now)[1]) for account in accounts]
        return Reservation(self, taken, tokens, cost_usd)

    def count(self, caller: Caller) -> None:
        """Count a request that asks no model among those that its caller may send in a minute.

        Raises:
            OverLimit: there were as many already.
        """
        accounts = self._limited(caller)
        if accounts:
            now = self.clock.monotonic()
            self._note(accounts)
            self._check(accounts, lambda account: account.check_request(now), now)
            for account in accounts:
                account.move(0, 0.0, now)

    def _limited(self, caller: Caller) -> list[Account]:
        """Return the accounts of a caller that have any limit."""
        return [
            self._account(f"{kind} {name}", limits)
            for kind, name, limits in (
                ("key", caller.key, caller.limits),
                ("tenant", caller.tenant, caller.tenant_limits),
            )
            if limits != NO_LIMITS
        ]

    def _check(self, accounts: list[Account], check: Callable[[Account], None], now: float) -> None:
        try:
            for account in accounts:
                check(account)
        except OverLimit as error:
            for account in accounts:
                account.fill(now)
            error.headers = tuple(standing(accounts, now))
            raise

    def settle(self, reservation: Reservation, used_tokens: int, cost_usd: float) -> None:
        """Replace what a request reserved by what it used."""
        now = self.clock.monotonic()
        for account, slot in reservation.accounts:
            account.settle(slot, reservation.tokens, used_tokens, now)
            account.usd.reserved -= reservation.cost_usd
            account.usd.spent += cost_usd
        self._note([account for account, _ in reservation.accounts])

    def learn(self, spends: Iterable[Spend], tenants: Mapping[str, str]) -> None:
        """Take over what was spent before this gateway started; `tenants` maps keys to their tenants.

        Each key once: later news of it hold this gateway's own spending too. Another month's is over.
        """
        month = month_of(self.clock.now())
        for spend in spends:
            if spend.month == month and spend.key not in self._learned:
                self._learned.add(spend.key)
                for name in (f"key {spend.key}", f"tenant {tenants.get(spend.key, '')}"):
                    account = self._accounts.get(name) or self._account(name, NO_LIMITS)
                    account.usd.turn(month)
                    account.usd.spent += spend.usd

    def grant(self, shares: Iterable[Share]) -> None:
        """Hold other shares of limits that are shared, of accounts that nothing was asked of here yet, too."""
        now = self.clock.monotonic()
        for share in shares:
            if self._shares is None:
                return
            self._shares.setdefault(share.account, {})[share.kind] = share
            self._changed.add(share.account)
            account = self._accounts.get(share.account)
            quota = None if account is None else dict(account.quotas()).get(share.kind)
            if account is not None and quota is not None:
                account.fill(now)
                quota.grant(share.share, share.elsewhere)

    def keep_only(self, base: Base) -> None:
        """Forget the shares of accounts that are not deployed any more."""
        if self._shares is not None:
            names = {f"key {key.id}" for key in base.keys} | {f"tenant {each.name}" for each in base.tenants}
            self._shares = {name: shares for name, shares in self._shares.items() if name in names}

    def holdings(self, names: Iterable[str]) -> list[Holding]:
        """Return what the accounts of these names hold of limits, and forget that they changed."""
        now, month = self.clock.monotonic(), month_of(self.clock.now())
        holdings: list[Holding] = []
        for name in names:
            self._changed.discard(name)
            account = self._accounts.get(name)
            if account is None:
                holdings += _unused((self._shares or {}).get(name, {}))
                continue
            account.fill(now)
            account.usd.turn(month)
            holdings += _holdings(account)
            # What was used in the last minute will be less by and by: that is told again.
            used = any(rate is not None and rate.used for rate in (account.requests, account.tokens))
            (self._active.add if used else self._active.discard)(name)
        return holdings

    def changed(self) -> list[str]:
        """Return the names of accounts in which something has changed since they were told of."""
        return list(self._changed)

    def active(self) -> list[str]:
        """Return the names of accounts in which something may have changed with time alone, too."""
        return list(self._active | self._changed)

    def _note(self, accounts: list[Account]) -> None:
        if self.on_change is not None:
            was_told = not self._changed
            self._changed.update([account.name for account in accounts])
            if was_told:
                self.on_change()

    def _month(self) -> str:
        """Return the month of now: worked out once an hour of the clock, for that takes a microsecond."""
        hour = self.clock.now() // 3_600
        if hour != self._hour[0]:
            self._hour = hour, month_of(hour * 3_600)
        return self._hour[1]

    def _account(self, name: str, limits: Limits) -> Account:
        found = self._accounts.get(name)
        if found is None:
            found = self._accounts[name] = Account(name)
        if found.limits != limits:
            found.change(limits, None if self._shares is None else self._shares.get(name, {}))
        return found


def _holdings(account: Account) -> Iterator[Holding]:
    for kind, quota in account.quotas():
        yield Holding(
            account=account.name,
            kind=kind,
            share=quota.share,
            used=quota.used,
            # Of a worker that has ended nothing is under way: what it had reserved in US dollars is free.
            lasting=quota.spent if isinstance(quota, Budget) else quota.used,
            asked=quota.asked,
            demand=quota.demand,
        )
        quota.asked = quota.demand = 0.0


def _unused(shares: Mapping[LimitKind, Share]) -> Iterator[Holding]:
    for share in shares.values():
        yield Holding(account=share.account, kind=share.kind, share=share.share, used=0.0)


def month_of(now: float) -> str:
    """Return the calendar month of a Unix time, in UTC, as in `2026-11`."""
    return datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m")
