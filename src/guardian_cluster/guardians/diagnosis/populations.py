"""Owns which requests a fault is read off, and which it is compared with."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median
from typing import NamedTuple

from guardian_cluster.domain.observation import Observation

MIN_HARM = 0.1
"""A fault harms at least so much of its slice; a smaller estimate would blow up chance differences."""

MIN_VALUES = 5
"""Of which a mean or a median is told."""


class Populations(NamedTuple):
    """The requests of a fault and those beside it."""

    faulty: Sequence[Observation]
    """In the slice since the onset: those that were harmed, and those that were spared."""
    usual: Sequence[Observation]
    """In the slice before; where these are few, all that no fault touches."""
    harm: float
    """Which share of the faulty ones was harmed, as losses tell."""
    novelty: float = 0.0
    """Which share of them has a variant or a template that was not there before, 0 to 1."""

    def excess(self, holds: Callable[[Observation], bool]) -> float:
        """Return which share of the harmed requests has something, 0 to 1, beyond what is usual."""
        share = _share(self.faulty, holds)
        usual = _share(self.usual, holds)
        return min(max((share - usual) / self.harm, 0.0), 1.0)

    def growth(self, value: Callable[[Observation], float | None]) -> float | None:
        """Return by which factor a mean has grown in the harmed requests; `None` where it is not known."""
        now, usual = _values(self.faulty, value), _values(self.usual, value)
        if len(now) < MIN_VALUES or len(usual) < MIN_VALUES or fmean(usual) <= 0:
            return None
        return max(1.0 + (_trimmed(now) / max(_trimmed(usual), 1e-9) - 1.0) / self.harm, 0.0)

    def middle(self, value: Callable[[Observation], float | None]) -> float | None:
        """Return the usual median of a value; `None` where it is not known."""
        usual = _values(self.usual, value)
        return median(usual) if len(usual) >= MIN_VALUES else None


def _trimmed(values: list[float]) -> float:
    """Return a mean that a few outliers cannot make."""
    bound = 20.0 * median(values) if median(values) > 0 else max(values)
    return fmean(min(each, bound) for each in values)


def _share(observations: Sequence[Observation], holds: Callable[[Observation], bool]) -> float:
    return sum(map(holds, observations)) / len(observations) if observations else 0.0


def _values(observations: Iterable[Observation], value: Callable[[Observation], float | None]) -> list[float]:
    found = (value(each) for each in observations)
    return [each for each in found if each is not None and 0 <= each < 1e12]
