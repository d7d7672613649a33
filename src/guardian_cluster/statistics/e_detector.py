"""Decides how much evidence there is that losses have become larger than expected, in many places at once.

A bet on one loss x, of which at most p was expected, pays 1 - f + f x / p: a share f of what is there is put on x. For
losses of 0 or 1 that is the likelihood ratio of a share f of the requests being spoilt, whatever they would have lost
otherwise; for any losses between 0 and 1 its mean is at most 1 while theirs is at most p. Added over all times at which
a change may have begun (Shiryaev, Roberts), and over shares and places with weights, it is an e-detector (Shin, Ramdas,
Rinaldo, "E-detectors", 2022): its mean is at most the number of requests, so that reaching A and beginning anew happens
at most once in A requests in the mean, however long it runs.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from guardian_cluster.statistics.arrays import numbers, packed

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int16]

SPOILT = np.array([0.01, 0.05, 0.11, 0.22, 0.45, 0.8])
"""Shares of the requests that a fault may spoil. Where 15 % are lost anyway, the third is a drop by 9 points; a share
of 1 % is seen where next to nothing is lost: leaks, errors."""

SHARES = np.array([0.02, 0.11, 0.4, 0.32, 0.11, 0.04])
"""Weights of these bets, 1 together. Small faults have the large ones: a nat less costs 30 requests there, but 3 where
the loss grows by 40 points."""

_LEAST_RATE = 1e-5


class EDetectors:
    """The evidence of every place and stream, by magnitude; `weights` of places and streams are 1 together, at most.

    The clock of a place ticks with its own requests alone. So places that divide the requests among them, as the values
    of one dimension do, may each have the weight of all of them: their clocks together tick once a request.
    """

    def __init__(self, places: int, streams: int) -> None:
        self.wealth: Floats = np.zeros((places, streams, len(SPOILT)))
        self.value: Floats = np.zeros((places, streams))

    def take(self, places: Places, counted: Floats, losses: Floats, rates: Floats) -> None:
        """Take in the losses of one request, by stream, in the places it belongs to.

        `rates` are what was expected at most, by place and stream. `counted` is 1 for streams that are heard and 0 for
        those that stay as they are; their losses are numbers all the same.
        """
        excess = (losses / rates - 1.0) * counted
        gains = excess[:, :, None] * SPOILT + 1.0
        wealth = (self.wealth[places] + counted[:, None]) * gains
        self.wealth[places] = wealth
        self.value[places] = wealth @ SHARES

    def levels(self, weights: Floats) -> Floats:
        """Return the evidence of each stream over all places."""
        return (weights * self.value).sum(axis=0)

    def likeliest(self, stream: int, weights: Floats) -> tuple[int, int]:
        """Return the place that has most of a stream's evidence, and the magnitude that has most of it there."""
        place = int(np.argmax(weights[:, stream] * self.value[:, stream]))
        return place, int(np.argmax(self.wealth[place, stream] * SHARES))

    def restart(self, stream: int) -> None:
        """Begin anew with a stream, everywhere."""
        self.wealth[:, stream] = 0.0
        self.value[:, stream] = 0.0

    def forget(self, place: int) -> None:
        """Begin anew in a place, which may be another one from now on."""
        self.wealth[place] = 0.0
        self.value[place] = 0.0

    def drop(self, where: Flags) -> None:
        """Begin anew with these places and streams."""
        self.wealth[where] = 0.0
        self.value[where] = 0.0

    def reserve(self, places: int) -> None:
        """Make room for so many places."""
        more = max(0, places - len(self.value))
        self.wealth = np.pad(self.wealth, ((0, more), (0, 0), (0, 0)))
        self.value = np.pad(self.value, ((0, more), (0, 0)))

    def state(self) -> bytes:
        """Return the evidence."""
        return packed(self.wealth)

    @classmethod
    def restored(cls, state: bytes, places: int, streams: int) -> "EDetectors":
        """Return one with the evidence of another. Raises ValueError for what is none."""
        detectors = cls(places, streams)
        detectors.wealth = numbers(state, np.float64, detectors.wealth.shape)
        if (detectors.wealth < 0.0).any():
            raise ValueError("evidence is never negative")
        detectors.value = detectors.wealth @ SHARES
        return detectors


def onset(losses: Floats, rates: Floats, magnitude: int) -> int:
    """Return the index of the request since which the bet on a magnitude has won most: where a change began.

    It is the likeliest change point, and Page's CUSUM began there.
    """
    if not len(losses):
        return 0
    gains = np.log1p(SPOILT[magnitude] * (losses / rates - 1.0))
    return int(np.argmax(np.cumsum(gains[::-1])[::-1]))


def recovery_gain(loss: float, bad: float, ratio: float) -> float:
    """Return what a bet pays that a loss is no longer as `bad` as it was, the odds being `ratio` times those.

    Its mean is at most 1 as long as the mean loss is `bad` or worse; `ratio` is below 1.
    """
    excess = ratio - 1.0
    return (1.0 + excess * loss) / (1.0 + excess * bad)


def logit(rates: Sequence[float] | Floats | float) -> Floats:
    """Return the log-odds of rates, which may be 0 or 1."""
    inside = np.clip(np.asarray(rates, dtype=float), 1e-6, 1.0 - 1e-6)
    return np.log(inside / (1.0 - inside))


def expit(log_odds: Floats) -> Floats:
    """Return the rates that have these log-odds, never less than one in 100,000."""
    return _LEAST_RATE + 1.0 / (1.0 + np.exp(-log_odds))
