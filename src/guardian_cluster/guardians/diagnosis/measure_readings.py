"""Reads off how time, tokens and money of a fault's requests have grown."""

import math
from collections.abc import Callable, Mapping
from statistics import fmean

from guardian_cluster.domain.observation import Observation
from guardian_cluster.guardians.diagnosis.failure_codes import is_smooth
from guardian_cluster.guardians.diagnosis.populations import Populations


def measures_read(populations: Populations) -> Mapping[str, float]:
    """Return the traits of growth: twice as much is a half, four times the whole."""
    growths = {
        "slower to begin": populations.growth(_first_token),
        "slower to write": populations.growth(_pace),
        "longer answers": populations.growth(_output),
        "longer requests": populations.growth(_input),
    }
    return {name: factor(growth) for name, growth in growths.items() if growth is not None} | _overhead(
        populations
    )


def price_read(populations: Populations) -> float:
    """Return how much dearer requests are that were answered at the first try; 0 where that is not known."""
    growth = populations.growth(_cost)
    return 0.0 if growth is None else min(2.0 * factor(growth), 1.0)


def factor(growth: float) -> float:
    """Return how strong a growth is, 0 to 1."""
    return min(max(math.log2(max(growth, 1e-6)) / 2.0, 0.0), 1.0)


def _overhead(populations: Populations) -> dict[str, float]:
    """Return how much of the time that requests take longer went in the gateway itself."""
    more = _more(populations, lambda each: each.overhead_ms)
    longer = _more(populations, lambda each: each.duration_ms)
    usual = populations.middle(lambda each: each.duration_ms)
    if more is None or longer is None or usual is None:
        return {}
    if more < max(0.05 * usual, 5.0):
        return {"overhead": 0.0}
    return {"overhead": min(more / max(longer, 0.05 * usual, 1.0) * 1.5, 1.0)}


def _more(populations: Populations, value: Callable[[Observation], float | None]) -> float | None:
    now = [found for each in populations.faulty if (found := value(each)) is not None]
    usual = populations.middle(value)
    return fmean(now) - usual if now and usual is not None else None


def _first_token(observation: Observation) -> float | None:
    return observation.first_token_ms if is_smooth(observation) else None


def _pace(observation: Observation) -> float | None:
    first = observation.first_token_ms
    if first is None or not is_smooth(observation) or observation.output_tokens < 5:
        return None
    return max(observation.duration_ms - first, 0.0) / observation.output_tokens


def _output(observation: Observation) -> float | None:
    """Return the tokens of an answer; those of a request that was asked again are of all its attempts."""
    return float(observation.output_tokens) if is_smooth(observation) else None


def _input(observation: Observation) -> float | None:
    return float(observation.input_tokens) if is_smooth(observation) else None


def _cost(observation: Observation) -> float | None:
    return observation.cost_usd if is_smooth(observation) else None
