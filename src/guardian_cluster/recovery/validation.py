"""Whether a fault is over: a test of `it is still bad`, valid at whatever moment one looks.

Both hypotheses are bet against with a mixture of constant bets (a test martingale for bounded means: Waudby-Smith and
Ramdas, JRSS-B 2024, section 4). Under `the mean loss is at least m` the wealth is a nonnegative supermartingale that
begins at 1, so it reaches 20 with a probability of at most 1/20, however often one looks (Ville 1939).
"""

import math
from collections.abc import Sequence

from guardian_cluster.domain.recovery import Retried, ValidationResult

ENOUGH = 20.0
"""Evidence that refutes a hypothesis: wrong in one of 20 at most."""

BETS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""Shares of the largest bet that cannot ruin: small ones for small differences, large ones for large ones."""

NEAR = 0.5
"""How far from what is expected towards what was observed `still bad` begins: half way."""

APART = 0.02
"""So much more than expected was observed, at least: where `still bad` begins at what is usual, nobody is well."""


def still_bad_from(expected: float, observed: float) -> float:
    """Return the mean loss from which on it is still bad, strictly between 0 and 1."""
    middle = expected + NEAR * (max(observed, expected + APART) - expected)
    return min(max(middle, 0.01), 0.99)


def validate(
    losses: Sequence[float],
    bad: float,
    retried: Retried | None = None,
    *,
    is_telling: bool = True,
    fails_at: float = ENOUGH,
) -> ValidationResult:
    """Return what the losses since an action say of it, in the order in which they came.

    The first of the two tests that comes to its end decides, so what comes later changes nothing. A failed operation
    that was done again and failed again tells against it in the same way as any request. One that went well tells for
    it only where that `is_telling`: what is asked again may be simpler than what fails. `fails_at` is the evidence
    of failure that decides: less than enough where failing costs nobody anything.
    """
    again = [] if retried is None else _again(retried, is_telling=is_telling)
    seen: list[float] = []
    health, failure = _Wealth(), _Wealth()
    for loss in (*again, *losses):
        seen.append(loss)
        health.bet(bad - loss, 1.0 / (1.0 - bad))
        failure.bet(loss - bad, 1.0 / bad)
        if health.value >= ENOUGH or failure.value >= fails_at:
            break
    state = "confirmed" if health.value >= ENOUGH else "failed" if failure.value >= fails_at else "undecided"
    return ValidationResult(
        state=state,
        e_value=health.value,
        requests=len(seen),
        observed=math.fsum(seen) / len(seen) if seen else 0.0,
        bad=bad,
        retried=retried or Retried(),
    )


def _again(retried: Retried, *, is_telling: bool) -> list[float]:
    failed = [1.0] * (retried.tried - retried.well)
    return [*([0.0] * retried.well if is_telling else []), *failed]


class _Wealth:
    """What a mixture of bets has become."""

    def __init__(self) -> None:
        self._each = [1.0] * len(BETS)

    def bet(self, gain: float, most: float) -> None:
        """Bet on a gain: of each bettor its own share of the largest bet that cannot ruin."""
        self._each = [
            min(wealth * (1.0 + share * most * gain), _MOST)
            for wealth, share in zip(self._each, BETS, strict=True)
        ]

    @property
    def value(self) -> float:
        """Return the mean of all: the wealth of whoever bets a part in each way."""
        return sum(self._each) / len(self._each)


_MOST = 1e100
"""More is no more evidence, and would be infinite in the end."""
