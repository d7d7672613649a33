"""Decides which signals are worse, since when, and in which slices: what one fault explains is looked for no more."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Finding
from guardian_cluster.domain.observation import Signal, Slice, covers
from guardian_cluster.guardians.diagnosis.expectations import Expectations, Rows
from guardian_cluster.guardians.diagnosis.frame import VIEWS, Frame, View, signal_of
from guardian_cluster.statistics.main_effects import Codes

MAX_FAULTS = 4
PARTS = 24
"""Beginnings that are tried, evenly over the requests; of the best slice the beginning is then estimated exactly."""

ENOUGH = 2.5
"""Nats above what the search costs, for a fault that no alarm tells of. In simulated days without a fault, with a daily
cycle and shifts of topics, the best slice stays below it in 95 % of 120 windows. The others are mostly drifts over
thousands of requests; a bound of 2.0 silences and finds as much."""

ENOUGH_ALARMED = 1.5
"""The same for a signal with an open alarm: that something is wrong is known."""

JOINED = 4.0
"""Nats with which another view shows the same fault."""

JOINED_SHARE = 0.6
"""How much of what a view's own best slice explains this one has to explain, for the view to join."""

LEFT_OVER = 0.08
"""A smaller share of a fault's evidence within or around its own slice is what it left, no other fault."""

FINDINGS = 5
ALIKE = 0.9
"""Common requests (Jaccard) from which losses cannot tell two slices apart."""

USUAL_SHARE = 0.15
"""Of the window: what comes first is what is usual. A fault that is older shows only where an alarm tells its onset."""

MIN_PAST = 600
"""Requests before the beginning from which expectations are learned alone; with fewer those outside the slice help."""

REFINEMENTS = 3


class Fault(NamedTuple):
    """One fault as it shows in the losses."""

    signal: Signal
    """That shows it most."""
    evidence: Mapping[Signal, float]
    """Nats with which each signal shows it."""
    findings: tuple[Finding, ...]
    onset: float
    harm: float
    """Which share of the slice's requests it harms."""
    regions: tuple[Rows, ...]
    """The requests in the slice since the onset, as the signals lay them."""
    alike: tuple[Slice, ...]
    """Slices that hold nearly the same requests as the first finding, itself among them."""

    @property
    def where(self) -> Slice:
        """The best slice; all requests where none was found."""
        return self.findings[0].where if self.findings else ()

    @property
    def region(self) -> Rows:
        """All its requests."""
        return np.logical_or.reduce(self.regions)


class _Best(NamedTuple):
    score: float
    slice_: int
    edge: int
    """The first request since the beginning."""


def faults_of(frame: Frame, alarms: Sequence[Alarm] = ()) -> list[Fault]:
    """Return the faults of a window, each without what the ones before it explain."""
    search = _Search(frame, alarms)
    found: list[Fault] = []
    for _ in range(MAX_FAULTS):
        fault = search.next()
        if fault is None:
            break
        if not any(_is_left_over(fault, other) for other in found):
            found.append(fault)
    return found


class _Search:
    def __init__(self, frame: Frame, alarms: Sequence[Alarm]) -> None:
        self._frame = frame
        self._alarmed = {each.signal for each in alarms}
        self._expectations = Expectations(frame, _edges(frame, alarms))

    def next(self) -> Fault | None:
        """Return the fault with most evidence, and take it for explained."""
        best = {view: self._best(view) for view in self._expectations.views}
        for view in sorted(best, key=lambda each: (-best[each].score, VIEWS.index(each))):
            if best[view].score < self._bound(view):
                continue
            refined = self._refined(view, best[view])
            if refined.score >= self._bound(view):
                return self._explained(view, refined)
        return None

    def _bound(self, view: View) -> float:
        return ENOUGH_ALARMED if signal_of(view) in self._alarmed else ENOUGH

    def _best(self, view: View) -> _Best:
        place = int(self._expectations.best(view)[0])
        return _Best(float(self._expectations.net(view).max()), place, self._edge(view, place))

    def _edge(self, view: View, slice_: int) -> int:
        return int(self._expectations.edges[self._expectations.scores(view).edge[slice_]])

    def _refined(self, view: View, best: _Best) -> _Best:
        """Return the best slice when its beginning is exact and it is not what expectations are learned from."""
        for _ in range(REFINEMENTS):
            region = self._region(view, view, best.slice_, best.edge)
            self._expectations.learn(view, self._past(region, best.edge))
            self._expectations.add_edge(self._onset(view, best.slice_, region))
            again = self._best(view)
            if again[1:] == best[1:]:
                return again
            best = again
        return best

    def _past(self, region: Rows, edge: int) -> Rows:
        before = np.arange(len(region)) < edge
        return before if edge >= MIN_PAST else ~region

    def _region(self, other: View, view: View, slice_: int, edge: int) -> Rows:
        """Return the requests since a beginning in a slice of one view, as another lays them."""
        codes = self._frame.codes(other)
        inside = np.arange(len(codes)) >= edge
        for attribute, level in self._expectations.table(view).levels(slice_):
            inside &= codes[:, attribute] == level
        return inside

    def _onset(self, view: View, slice_: int, region: Rows) -> int:
        """Return the first of those requests that together speak most for a higher loss."""
        rows = self._region(view, view, slice_, 0) & (self._frame.known[view] > 0)
        losses, expected = self._frame.losses[view][rows], self._expectations.expected(view)[rows]
        worse = 1.0 - (1.0 - expected) * (1.0 - max(self._expectations.harm(view, region), 0.01))
        told = losses * np.log(worse / expected) + (1.0 - losses) * np.log((1.0 - worse) / (1.0 - expected))
        since = np.cumsum(told[::-1])[::-1]
        return int(np.flatnonzero(rows)[int(since.argmax())])

    def _explained(self, view: View, best: _Best) -> Fault:
        joined = self._joined(view, best)
        ranked = self._ranked(view, joined)
        top = ranked[0][1]
        edge = self._edge(view, top)
        regions = {each: self._region(each, view, top, edge) for each in joined}
        fault = Fault(
            signal=signal_of(view),
            evidence=self._evidence(view, joined, top),
            findings=tuple(self._finding(view, place, score) for score, place in ranked[:FINDINGS]),
            onset=float(self._frame.times[edge]),
            harm=max(self._expectations.harm(each, region) for each, region in regions.items()),
            regions=tuple(regions.values()),
            alike=self._alike(view, ranked, edge),
        )
        for each, region in regions.items():
            self._expectations.take(each, region)
        return fault

    def _joined(self, view: View, best: _Best) -> list[View]:
        """Return the views that show the same fault, the first one first."""
        joined = [view]
        for other in self._expectations.views:
            value = self._value(other, view, best.slice_)
            most = float(self._expectations.scores(other).fit.max())
            if other != view and value >= JOINED and value >= JOINED_SHARE * most:
                joined.append(other)
        return joined

    def _evidence(self, view: View, joined: Iterable[View], slice_: int) -> Mapping[Signal, float]:
        found: dict[Signal, float] = {}
        for each in joined:
            value = self._value(each, view, slice_)
            found[signal_of(each)] = max(found.get(signal_of(each), 0.0), value)
        return found

    def _value(self, other: View, view: View, slice_: int) -> float:
        """Return how much another view tells of a slice of this one's table."""
        return float(self._expectations.fits(other, view, np.array([slice_]))[0])

    def _ranked(self, view: View, joined: Iterable[View]) -> list[tuple[float, int]]:
        """Return slices with their scores over all views that joined, best first; at least one."""
        places = self._expectations.best(view)
        total = self._expectations.fits(view, view, places) - self._expectations.table(view).cost[places]
        for other in joined:
            if other != view:
                total = total + self._expectations.fits(other, view, places)
        order = np.argsort(-total, kind="stable")
        ranked = [(float(total[place]), int(places[place])) for place in order]
        return [each for each in ranked if each[0] > 0] or ranked[:1]

    def _finding(self, view: View, slice_: int, score: float) -> Finding:
        """Return a slice with what its signal lost in it, which is known where that of a view by rank is."""
        signal = signal_of(view)
        region = self._region(signal, view, slice_, self._edge(view, slice_)) & (
            self._frame.known[signal] > 0
        )
        known = signal in self._expectations.views and bool(region.any())
        expected = self._expectations.expected(signal)[region] if known else np.zeros(1)
        observed = self._frame.losses[signal][region] if known else np.zeros(1)
        return Finding(
            where=self._frame.slice_of(self._expectations.table(view).levels(slice_)),
            score=round(score, 3),
            requests=int(region.sum()),
            expected=round(float(expected.mean()), 4),
            observed=round(float(observed.mean()), 4),
        )

    def _alike(self, view: View, ranked: Sequence[tuple[float, int]], edge: int) -> tuple[Slice, ...]:
        best = self._region(view, view, ranked[0][1], edge)
        found: list[Slice] = []
        for _, place in ranked[:20]:
            rows = self._region(view, view, place, edge)
            if (rows & best).sum() >= ALIKE * (rows | best).sum():
                found.append(self._frame.slice_of(self._expectations.table(view).levels(place)))
        return tuple(found)


def _is_left_over(fault: Fault, other: Fault) -> bool:
    """Return whether a fault is what one found before it left in or around its slice."""
    nested = covers(fault.where, other.where) or covers(other.where, fault.where)
    return nested and fault.findings[0].score < LEFT_OVER * other.evidence.get(fault.signal, 0.0)


def _edges(frame: Frame, alarms: Sequence[Alarm]) -> Codes:
    """Return the first request after each possible beginning; the first is the window's own."""
    count = len(frame.times)
    evenly = np.linspace(USUAL_SHARE * count, count, PARTS, endpoint=False).astype(np.int64)
    onsets = np.array([each.onset for each in alarms], dtype=np.float64)
    alarmed = np.searchsorted(frame.times, onsets[np.isfinite(onsets)])
    return np.union1d(np.append(evenly, 0), alarmed[(alarmed > 0) & (alarmed < count)])
