"""Rates, tokens and budgets: reserved before a request runs, settled when it has ended, all in memory.

What a request may use is taken from its key's and its tenant's accounts before anything is sent, so that
requests running side by side cannot all spend the same remainder: the overshoot is at most what one request
uses beyond its reservation.
"""

import datetime
from collections.abc import Iterable, Mapping

import msgspec

from guardian_cluster.contract.records import RequestRecord, Spend
from guardian_cluster.contract.snapshot import Limits
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import LimitExceeded
from guardian_cluster.gateway.auth import Caller
from guardian_cluster.gateway.http import HeaderList

DEFAULT_OUTPUT_TOKENS = 1_024
"""Reserved for an answer whose request sets no limit."""

MOST_OUTPUT_TOKENS = 2**40
"""Reserved at most: a request may name any number, and one that no answer reaches is none to calculate with."""


class OverLimit(LimitExceeded):
    """A key or tenant has used up what it may; `headers` say how it stands with each of its limits."""

    headers: tuple[tuple[bytes, bytes], ...] = ()


class TokenBucket:
    """Lets `per_minute` units pass in a minute, all of them at once after a pause."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.capacity = per_minute
        self._level = float(per_minute)
        self._filled = now

    def wait_s(self, amount: float, now: float) -> float:
        """Return how long until the amount is there; 0 when it is.

        More than fits is let through when the bucket is full.
        """
        self.fill(now)
        missing = min(amount, self.capacity) - self._level
        return max(0.0, missing * 60 / self.capacity)

    def take(self, amount: float) -> None:
        """Take an amount out, or put a negative one back; the level may become negative."""
        self._level = min(self.capacity, self._level - amount)

    def remaining(self) -> int:
        """Return the whole units left."""
        return max(0, int(self._level))

    def fill(self, now: float) -> None:
        """Add what has come in since the last time."""
        self._level = min(self.capacity, self._level + (now - self._filled) * self.capacity / 60)
        self._filled = now


class Account:
    """What one key or tenant has left."""

    def __init__(self, name: str, limits: Limits, now: float) -> None:
        self.name = name
        self.month: str = ""
        self.spent_usd = 0.0
        self.reserved_usd = 0.0
        self.change(limits, now)

    def change(self, limits: Limits, now: float) -> None:
        """Take over other limits; what was spent, and what is reserved by requests under way, stays."""
        self.limits = limits
        self.requests = TokenBucket(limits.requests_per_minute, now) if limits.requests_per_minute else None
        self.tokens = TokenBucket(limits.tokens_per_minute, now) if limits.tokens_per_minute else None

    def check(self, tokens: int, cost_usd: float, now: float, month: str) -> None:
        """Raise OverLimit, saying which limit and for how long, unless a request of this size fits."""
        for bucket, amount, what in ((self.requests, 1, "requests"), (self.tokens, tokens, "tokens")):
            if bucket is not None and (wait_s := bucket.wait_s(amount, now)) > 0:
                raise OverLimit(
                    f"The limit of {bucket.capacity} {what} per minute of {self.name} is used up; wait {wait_s:.1f} s.",
                    code=f"{what}_per_minute_exceeded",
                    retry_after_s=wait_s,
                )
        self.turn(month)
        budget = self.limits.budget_usd_per_month
        if budget is not None and self.spent_usd + self.reserved_usd + cost_usd > budget:
            raise OverLimit(
                f"The budget of {budget:g} USD of {self.name} for {month} does not cover this request: "
                f"{self.spent_usd:.4f} spent, {self.reserved_usd:.4f} reserved, {cost_usd:.4f} asked for.",
                code="budget_exceeded",
                should_retry=False,
            )

    def fill(self, now: float) -> None:
        """Bring both buckets up to now."""
        for bucket in (self.requests, self.tokens):
            if bucket is not None:
                bucket.fill(now)

    def turn(self, month: str) -> None:
        """Begin a new month's spending when there is one."""
        if month != self.month:
            self.month, self.spent_usd = month, 0.0

    def move(self, tokens: float, reserved_usd: float, spent_usd: float, requests: int = 0) -> None:
        """Take from, or give back to, every limit."""
        if self.requests is not None and requests:
            self.requests.take(requests)
        if self.tokens is not None:
            self.tokens.take(tokens)
        self.reserved_usd += reserved_usd
        self.spent_usd += spent_usd


class Reservation(msgspec.Struct):
    """What a request has taken; to be settled once, however it ends."""

    accounts: list[Account]
    tokens: int = 0
    cost_usd: float = 0.0

    def settle(self, record: RequestRecord | None) -> None:
        """Replace what was reserved by what was used; nothing was where there is no record."""
        used = record.input_tokens + record.output_tokens if record else 0
        cost_usd = record.cost_usd if record else 0.0
        for account in self.accounts:
            account.move(used - self.tokens, -self.cost_usd, cost_usd)
        self.accounts = []

    def headers(self) -> HeaderList:
        """Return OpenAI's rate limit headers, for the tightest account of each kind."""
        return standing(self.accounts)


def standing(accounts: list[Account]) -> HeaderList:
    """Return OpenAI's rate limit headers as accounts stand now, for the tightest one of each kind."""
    headers: HeaderList = []
    for kind in ("requests", "tokens"):
        buckets = [bucket for account in accounts if (bucket := getattr(account, kind)) is not None]
        if buckets:
            tightest: TokenBucket = min(buckets, key=TokenBucket.remaining)
            missing_s = (tightest.capacity - tightest.remaining()) * 60 / tightest.capacity
            headers += [
                (f"x-ratelimit-limit-{kind}".encode(), b"%d" % tightest.capacity),
                (f"x-ratelimit-remaining-{kind}".encode(), b"%d" % tightest.remaining()),
                (f"x-ratelimit-reset-{kind}".encode(), f"{missing_s:.3f}s".encode()),
            ]
    return headers


FREE = Reservation([])
"""The reservation of a caller without limits: nothing to take, nothing to settle."""


class Accounts:
    """Every account of this gateway."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._learned: set[str] = set()

    def limit(self, caller: Caller) -> bool:
        """Return whether anything limits a caller."""
        return caller.limits != _NO_LIMITS or caller.tenant_limits != _NO_LIMITS

    def reserve(self, caller: Caller, tokens: int, cost_usd: float) -> Reservation:
        """Take what a request may use from all of its caller's accounts, or from none.

        Raises:
            OverLimit: one of them cannot cover it.
        """
        accounts = [
            self._account(f"{kind} {name}", limits)
            for kind, name, limits in (
                ("key", caller.key, caller.limits),
                ("tenant", caller.tenant, caller.tenant_limits),
            )
            if limits != _NO_LIMITS
        ]
        if not accounts:
            return FREE
        month, now = month_of(self._clock.now()), self._clock.monotonic()
        try:
            for account in accounts:
                account.check(tokens, cost_usd, now, month)
        except OverLimit as error:
            for account in accounts:
                account.fill(now)
            error.headers = tuple(standing(accounts))
            raise
        for account in accounts:
            account.move(tokens, cost_usd, 0.0, requests=1)
        return Reservation(accounts, tokens, cost_usd)

    def learn(self, spends: Iterable[Spend], tenants: Mapping[str, str]) -> None:
        """Take over what was spent before this gateway started; `tenants` maps keys to their tenants.

        Each key once: later news of it hold this gateway's own spending too. Another month's is over.
        """
        month = month_of(self._clock.now())
        for spend in spends:
            if spend.month == month and spend.key not in self._learned:
                self._learned.add(spend.key)
                for name in (f"key {spend.key}", f"tenant {tenants.get(spend.key, '')}"):
                    account = self._accounts.get(name) or self._account(name, _NO_LIMITS)
                    account.turn(month)
                    account.spent_usd += spend.usd

    def _account(self, name: str, limits: Limits) -> Account:
        found = self._accounts.get(name)
        if found is None:
            found = self._accounts[name] = Account(name, limits, self._clock.monotonic())
        elif found.limits != limits:
            found.change(limits, self._clock.monotonic())
        return found


def month_of(now: float) -> str:
    """Return the calendar month of a Unix time, in UTC, as in `2026-11`."""
    return datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m")


_NO_LIMITS = Limits()
