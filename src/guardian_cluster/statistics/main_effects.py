"""Decides which loss to expect of each request from its attributes alone: a logit model without interactions.

Each level of each attribute adds its own amount to the log-odds of a loss. That is enough to tell a worse level from
one that merely has harder requests, and too little to learn a fault by heart.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

PASSES = 6
"""Over all attributes; the sums of each level are then met within 1 % of what more passes give (8 attributes, 5,000
requests, two of them determining one another)."""

PRIOR_PRECISION = 1.0
"""Effects are expected to be within one unit of log-odds of 0, so that a level seen twice says little."""

INTERCEPT_PRECISION = 0.01
MAX_STEP = 2.0
MAX_LOG_ODDS = 12.0


def log_odds(codes: Codes, counts: Sequence[int], losses: Floats, weights: Floats) -> Floats:
    """Return the expected log-odds of a loss for every request.

    `codes` (requests x attributes) holds levels from 0 to `counts` of their attribute; -1 is none, which is expected to
    be as the others are on average. `losses` lie between 0 and 1; those with weight 0 are not learned from, and may be
    anything finite. By Newton's method, an attribute at a time: of one attribute the levels exclude each other, so the
    step of each is exact.
    """
    columns = [_column(codes[:, place], count) for place, count in enumerate(counts)]
    effects = [np.zeros(count + 1) for count in counts]
    start = float((weights * losses).sum() + 0.5) / float(weights.sum() + 1.0)
    expected = np.full(len(losses), logit(start))
    for _ in range(PASSES):
        expected += _step(expected, losses, weights)
        for column, effect in zip(columns, effects, strict=True):
            _step_levels(column, effect, expected, losses, weights)
    for column, effect in zip(columns, effects, strict=True):
        _give_mean(column, effect, expected, weights)
    return np.clip(expected, -MAX_LOG_ODDS, MAX_LOG_ODDS)


def sigmoid(log_odds: Any) -> Floats:
    """Return the probabilities of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))), dtype=np.float64)


def logit(probability: float) -> float:
    """Return the log-odds of a probability, kept away from 0 and 1."""
    kept = min(max(probability, 1e-6), 1.0 - 1e-6)
    return float(np.log(kept / (1.0 - kept)))


def _column(codes: Codes, count: int) -> Codes:
    """Return an attribute's levels, with the place after the last for what has none."""
    return np.where(codes < 0, count, codes)


def _step(expected: Floats, losses: Floats, weights: Floats) -> float:
    shares = sigmoid(expected)
    slope = float((weights * (losses - shares)).sum())
    curve = float((weights * shares * (1.0 - shares)).sum()) + INTERCEPT_PRECISION
    return float(np.clip(slope / curve, -MAX_STEP, MAX_STEP))


def _step_levels(column: Codes, effect: Floats, expected: Floats, losses: Floats, weights: Floats) -> None:
    """Move the effect of every level of one attribute, and what is expected with it."""
    shares = sigmoid(expected)
    size = len(effect)
    slopes = np.bincount(column, weights * (losses - shares), size) - PRIOR_PRECISION * effect
    curves = np.bincount(column, weights * shares * (1.0 - shares), size) + PRIOR_PRECISION
    steps = np.clip(slopes / curves, -MAX_STEP, MAX_STEP)
    steps[-1] = 0.0
    effect += steps
    expected += steps[column]


def _give_mean(column: Codes, effect: Floats, expected: Floats, weights: Floats) -> None:
    """Give requests without a level the mean effect of those with one."""
    none = column == len(effect) - 1
    known = weights * ~none
    total = float(known.sum())
    if total > 0.0:
        expected[none] += float((known * effect[column]).sum()) / total
