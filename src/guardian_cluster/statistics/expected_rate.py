"""Decides which loss is to be expected of a request, and how far off that may be: a slow reference, learned in batches.

For each stream the log-odds of a loss are a sum: a level, the hour of the day (two waves), and an offset for each place
the request belongs to: its tenant, its topic, its model. Offsets that hold together explain each other, so that a
slice that has only the hard requests of a hard topic is not blamed for the topic, and a shift of the mix changes what
is expected. It is a Bayesian logistic regression: a normal prior, Newton's steps, the curvature as precision (Laplace;
Spiegelhalter, Lauritzen, Networks 1990), and precision that fades, so that what was long ago counts less.
"""

import math

import msgspec
import numpy as np
import numpy.typing as npt

from guardian_cluster.statistics.arrays import numbers, packed
from guardian_cluster.statistics.e_detector import Floats, Places, expit

DAY_S = 86_400.0
PHASES = 12
"""Parts of the day for which it is worked out how sure the expected loss is."""

WAVES = 4
_FIRST = WAVES
"""The column of place p is p + this one; place 0 is everything, and its column is the level."""

_LEVEL, _LEVEL_PULL = -2.0, 0.2
"""Before anything was seen: a loss of .12, anywhere between .2 % and .9."""
_UNSEEN = math.sqrt(1.0 / _LEVEL_PULL)
_WAVE_PULLS = (1.0 / 0.3**2, 1.0 / 0.3**2, 1.0 / 0.15**2, 1.0 / 0.15**2)
"""Of sine and cosine, once and twice a day: between the best and the worst hour the odds may well double."""
_LIMIT = 12.0
SURE = 0.08
CAUTION = (0.5, 2.0)
"""What is expected at most is so many standard deviations above the estimate: one where the mean of everything is
known to `SURE`, in log-odds, and in proportion more or less within these limits. An expectation too low by d lets false
alarms come about exp(18 d) times as often (measured, with the bets on small faults); so a normal error of deviation s
costs them exp(162 s^2), and a margin of 9 s^2 makes up for that. This is 12.5 s^2, and more where
little is in doubt."""

_ANYTHING_PULL = 1.0 / 3.0**2
"""Of an offset that may be anything: 20 times everything's odds are nothing strange."""

_ONE_THREAD = 250_000
"""Multiplications up to which OpenBLAS uses one thread (from 262,144 on it uses all cores; with those busy a product
of 60 by 60 numbers then takes 13 ms instead of .3)."""

_ALL = slice(None)
_YOUNG = 2_000
"""Until so many requests were learned from, the curvature moves with every step."""


class RatesState(msgspec.Struct, frozen=True):
    """What is expected, as bytes of arrays; of the precision, which is symmetric, the upper half."""

    pulls: bytes
    precision: bytes
    weights: bytes
    learned: bytes
    spread: bytes


class ExpectedRates:
    """What is expected of each stream; place 0 is everything and is always there."""

    def __init__(self, places: int, streams: int) -> None:
        columns = places + WAVES
        self.pulls: Floats = np.full(columns, 1.0)
        self.pulls[0] = _LEVEL_PULL
        self.pulls[1 : WAVES + 1] = _WAVE_PULLS
        self.precision: Floats = np.zeros((streams, columns, columns))
        self.precision[:] = np.diag(self.pulls)
        self.weights: Floats = np.zeros((columns, streams))
        self.weights[0] = _LEVEL
        self.learned: Floats = np.zeros(streams)
        self.spread: npt.NDArray[np.float32] = np.full((PHASES, places, streams), _UNSEEN, np.float32)
        self._weigh_doubt()

    def log_odds(self, at: float, places: Places) -> Floats:
        """Return the expected log-odds of a loss of a request that belongs to these places and everything."""
        hour = waves(at) @ self.weights[1 : WAVES + 1]
        return self.weights[0] + hour + self.weights[places + _FIRST].sum(axis=0)

    def margins(self, at: float, places: Places) -> npt.NDArray[np.float32]:
        """Return by how much the mean log-odds of each place may be above the estimate, by place and stream."""
        return self._margins[phase(at), places]

    def place(self, place: int, deviation: float) -> None:
        """Begin anew with a place, of whose offset it is known before how large it may be."""
        column = place + _FIRST
        self._marginalize(column)
        self.pulls[column] = 1.0 / deviation**2
        self.precision[:, column, column] = self.pulls[column]
        self.weights[column] = 0.0
        self.spread[:, place] = np.hypot(self.spread[:, 0], deviation)
        self._weigh_doubt()

    def _marginalize(self, column: int, streams: slice = _ALL) -> None:
        """Take a column out, leaving what is known of the others."""
        precision = self.precision[streams]
        cross = precision[:, :, column].copy()
        own = cross[:, column].copy()
        precision -= cross[:, :, None] * cross[:, None, :] / own[:, None, None]
        precision[:, :, column] = 0.0
        precision[:, column, :] = 0.0

    def learn(self, rows: Floats, losses: Floats, kept: float, steps: int = 2) -> None:
        """Learn from a batch, after which `kept` of what was known before still counts.

        `rows` are requests as `design` makes them, `losses` theirs by stream; one that is not known is NaN.
        """
        known = ~np.isnan(losses)
        prior = np.zeros(len(self.pulls))
        prior[0] = _LEVEL
        base = np.diag(self.pulls)
        for stream in np.flatnonzero(known.any(axis=0)):
            held = known[:, stream]
            faded = base + kept * (self.precision[stream] - base)
            pull = base @ prior
            target = pull + kept * (self.precision[stream] @ self.weights[:, stream] - pull)
            most = max(steps, 4 if self.learned[stream] < _YOUNG else 2)
            fitted = _fit(rows[held], losses[held, stream], faded, target, most)
            self.weights[:, stream], self.precision[stream] = fitted
            self.learned[stream] += int(held.sum())

    def settle(self, mix: Floats, groups: npt.NDArray[np.int16]) -> None:
        """Work out how sure the expected loss of each place is, for requests that are mixed like these now.

        `mix` is the mean row of `design`; places of one group, such as the tenants, exclude each other. What is
        uncertain of a place's mean is what counts: errors of single offsets make up for each other.
        """
        covariance = np.linalg.inv(self.precision)
        rows = _typical(mix, groups)
        product = np.concatenate([rows[part] @ covariance for part in _parts(rows)], axis=1)
        own = np.einsum("spd,pd->sp", product, rows)
        for number in range(PHASES):
            wave = waves((number + 0.5) * DAY_S / PHASES)
            crossed = 2.0 * product[:, :, 1 : WAVES + 1] @ wave
            alone = wave @ covariance[:, 1 : WAVES + 1, 1 : WAVES + 1] @ wave
            variance = own + crossed + alone[:, None]
            self.spread[number] = np.sqrt(np.maximum(variance, 0.0)).T
        self._weigh_doubt()

    def _weigh_doubt(self) -> None:
        least, most = CAUTION
        self._margins = self.spread * np.clip(self.spread[:, :1] / np.float32(SURE), least, most)

    def unlearn(self, stream: int, place: int = 0) -> None:
        """Begin anew with a stream, or with its offset in one place, which may be anything now."""
        if place:
            column = place + _FIRST
            self._marginalize(column, slice(stream, stream + 1))
            self.precision[stream, column, column] = _ANYTHING_PULL
            self.weights[column, stream] = 0.0
        else:
            self.precision[stream] = np.diag(self.pulls)
            self.weights[:, stream] = 0.0
            self.weights[0, stream] = _LEVEL
            self.learned[stream] = 0.0
            self.spread[:, :, stream] = _UNSEEN
        self._weigh_doubt()

    def known_of(self, stream: int, place: int) -> float:
        """Return how much was learned of a place's own loss on a stream: each request that loses p adds p (1 - p)."""
        column = place + _FIRST
        return max(float(self.precision[stream, column, column] - self.pulls[column]), 0.0)

    def state(self) -> "RatesState":
        """Return what is known."""
        upper = np.triu_indices(len(self.pulls))
        precision = self.precision[:, upper[0], upper[1]]
        return RatesState(*map(packed, (self.pulls, precision, self.weights, self.learned, self.spread)))

    @classmethod
    def restored(cls, state: "RatesState", places: int, streams: int) -> "ExpectedRates":
        """Return one that knows what another one knew. Raises ValueError where that does not fit together."""
        rates = cls(places, streams)
        columns = len(rates.pulls)
        upper = np.triu_indices(columns)
        precision = numbers(state.precision, np.float64, (streams, len(upper[0])))
        rates.precision[:, upper[0], upper[1]] = precision
        rates.precision[:, upper[1], upper[0]] = precision
        rates.pulls = numbers(state.pulls, np.float64, (columns,))
        rates.weights = numbers(state.weights, np.float64, (columns, streams))
        rates.learned = numbers(state.learned, np.float64, (streams,))
        rates.spread = numbers(state.spread, np.float32, (PHASES, places, streams))
        rates._weigh_doubt()
        return rates

    def reserve(self, places: int) -> None:
        """Make room for so many places."""
        more = max(0, places - self.spread.shape[1])
        self.pulls = np.pad(self.pulls, (0, more), constant_values=1.0)
        self.precision = np.pad(self.precision, ((0, 0), (0, more), (0, more)))
        fresh = np.arange(len(self.pulls) - more, len(self.pulls))
        self.precision[:, fresh, fresh] = 1.0
        self.weights = np.pad(self.weights, ((0, more), (0, 0)))
        self.spread = np.pad(self.spread, ((0, 0), (0, more), (0, 0)), constant_values=_UNSEEN)
        self._weigh_doubt()


def design(times: Floats, places: Places, count: int) -> Floats:
    """Return requests as rows of a regression over `count` places; a place that is -1 is none."""
    rows = np.zeros((len(times), count + WAVES))
    rows[:, 0] = 1.0
    angles = 2.0 * np.pi * np.mod(times, DAY_S) / DAY_S
    rows[:, 1 : WAVES + 1] = np.stack(
        [np.sin(angles), np.cos(angles), np.sin(2 * angles), np.cos(2 * angles)], axis=1
    )
    row, which = np.nonzero(places > 0)
    rows[row, places[row, which].astype(np.int64) + _FIRST] = 1.0
    return rows


def waves(at: float) -> Floats:
    """Return the hour of the day as a regression sees it."""
    angle = 2.0 * math.pi * (at % DAY_S) / DAY_S
    return np.array([math.sin(angle), math.cos(angle), math.sin(2 * angle), math.cos(2 * angle)])


def phase(at: float) -> int:
    """Return the part of the day."""
    return min(int(at % DAY_S * PHASES / DAY_S), PHASES - 1)


def _fit(rows: Floats, losses: Floats, faded: Floats, target: Floats, steps: int) -> tuple[Floats, Floats]:
    """Return weights and precision: those that were known, faded, with the batch. Newton's method on the posterior."""
    weights = _solved(faded, target)
    precision = faded
    for _ in range(steps):
        rates = expit(np.clip(rows @ weights, -_LIMIT, _LIMIT))
        precision = faded + _weighed(rows, rates * (1.0 - rates))
        slope = rows.T @ (losses - rates) + target - faded @ weights
        weights = weights + np.clip(_solved(precision, slope), -2.0, 2.0)
    return weights, (precision + precision.T) / 2.0


def _weighed(rows: Floats, weights: Floats) -> Floats:
    """Return the sum of the rows' squares by weight."""
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for part in _parts(rows):
        total += rows[part].T @ (rows[part] * weights[part, None])
    return total


def _parts(rows: Floats) -> list[slice]:
    """Return rows in parts whose products with a square matrix are small."""
    size = max(1, _ONE_THREAD // rows.shape[1] ** 2)
    return [slice(since, since + size) for since in range(0, len(rows), size)]


def _solved(matrix: Floats, target: Floats) -> Floats:
    return np.asarray(np.linalg.solve(matrix, target), np.float64)


def _typical(mix: Floats, groups: npt.NDArray[np.int16]) -> Floats:
    """Return the mean row of each place: its own value instead of its group's, all else as it is mixed; no waves."""
    count = len(groups)
    rows = np.tile(mix, (count, 1))
    rows[:, 1 : WAVES + 1] = 0.0
    same = groups[1:, None] == groups[None, 1:]
    rows[1:, 1 + WAVES :][same] = 0.0
    own = np.arange(1, count)
    rows[own, own + _FIRST] = 1.0
    return rows
