"""Puts together what was expected of a specialist and what its answer's checks found: one probability of the two."""

CALCULATION_LEVEL = 0.36
"""How often answers were wrong on which the weights of checks/weights.py were fitted: Mixtral's to GSM8K."""

GENERAL_LEVEL = 1 / 7
"""How often the weights take an answer to be wrong of which nothing is known (checks/weights.py)."""

BUILTIN_SUCCESS = 0.98
"""Of what is computed exactly or quoted word for word. Faults of the built-in specialists are faults of ours."""


def in_light_of(p_wrong: float, success: float, *, is_calculation: bool, trust: float = 0.0) -> float:
    """Return how likely an answer is wrong, from its checks and from how often its specialist is right.

    The checks' probability is for answers of which nothing else is known. What they say beyond that, as odds,
    multiplies the odds that were expected (Bayes' rule for independent evidence). `trust`, 0 to 1, is how far the
    checks' probability was learned from this very specialist, so that nothing is left to be told.
    """
    if trust >= 1.0:
        return p_wrong
    level = CALCULATION_LEVEL if is_calculation else GENERAL_LEVEL
    expected = 1.0 - success
    odds = _odds(p_wrong) * (_odds(expected) / _odds(level)) ** (1.0 - trust)
    return odds / (1.0 + odds)


def _odds(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1.0 - 1e-4)
    return bounded / (1.0 - bounded)
