"""What is usual: base rates that differ by tenant, topic, language, template, endpoint, model and variant."""

import random
from collections.abc import Mapping
from math import exp
from typing import NamedTuple


class Rates(NamedTuple):
    """What is usual of one request; the shares are log-odds, the factors logarithms, so that effects add up."""

    error: float = 0.0
    refusal: float = 0.0
    malformed: float = 0.0
    loop: float = 0.0
    """That the answer repeats itself."""
    dislike: float = 0.0
    """That its caller finds it bad."""
    ungrounded: float = 0.0
    """The score of an answer from documents."""
    leak: float = 0.0
    time: float = 0.0
    tokens_in: float = 0.0
    tokens_out: float = 0.0


USUAL = Rates(
    error=-4.2,
    refusal=-3.6,
    malformed=-3.6,
    loop=-5.0,
    dislike=-2.1,
    ungrounded=-1.5,
    leak=-5.3,
    time=0.0,
    tokens_in=6.2,
    tokens_out=5.5,
)
"""Errors 1.5 %, refusals and wrong forms 2.7 %, loops .7 %, disliked answers 11 %, leaks .5 %.

490 tokens in, 245 out, where no value of a dimension makes them more or fewer."""

_SPREAD = Rates(
    error=0.35,
    refusal=0.45,
    malformed=0.35,
    loop=0.3,
    dislike=0.25,
    ungrounded=0.25,
    leak=0.3,
    time=0.1,
    tokens_in=0.2,
    tokens_out=0.2,
)
"""Standard deviation of the effect of one value of one dimension. Seven of them add up, so that base rates of slices
differ by a factor of two to four."""


class Habits:
    """The effects of all values, each drawn when it is met first: the same for the same seed, whatever came before."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._effects: dict[tuple[str, str], Rates] = {}
        self._sums: dict[tuple[tuple[str, str], ...], Rates] = {}

    def of(self, values: Mapping[str, str]) -> Rates:
        """Return what is usual where these dimensions have these values."""
        key = tuple(values.items())
        found = self._sums.get(key)
        if found is None:
            effects = [self._effect(*each) for each in key]
            found = self._sums[key] = Rates(*map(sum, zip(USUAL, *effects, strict=True)))
        return found

    def copy_effect(self, dimension: str, known: str, new: str) -> None:
        """Let a new value do as a known one does: a change that changes nothing."""
        self._effects[dimension, new] = self._effect(dimension, known)

    def _effect(self, dimension: str, value: str) -> Rates:
        found = self._effects.get((dimension, value))
        if found is None:
            rng = random.Random(f"{self._seed} {dimension} {value}")
            found = self._effects[dimension, value] = Rates(*[rng.gauss(0.0, each) for each in _SPREAD])
        return found


def share(log_odds: float) -> float:
    """Return the share that has these log-odds."""
    return 1.0 / (1.0 + exp(-log_odds))
