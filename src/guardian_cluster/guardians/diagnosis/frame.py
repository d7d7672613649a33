"""Owns a window's requests as columns: who is in which slice, and what each lost on each signal.

Requests of other specialists, and a second one with an id that was seen, are left out: a diagnosis rests on records of
this specialist, each once.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np

from guardian_cluster.domain.observation import (
    DIMENSIONS,
    SIGNALS,
    Dimension,
    Observation,
    Signal,
    Slice,
    Try,
    slice_of,
)
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.diagnosis.failure_codes import is_try_withheld
from guardian_cluster.statistics.main_effects import Codes, Floats

MAX_LEVELS = 40
"""Values of one dimension that are told apart: those with most requests. A search over more would find less."""

MIN_LEVEL = 5
"""Requests with a value, for it to be told apart."""

ENDS = 0.25
"""What was not seen in so much of the window's beginning is new, and nothing of its own is expected of it: a new
variant that fails from its first request on would otherwise be expected to."""

PASSING: frozenset[Dimension] = frozenset({"revision"})
"""Dimensions whose values follow one another: what is expected of them would be what was seen."""

_BY_FAILURE: frozenset[Signal] = frozenset({"error", "latency", "cost"})
"""On these signals a request is laid to the endpoint whose try came to nothing first, even if another answered."""

_BY_WITHHOLDING: frozenset[Signal] = frozenset({"refusal", "format", "leak"})
"""On these to the endpoint whose answer was withheld first, for that is what watchers found something in."""

View = str
"""A signal by its losses, or one of `RANKED`."""

RANKED: Mapping[View, Signal] = {"time taken": "latency", "price": "cost"}
"""What a budget hides: a request that takes twice as long as usual but keeps its budget loses nothing. So time and
price are looked at by rank, too: 0 for the least of the window, 1 for the most."""

VIEWS: tuple[View, ...] = (*SIGNALS, *RANKED)

MAX_VALUE = 200
"""Characters of a dimension's value; longer ones are no names."""


_Columns = Mapping[Dimension, Sequence[str]]
"""Requests' values by dimension; empty is none."""


class Frame(NamedTuple):
    """A window as columns, oldest request first."""

    observations: tuple[Observation, ...]
    times: Floats
    levels: Mapping[Dimension, tuple[str, ...]]
    answered: Codes
    """Requests x dimensions: the place of its value in `levels`, or -1."""
    failed: Codes
    """The same, with the endpoint whose try came to nothing first."""
    withheld: Codes
    """The same, with the endpoint whose answer was withheld first."""
    losses: Mapping[View, Floats]
    known: Mapping[View, Floats]
    """1 where the loss is known."""
    lasting: Codes
    """Like `answered`, without the values of which nothing can be expected."""
    new: frozenset[tuple[int, int]]
    """Attributes with levels that the window did not begin with."""

    def codes(self, view: View) -> Codes:
        """Return who is in which slice, as it is seen for this signal."""
        signal = signal_of(view)
        if signal in _BY_FAILURE:
            return self.failed
        return self.withheld if signal in _BY_WITHHOLDING else self.answered

    def slice_of(self, levels: Iterable[tuple[int, int]]) -> Slice:
        """Return what attributes and levels mean."""
        values: dict[Dimension, str] = {
            DIMENSIONS[place]: self.levels[DIMENSIONS[place]][level] for place, level in levels
        }
        return slice_of(values)

    def places(self, where: Slice) -> list[tuple[int, int]]:
        """Return the attributes and levels of a slice of this window."""
        return [(DIMENSIONS.index(name), self.levels[name].index(value)) for name, value in where]


def signal_of(view: View) -> Signal:
    """Return the signal that a view is of."""
    return RANKED[view] if view in RANKED else cast("Signal", view)


def frame_of(window: Window) -> Frame:
    """Return the columns of a window's requests."""
    observations = _of_its_own(window)
    answered = _columns(observations)
    models = _models(answered)
    failed = _moved(observations, answered, models, _is_failed)
    withheld = _moved(observations, answered, models, is_try_withheld)
    levels: dict[Dimension, tuple[str, ...]] = {
        name: _levels(columns[name] for columns in (answered, failed, withheld)) for name in DIMENSIONS
    }
    codes = _codes(answered, levels)
    new = _new(codes)
    columns: dict[View, Floats] = {signal: _losses(observations, signal) for signal in SIGNALS}
    columns |= {"time taken": _time_ranks(observations), "price": _ranks(_prices(observations))}
    return Frame(
        observations=observations,
        times=np.array([each.at for each in observations], dtype=np.float64),
        levels=levels,
        answered=codes,
        failed=codes if failed is answered else _codes(failed, levels),
        withheld=codes if withheld is answered else _codes(withheld, levels),
        losses={signal: np.nan_to_num(column, nan=0.0) for signal, column in columns.items()},
        known={signal: np.isfinite(column).astype(np.float64) for signal, column in columns.items()},
        lasting=_lasting(codes, new),
        new=new,
    )


def _of_its_own(window: Window) -> tuple[Observation, ...]:
    """Return the requests of the window's specialist, each id once, in the order of time whatever clocks did."""
    own = {
        each.id: each
        for each in reversed(window.observations)
        if each.specialist == window.specialist and math.isfinite(each.at)
    }
    return tuple(sorted(own.values(), key=lambda each: (each.at, each.id)))


def _columns(observations: Sequence[Observation]) -> _Columns:
    return {name: [each.dimensions.get(name, "")[:MAX_VALUE] for each in observations] for name in DIMENSIONS}


def _models(columns: _Columns) -> Mapping[str, str]:
    """Return the model of each endpoint, as requests that it answered tell."""
    pairs = Counter(zip(columns["endpoint"], columns["model"], strict=True))
    # The last one counts: of an endpoint with several models, that of most requests.
    return {endpoint: model for (endpoint, model), _ in reversed(pairs.most_common()) if endpoint and model}


def _moved(
    observations: Sequence[Observation],
    columns: _Columns,
    models: Mapping[str, str],
    is_at_fault: Callable[[Try], bool],
) -> _Columns:
    """Return requests' values with the endpoint at fault and its model; the same ones where that changes nothing."""
    answered = columns["endpoint"]
    at_fault = [
        _at_fault(each.tries, is_at_fault) or own for each, own in zip(observations, answered, strict=True)
    ]
    if at_fault == answered:
        return columns
    moved = [
        model if endpoint == own else models.get(endpoint, "")
        for endpoint, own, model in zip(at_fault, answered, columns["model"], strict=True)
    ]
    return {**columns, "endpoint": at_fault, "model": moved}


def _at_fault(tries: Sequence[Try], is_at_fault: Callable[[Try], bool]) -> str:
    """Return the first endpoint whose try went wrong; empty where none did."""
    for each in tries:
        if each.endpoint and is_at_fault(each):
            return each.endpoint[:MAX_VALUE]
    return ""


def _is_failed(attempt: Try) -> bool:
    return attempt.outcome in ("failed", "cut")


def _levels(columns: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return the values of a dimension that are told apart, in an order that does not depend on requests' order."""
    counts = Counter[str]()
    for column in columns:
        counts.update(column)
    del counts[""]
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(value for value, count in ranked[:MAX_LEVELS] if count >= MIN_LEVEL)


def _codes(columns: _Columns, levels: Mapping[Dimension, tuple[str, ...]]) -> Codes:
    """Return requests x dimensions, each dimension in one piece of memory."""
    codes = np.empty((len(DIMENSIONS), len(columns["endpoint"])), dtype=np.int64)
    for row, name in zip(codes, DIMENSIONS, strict=True):
        places = {value: place for place, value in enumerate(levels[name])}
        row[:] = [places.get(value, -1) for value in columns[name]]
    return codes.T


def _losses(observations: Sequence[Observation], signal: Signal) -> Floats:
    column = np.array([each.losses.get(signal, math.nan) for each in observations], dtype=np.float64)
    return np.where(np.isfinite(column), np.clip(column, 0.0, 1.0), np.nan)


def _time_ranks(observations: Sequence[Observation]) -> Floats:
    """Return how long requests took by rank: streamed ones to their first token, others to their end."""
    first = np.array([_positive(each.first_token_ms) for each in observations], dtype=np.float64)
    whole = np.array([_positive(each.duration_ms) for each in observations], dtype=np.float64)
    return np.where(np.isfinite(first), _ranks(first), _ranks(np.where(np.isfinite(first), np.nan, whole)))


def _prices(observations: Sequence[Observation]) -> Floats:
    return np.array([_positive(each.cost_usd) for each in observations], dtype=np.float64)


def _positive(value: float | None) -> float:
    return value if value is not None and 0.0 < value < math.inf else math.nan


def _ranks(values: Floats) -> Floats:
    """Return the share of known values below each, equal ones in the middle of theirs; NaN where it is not known."""
    known = np.isfinite(values)
    ordered = np.sort(values[known])
    below, upto = (
        np.searchsorted(ordered, values, side="left"),
        np.searchsorted(ordered, values, side="right"),
    )
    return np.where(known, (below + upto) / 2.0 / max(len(ordered), 1), np.nan)


def _lasting(codes: Codes, new: Iterable[tuple[int, int]]) -> Codes:
    """Return the codes without those that came within the window, and without passing dimensions."""
    kept = codes.copy()
    for place, name in enumerate(DIMENSIONS):
        if name in PASSING:
            kept[:, place] = -1
    for place, level in new:
        kept[kept[:, place] == level, place] = -1
    return kept


def _new(codes: Codes) -> frozenset[tuple[int, int]]:
    """Return the levels that are not in the window's beginning but, in number, in the rest."""
    found: set[tuple[int, int]] = set()
    end = max(int(len(codes) * ENDS), 1)
    for place in range(codes.shape[1]):
        later = np.setdiff1d(codes[end:, place], codes[:end, place])
        found |= {(place, int(level)) for level in later if level >= 0}
    return frozenset(found)
