"""How much of one limit may be used here: all of it where there is one worker, else the share that this one holds.

A share is spent in memory alone. That it is never less than what is used, and that all shares together are never
more than the limit, is what keeps several workers within it (docs/design/processes.md).
"""

import math

from guardian_cluster.gateway.window import Window

SHARED_S = 1.0
"""When to come back for what may be used, and is held by another worker: shares move within some milliseconds."""

UNKNOWN_S = 5.0
"""When to come back where others have used a rate up, and only they know when: a twelfth of the longest wait."""

_ROUNDING = 1e-9


class Quota:
    """One limit, and the share of it that may be used here. What is used is for each kind of limit to say."""

    __slots__ = ("asked", "demand", "elsewhere", "limit", "share")

    def __init__(self, limit: float, share: float) -> None:
        self.limit = limit
        self.share = share
        self.elsewhere = 0.0
        """Used by others, as was told last."""
        self.asked = 0.0
        """The largest amount refused since it was told last."""
        self.demand = 0.0
        """All that was asked for since it was told last."""

    @property
    def used(self) -> float:
        """What was let through and counts now."""
        raise NotImplementedError

    @property
    def left(self) -> float:
        """What nobody has used, as far as is known here."""
        return max(0.0, self.limit - self.elsewhere - self.used)

    def grant(self, share: float, elsewhere: float) -> None:
        """Hold another share: never less than what is used."""
        self.share, self.elsewhere = max(share, self.used), elsewhere

    def needed(self, amount: float) -> float:
        """Return how much of the share an amount needs."""
        return amount

    def covers(self, amount: float) -> bool:
        """Return whether an amount may be used now; what may not is asked for."""
        needed = self.needed(amount)
        self.demand += min(amount, self.limit)
        if self.used + needed <= self.share + _ROUNDING:
            return True
        self.asked = max(self.asked, min(needed, self.limit))
        return False

    def is_elsewhere(self, amount: float) -> bool:
        """Return whether an amount that may not be used here is free, and only held by another worker."""
        return self.share < self.limit and self.needed(amount) <= self.left + _ROUNDING


class Rate(Quota):
    """A limit on every minute."""

    __slots__ = ("window",)

    def __init__(self, limit: float, share: float) -> None:
        super().__init__(limit, share)
        self.window = Window()

    @property
    def used(self) -> float:
        """What was let through in the last minute."""
        return self.window.used

    def needed(self, amount: float) -> float:
        """Return how much of the share an amount needs: what is over the limit is let through alone."""
        return min(amount, self.limit)

    def wait_s(self, amount: float, now: float) -> float:
        """Return how long until an amount may be used that may not be now."""
        if self.is_elsewhere(amount):
            return SHARED_S
        wait_s = self.window.frees_s(self.used + self.needed(amount) - self.share - _ROUNDING, now)
        return UNKNOWN_S if math.isinf(wait_s) else wait_s


class Budget(Quota):
    """A limit on every calendar month, in US dollars."""

    __slots__ = ("month", "reserved", "spent")

    def __init__(self, limit: float, share: float) -> None:
        super().__init__(limit, share)
        self.month = ""
        self.spent = 0.0
        """This month, here."""
        self.reserved = 0.0
        """By requests under way."""

    @property
    def used(self) -> float:
        """What was spent, and what is reserved."""
        return self.spent + self.reserved

    def turn(self, month: str) -> None:
        """Begin a new month's spending when there is one."""
        if month != self.month:
            self.month, self.spent = month, 0.0
            self.elsewhere = 0.0
