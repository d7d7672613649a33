"""How many attempts beyond the first may be made, as shares of the requests: an outage must not multiply traffic."""

RESERVE = 10.0
"""Further attempts that a gateway with little traffic may make at once."""

SCARCE = 50.0
"""Below so many retries left a failure is dearer, the more the fewer there are."""

SAVED_REQUESTS = 2_000.0
"""Requests whose shares may be saved up: an endpoint that dies fails all it had under way in one moment."""


class Budget:
    """Grows by a share of each request, and is bounded."""

    __slots__ = ("_most", "_share", "left")

    def __init__(self, share: float, reserve: float = RESERVE) -> None:
        self.left = reserve
        self.configure(share)

    def configure(self, share: float) -> None:
        """Set the share of requests for which a further attempt may be made; 0 or less is none at all."""
        self._share = max(0.0, share)
        self._most = RESERVE + self._share * SAVED_REQUESTS if share > 0.0 else 0.0
        self.left = min(self.left, self._most)

    def note_request(self) -> None:
        """Note that a request came."""
        left = self.left + self._share
        self.left = left if left < self._most else self._most

    def take(self) -> bool:
        """Take one; return whether there was one."""
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class Budgets:
    """The budgets for retries and hedges. A hedge is taken from both, so that all together stay within the first."""

    __slots__ = ("_hedges", "_retries")

    def __init__(self, retry_share: float, hedge_share: float) -> None:
        self._retries = Budget(retry_share)
        self._hedges = Budget(hedge_share, reserve=0.0)

    def configure(self, retry_share: float, hedge_share: float) -> None:
        """Set the shares."""
        self._retries.configure(retry_share)
        self._hedges.configure(hedge_share)

    def note_request(self) -> None:
        """Note that a request came."""
        self._retries.note_request()
        self._hedges.note_request()

    def may_retry(self) -> bool:
        """Take a retry; return whether there was one."""
        return self._retries.take()

    def has_retry(self) -> bool:
        """Return whether there is a retry."""
        return self._retries.left >= 1.0

    def scarcity(self) -> float:
        """Return how scarce retries are: 0 where there are enough, 1 where none is left."""
        left = self._retries.left
        return 1.0 - left / SCARCE if left < SCARCE else 0.0

    def has_hedge(self) -> bool:
        """Return whether a hedge may be taken: a request that failed comes before one that is late."""
        return self._hedges.left >= 1.0 and self._retries.left >= 0.5 * RESERVE

    def take_hedge(self) -> None:
        """Take a hedge."""
        self._hedges.take()
        self._retries.take()
