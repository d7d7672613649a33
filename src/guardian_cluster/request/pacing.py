"""Decides what a dollar counts now, so that spending keeps to a target without a ceiling on any one request."""

import math
from dataclasses import dataclass

HORIZON = 25
"""Requests over which a deviation is mended: shorter, and the price follows each bill instead of the need;
longer, and a tenfold price is not absorbed within 200 requests (measured on recorded bills of four models)."""

EAGERNESS = 10.0
"""How much faster the first requests move the price: nothing is known yet of what a dollar has to count."""

MAX_SWING = 3.0
"""Most by which a debt alone moves the logarithm of the price: one huge bill must not decide for a day."""

MAX_LOG_PRICE = 13.0
"""e^13: beyond it the cheapest specialist answers everything, whatever a mistake costs."""

SAVING = 2.5
"""How much faster the level falls with savings, which are bounded, than it rises with debts."""

MAX_DEBT = 10_000.0
"""In targets. A debt that could not be paid back within ten thousand requests is an incident, not a pace."""

AIM = 0.99
"""Of the target. It is a limit: what was spent beyond it while prices rose may take a thousand requests to save."""

CREDIT = 20.0
"""Most requests' worth that may be saved up: what a quiet night did not spend is not spent at once."""


@dataclass
class Pacer:
    """Holds the mean spend per request just under a target by a price on money, the dual of the budget's constraint.

    The control is proportional and integral in the *accumulated* deviation, so that in a steady state the
    accumulated spend meets `AIM` of the target and not only its rate. Deviations count in targets, so nothing
    depends on a currency or a size. Five numbers, copied with `dataclasses.replace`.
    """

    target_usd: float
    debt: float = 0.0
    """What was spent beyond `AIM` of the target so far, in targets; negative when less was."""
    level: float = 0.0
    """The slow part of the logarithm of `1 + price()`."""
    requests: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a target that nothing can be held at: without any budget a ceiling has to decide."""
        if not 0.0 < self.target_usd < math.inf:
            raise ValueError(f"a target per request is an amount above 0, not {self.target_usd}")

    def price(self) -> float:
        """Return by how much a dollar counts above its face value: costs weigh 1 + this; 0 within the budget."""
        swing = self._gain() * self.debt / HORIZON
        logarithm = self.level + max(-MAX_SWING, min(MAX_SWING, swing))
        return math.exp(max(0.0, min(MAX_LOG_PRICE, logarithm))) - 1.0

    def spent(self, usd: float) -> None:
        """Count one request with what it cost. Raises ValueError for an amount that is none."""
        if not 0.0 <= usd < math.inf:
            raise ValueError(f"a bill is an amount of at least 0, not {usd}")
        deviation = usd / self.target_usd - AIM
        self.debt = max(-CREDIT, min(MAX_DEBT, self.debt + deviation))
        self.requests += 1.0
        if (deviation > 0.0) == (self.debt > 0.0):  # what is being mended already needs no other level
            bounded = max(-MAX_SWING * HORIZON, min(MAX_SWING * HORIZON, self.debt))
            # A quarter of the square of the proportional gain: the fastest return that does not overshoot.
            step = (self._gain() / HORIZON) ** 2 / 4.0 * bounded
            self.level = max(0.0, min(MAX_LOG_PRICE, self.level + (step if step > 0.0 else SAVING * step)))

    def retarget(self, target_usd: float) -> "Pacer":
        """Return a pacer with another target that owes the same amount of money."""
        debt = (
            max(-CREDIT, min(MAX_DEBT, self.debt * self.target_usd / target_usd)) if target_usd > 0 else 0.0
        )
        return Pacer(target_usd, debt, self.level, self.requests)

    def _gain(self) -> float:
        return max(1.0, EAGERNESS / (1.0 + 0.1 * self.requests))
