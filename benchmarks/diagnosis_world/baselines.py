"""What trivial methods say of a window. Each is told the true onset, which a diagnostician has to find.

They name a cause by what usually shows so: by the signal, the kind of the last change, or the code of most errors.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import log2
from statistics import fmean

from benchmarks.diagnosis_world.scoring import Answer
from benchmarks.diagnosis_world.windows import rise, split
from guardian_cluster.domain.observation import DIMENSIONS, SIGNALS, Dimension, Observation, Signal
from guardian_cluster.domain.window import Window

BY_SIGNAL: Mapping[Signal, str] = {
    "quality": "quality_drop",
    "intent_alignment": "wrong_format",
    "error": "upstream_errors",
    "latency": "slow",
    "refusal": "refusal_spike",
    "format": "wrong_format",
    "groundedness": "stale_context",
    "cost": "cost_blowup",
    "leak": "detector_drift",
}
_BY_CHANGE = {
    "variant": "variant_regression",
    "model": "quality_drop",
    "endpoint": "own_configuration",
    "documents": "stale_context",
    "upgrade": "detector_drift",
    "threshold": "detector_drift",
    "endpoint_ejected": "upstream_errors",
    "endpoint_readmitted": "upstream_errors",
    "overloaded": "own_resources",
    "worker_restarted": "own_resources",
}
_BY_CODE = {
    "upstream_rate_limited": "quota",
    "upstream_unpaid": "quota",
    "upstream_timeout": "hang",
    "upstream_incomplete": "truncated_stream",
    "answer_blocked": "wrong_format",
    "upstream_empty": "wrong_format",
    "upstream_credentials_rejected": "own_configuration",
    "upstream_not_found": "own_configuration",
    "upstream_answer_too_large": "own_configuration",
    "upstream_connections_busy": "own_resources",
    "specialist_busy": "own_resources",
}
LEAST = 30
"""Requests since the onset of a slice that is looked at."""
_EXPLAINS, _EXPLAINS_ALONE = 0.67, 0.1
"""Adtributor's thresholds, as published: what a set of values explains together, and each of them by itself."""
_COMPARED = tuple(name for name in DIMENSIONS if name != "revision")
"""A revision that is new explains all and surprises most, whatever happened: with it Adtributor names nothing else."""

Baseline = Callable[[Window, float], tuple[Answer, ...]]
_Item = tuple[Dimension, str]


def largest_drop(window: Window, onset: float) -> tuple[Answer, ...]:
    """Name the value of one dimension whose mean loss on one signal rose most, in points."""
    first = split(window.observations, onset)
    before, since = _means(window.observations[:first]), _means(window.observations[first:])
    rises = [
        (mean - before[key][0], key)
        for key, (mean, count) in since.items()
        if count >= LEAST and key in before and before[key][1] >= LEAST
    ]
    ranked = sorted(rises, reverse=True)[:3]
    if not ranked:
        return ()
    return (Answer(BY_SIGNAL[ranked[0][1][0]], tuple(_place(item) for _, (_, item) in ranked)),)


def last_change(window: Window, onset: float) -> tuple[Answer, ...]:
    """Blame the last change before the onset, or just after it, wherever it says that it was made."""
    near = [change for change in window.changes if change.at <= onset + 60.0]
    if not near:
        return ()
    change = near[-1]
    named: list[_Item] = [("endpoint", change.endpoint)] if change.endpoint else []
    named += [("tenant", change.tenant)] if change.tenant else []
    places = tuple(_place(item) for item in named) or (_everything,)
    return (Answer(_BY_CHANGE.get(change.kind, "own_configuration"), places),)


def most_errors(window: Window, onset: float) -> tuple[Answer, ...]:
    """Name the value of one dimension with the largest share of failed requests, and what most failures are called."""
    since = window.observations[split(window.observations, onset) :]
    found = [(mean, key[1]) for key, (mean, n) in _means(since).items() if key[0] == "error" and n >= LEAST]
    codes = Counter(attempt.error for each in since for attempt in each.tries if attempt.error)
    if not found or not codes:
        return ()
    places = tuple(_place(item) for _, item in sorted(found, reverse=True)[:3])
    return (Answer(_BY_CODE.get(codes.most_common(1)[0][0], "upstream_errors"), places),)


def adtributor(window: Window, onset: float) -> tuple[Answer, ...]:
    """Name the set of values of one dimension that explains most and surprises most.

    Bhagwan et al., Adtributor: Revenue Debugging in Advertising Systems, NSDI 2014; on the signal that rose most, with
    the sum of losses as the measure and what was lost before, scaled to the requests since, as the forecast.
    """
    first = split(window.observations, onset)
    signal = max(SIGNALS, key=lambda each: rise(each, window.observations, first))
    before, since = window.observations[:first], window.observations[first:]
    scale = len(since) / max(len(before), 1)
    sets = [_explaining(name, signal, before, since, scale) for name in _COMPARED]
    best = sorted([each for each in sets if each is not None], key=lambda each: each[0], reverse=True)[:3]
    places = tuple(_place_of_any(name, values) for _, name, values in best)
    return (Answer(BY_SIGNAL[signal], places),) if places else ()


BASELINES: Mapping[str, Baseline] = {
    "largest_drop": largest_drop,
    "last_change": last_change,
    "most_errors": most_errors,
    "adtributor": adtributor,
}


def _means(observations: Sequence[Observation]) -> Mapping[tuple[Signal, _Item], tuple[float, int]]:
    losses: dict[tuple[Signal, _Item], list[float]] = {}
    for each in observations:
        for item in each.dimensions.items():
            for signal, loss in each.losses.items():
                losses.setdefault((signal, item), []).append(loss)
    return {key: (fmean(found), len(found)) for key, found in losses.items()}


def _explaining(
    name: Dimension,
    signal: Signal,
    before: Sequence[Observation],
    since: Sequence[Observation],
    scale: float,
) -> tuple[float, Dimension, frozenset[str]] | None:
    forecast = {value: scale * lost for value, lost in _sums(name, signal, before).items()}
    actual = _sums(name, signal, since)
    all_forecast, all_actual = sum(forecast.values()), sum(actual.values())
    if all_actual <= all_forecast or all_forecast <= 0.0:
        return None
    surprises = {
        value: _surprise(forecast.get(value, 0.0) / all_forecast, actual.get(value, 0.0) / all_actual)
        for value in {*forecast, *actual}
    }
    chosen: list[str] = []
    explained = 0.0
    for value in sorted(surprises, key=lambda each: (-surprises[each], each)):
        power = (actual.get(value, 0.0) - forecast.get(value, 0.0)) / (all_actual - all_forecast)
        if power > _EXPLAINS_ALONE:
            chosen.append(value)
            explained += power
        if explained > _EXPLAINS:
            return sum(surprises[each] for each in chosen), name, frozenset(chosen)
    return None


def _sums(name: Dimension, signal: Signal, observations: Sequence[Observation]) -> Mapping[str, float]:
    sums: dict[str, float] = {}
    for each in observations:
        value, loss = each.dimensions.get(name), each.losses.get(signal)
        if value is not None and loss is not None:
            sums[value] = sums.get(value, 0.0) + loss
    return sums


def _surprise(expected: float, found: float) -> float:
    """Return a value's part of the Jensen-Shannon divergence."""
    middle = (expected + found) / 2
    parts = [share * log2(share / middle) / 2 for share in (expected, found) if share > 0.0]
    return sum(parts)


def _place(item: _Item) -> Callable[[Observation], bool]:
    name, value = item
    return lambda seen: seen.dimensions.get(name) == value


def _place_of_any(name: Dimension, values: frozenset[str]) -> Callable[[Observation], bool]:
    return lambda seen: seen.dimensions.get(name) in values


def _everything(_: Observation) -> bool:
    return True
