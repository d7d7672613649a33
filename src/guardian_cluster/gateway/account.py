"""What one key or tenant may use here: its rates and its budget, checked before a request and settled after it."""

from collections.abc import Iterator, Mapping

from guardian_cluster.contract.fleet import LimitKind, Share
from guardian_cluster.contract.snapshot import Limits
from guardian_cluster.domain.errors import LimitExceeded
from guardian_cluster.gateway.quota import SHARED_S, Budget, Quota, Rate

NO_LIMITS = Limits()


class OverLimit(LimitExceeded):
    """A key or tenant has used up what it may; `headers` say how it stands with each of its limits."""

    headers: tuple[tuple[bytes, bytes], ...] = ()


class Account:
    """What one key or tenant may use here."""

    __slots__ = ("limits", "name", "requests", "tokens", "usd")

    def __init__(self, name: str) -> None:
        self.name = name
        self.limits = NO_LIMITS
        self.requests: Rate | None = None
        self.tokens: Rate | None = None
        self.usd = Budget(0.0, 0.0)
        """Counts without a limit too: one that is set later holds for the whole month."""

    def change(self, limits: Limits, shares: Mapping[LimitKind, Share] | None) -> None:
        """Take over other limits; what was used stays. Without `shares` all of each limit may be used here."""
        self.limits = limits
        self.requests = _changed(self.requests, limits.requests_per_minute)
        self.tokens = _changed(self.tokens, limits.tokens_per_minute)
        self.usd.limit = limits.budget_usd_per_month or 0.0
        for kind, quota in self.quotas():
            share = None if shares is None else shares.get(kind)
            if share is not None:
                quota.grant(share.share, share.elsewhere)
            else:
                quota.share = quota.limit if shares is None else quota.used

    def quotas(self) -> Iterator[tuple[LimitKind, Quota]]:
        """Yield what is limited."""
        if self.requests is not None:
            yield "requests", self.requests
        if self.tokens is not None:
            yield "tokens", self.tokens
        if self.limits.budget_usd_per_month is not None:
            yield "usd", self.usd

    def check(self, tokens: int, cost_usd: float, now: float, month: str) -> None:
        """Raise OverLimit, saying which limit and for how long, unless a request of this size fits."""
        self.check_request(now)
        self._check(self.tokens, tokens, "tokens", now)
        self.usd.turn(month)
        if self.limits.budget_usd_per_month is not None and not self.usd.covers(cost_usd):
            raise _over_budget(self, cost_usd)

    def check_request(self, now: float) -> None:
        """Raise OverLimit unless one more request fits that asks no model: it takes neither tokens nor money."""
        self._check(self.requests, 1, "requests", now)

    def _check(self, rate: Rate | None, amount: int, what: str, now: float) -> None:
        if rate is None:
            return
        rate.window.forget(now)
        if not rate.covers(amount):
            wait_s = rate.wait_s(amount, now)
            raise OverLimit(
                f"The limit of {rate.limit:g} {what} per minute of {self.name} is used up; wait {wait_s:.1f} s.",
                code=f"{what}_per_minute_exceeded",
                retry_after_s=wait_s,
            )

    def move(self, tokens: int, cost_usd: float, now: float) -> tuple[int, int]:
        """Reserve for a request; return the slots it is in."""
        in_requests = 0 if self.requests is None else self.requests.window.add(1, now)
        in_tokens = 0 if self.tokens is None else self.tokens.window.add(tokens, now)
        self.usd.reserved += cost_usd
        return in_requests, in_tokens

    def settle(self, slot: int, tokens: int, used_tokens: int, now: float) -> None:
        """Replace tokens that were reserved by those that were used."""
        if self.tokens is None:
            return
        if used_tokens <= tokens:
            self.tokens.window.give_back(slot, tokens - used_tokens)
        else:
            self.tokens.window.add(used_tokens - tokens, now)

    def fill(self, now: float) -> None:
        """Bring both rates up to now."""
        for rate in (self.requests, self.tokens):
            if rate is not None:
                rate.window.forget(now)


def _changed(rate: Rate | None, limit: int | None) -> Rate | None:
    if limit is None:
        return None
    if rate is None:
        return Rate(limit, limit)
    rate.limit = limit
    return rate


def _over_budget(account: Account, cost_usd: float) -> OverLimit:
    usd = account.usd
    is_elsewhere = usd.is_elsewhere(cost_usd)
    return OverLimit(
        f"The budget of {usd.limit:g} USD of {account.name} for {usd.month} does not cover this request: "
        f"{usd.spent + usd.elsewhere:.4f} spent, {usd.reserved:.4f} reserved, {cost_usd:.4f} asked for.",
        code="budget_exceeded",
        retry_after_s=SHARED_S if is_elsewhere else None,
        should_retry=None if is_elsewhere else False,
    )
