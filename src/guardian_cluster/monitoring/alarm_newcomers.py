"""Decides whether a slice became worse, or was as bad as it is from its first request on: then nothing has changed.

Of a tenant, topic, language or template that is new, what everybody else loses is expected. Where it loses more from
the beginning, that is what it is like, and no fault that began. What the cluster chose itself (a model, an endpoint, a
variant) is not excused: a bad one is found by its first requests.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from guardian_cluster.domain.observation import DIMENSIONS, Dimension, Slice
from guardian_cluster.monitoring.alarm_places import UNPLACED
from guardian_cluster.monitoring.alarm_recent import Recent
from guardian_cluster.statistics.e_detector import Flags, expit

BROUGHT_BY_CALLERS: frozenset[Dimension] = frozenset({"tenant", "topic", "language", "template"})

_SURELY = 4.6
"""Nats by which two rates, of before and since, have to explain a slice's losses better than one does: 100 times as
likely, for the moment between them was chosen after the fact. Ten sound requests before ten that nearly all fail are
enough."""

_MOST_EXCUSED, _LATELY = 8, 1_000.0
"""So many slices of one stream are taken for always bad before so many more requests are learned from. Evidence is
gathered anew after each: who makes up ever more bad ones would hide the faults of others."""

_RARE = 0.1
"""A share of requests below which it is unusual that a value has no place of its own yet."""

_ENOUGH = 20
"""Requests by which it can be told whether newcomers are the most."""

_MANY = 10_000.0
"""Requests from which what is expected of everybody is taken to be known: far more than are looked at."""

Rows = npt.NDArray[np.intp]


class Past(NamedTuple):
    """What a slice lost before the recent requests, as far as it was learned: this share of so many requests."""

    requests: float
    rate: float


class Excuses:
    """The slices that were taken for always bad, as their streams and how many requests were learned from by then."""

    def __init__(self, given: Iterable[tuple[int, float]] = ()) -> None:
        self.given = list(given)

    def give(self, stream: int, learned: float) -> bool:
        """Excuse one more slice of a stream, where there were not too many lately; return whether it is."""
        lately = [each for each in self.given if each[0] != stream or each[1] > learned - _LATELY]
        if sum(of == stream for of, _ in lately) >= _MOST_EXCUSED:
            return False
        self.given = [*lately, (stream, learned)]
        return True


def is_brought(where: Slice) -> bool:
    """Return whether callers bring what a slice is about, so that it may be as hard as it likes."""
    return len(where) == 1 and where[0][0] in BROUGHT_BY_CALLERS


def has_changed(recent: Recent, place: int, stream: int, since: int, past: Past) -> bool:
    """Return whether a place loses more since a row of the recent requests than it did before."""
    rows = own_rows(recent, place, stream)
    losses = recent.losses[rows, stream].astype(np.float64)
    before, after = losses[rows < since], losses[rows >= since]
    known, lost = past.requests + len(before), past.requests * past.rate + float(before.sum())
    count, more = float(len(after)), float(after.sum())
    return more * known >= lost * count and _split(known, lost, count, more) >= _SURELY


def is_of_newcomers(recent: Recent, rows: Rows, stream: int, unlearned: Flags) -> bool:
    """Return whether a fault of everything shows in nobody but newcomers, so that nothing need have changed for others.

    Newcomers are requests of slices, of those `unlearned`, that came first when the fault began or later, and of values
    that have no place yet where nearly all others have one. Where most are new, they are everything by now.
    """
    since = rows[0]
    columns = [DIMENSIONS.index(dimension) for dimension in BROUGHT_BY_CALLERS]
    before, places = recent.places[:since, columns], recent.places[rows][:, columns]
    known = np.unique(before[before > 0])
    is_named = (places > 0) & unlearned[np.maximum(places, 0)] & ~np.isin(places, known)
    is_unnamed = (places == UNPLACED) & ((before == UNPLACED).sum(axis=0) < _RARE * max(len(before), 1))
    new = (is_named | is_unnamed).any(axis=1)
    if not new.any() or (len(rows) >= _ENOUGH and new.mean() > 0.5):
        return False
    rest = rows[~new]
    losses = recent.losses[rest, stream].astype(np.float64)
    expected = expit(recent.odds[rest, stream].astype(np.float64))
    count = float(len(rest))
    lost = _MANY * float(expected.mean()) if count else 0.0
    return _split(_MANY, lost, count, float(losses.sum())) < _SURELY


def own_rows(recent: Recent, place: int, stream: int) -> Rows:
    """Return the recent requests of a place that are known on a stream, and part of no fault."""
    known = ~np.isnan(recent.losses[:, stream]) & ~recent.spoilt[:, stream]
    return np.flatnonzero(recent.inside(place) & known)


def _split(known: float, lost: float, count: float, more: float) -> float:
    """Return the log-likelihood ratio of two rates against one."""
    one = _likelihood(known + count, lost + more)
    return _likelihood(known, lost) + _likelihood(count, more) - one


def _likelihood(count: float, lost: float) -> float:
    """Return the log-likelihood of so many losses, at the rate at which they are likeliest."""
    if not 0.0 < lost < count:
        return 0.0
    rate = lost / count
    return float(lost * np.log(rate) + (count - lost) * np.log1p(-rate))
