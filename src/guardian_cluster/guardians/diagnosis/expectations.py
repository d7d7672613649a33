"""Owns what is expected of every request on every view, and how well each slice explains what was seen instead."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from guardian_cluster.domain.observation import DIMENSIONS
from guardian_cluster.guardians.diagnosis.frame import PASSING, VIEWS, Frame, View
from guardian_cluster.statistics.main_effects import Codes, Floats, log_odds, sigmoid
from guardian_cluster.statistics.slice_search import MIN_RISE, Scan, Scores, SliceTable

Rows = npt.NDArray[np.bool_]

SPREAD_WEIGHT = 3.0
"""Losses of 0 and 1, as which a view's losses are held to spread before any were seen, in units of their variance."""

LEAST: Mapping[View, float] = {
    "time taken": 0.12,
    "price": 0.08,
    "latency": 0.05,
    "cost": 0.05,
    "groundedness": 0.05,
    "quality": 0.04,
    "error": 0.03,
}
"""By how much these have to rise. Over a thousand requests much less is sure and no fault: all of them come and go
with the hour of the day and with what is asked, time most. A rank of 0.1 is a fifth more time or money, as these
spread."""

MIN_KNOWN = 20
MIN_LOST = 2.0
"""Requests of which a view knows something, and losses in them, for it to be looked at."""

MIN_SETTLED = 300
"""Requests without anything new in them from which expectations are learned alone. What came new, such as a variant,
would otherwise be expected to do as it does."""

ALSO = 0.1
"""The chance that a fault that shows in one view shows in a certain other one, too."""

SUPPORTED = 300
"""Slices of a view, those that stand out most in it by itself, for which is looked at what other views tell."""

MAX_EDGES = 64
CANDIDATES = 100
STANDS_OUT = 0.0
"""Net nats from which slices are held against one another by how well they explain; else the best one stands alone."""


class Expectations:
    """The expectations of one window, which change as faults are found. Deterministic."""

    def __init__(self, frame: Frame, edges: Codes) -> None:
        self.frame = frame
        self._counts = [len(frame.levels[name]) for name in DIMENSIONS]
        alone = [place for place, name in enumerate(DIMENSIONS) if name in PASSING or self._counts[place] < 2]
        self._tables: dict[int, SliceTable] = {}
        for codes in (frame.answered, frame.failed, frame.withheld):
            if id(codes) not in self._tables:
                table = self._tables[id(codes)] = SliceTable(codes, self._counts, alone=alone)
                table.inherit(frame.new)
        self._settled = _settled(frame)
        self._odds: dict[View, Floats] = {}
        self._spared: dict[View, Floats] = {}
        self._spread: dict[View, float] = {}
        self._scores: dict[View, Scores] = {}
        self._nets: dict[View, Floats] = {}
        self._divide(edges)
        for view in VIEWS:
            if frame.losses[view].sum() >= MIN_LOST and frame.known[view].sum() >= MIN_KNOWN:
                self._spared[view] = np.ones(len(frame.times))
                self.learn(view, np.ones(len(frame.times), dtype=np.bool_))
        self._adds = self._what_each_adds()

    @property
    def views(self) -> Iterable[View]:
        """Those that something is known of."""
        return tuple(self._odds)

    def table(self, view: View) -> SliceTable:
        """Return the slices of a view."""
        return self._tables[id(self.frame.codes(view))]

    def net(self, view: View) -> Floats:
        """Return the score of every slice, with what other views tell of it, less what the search costs."""
        found = self._nets.get(view)
        if found is None:
            found = self._nets[view] = self._net(view)
        return found

    def _net(self, view: View) -> Floats:
        scores = self.scores(view)
        cost = self.table(view).cost + np.log(len(self.edges) * len(VIEWS))
        net = np.asarray(scores.value - cost, dtype=np.float64)
        places = np.argpartition(-net, min(SUPPORTED, len(net)) - 1)[:SUPPORTED]
        places = places[scores.value[places] > 0.0]
        own = scores.by_edge[places]
        told = own + self._support(view, places, own)
        net[places] = told.max(axis=1, initial=0.0) - cost[places]
        return net

    def _support(self, view: View, slices: Codes, own: Floats) -> Floats:
        """Return what other views tell of slices of this one's table: slices x beginnings, in nats.

        Of each the likelihood is a mixture: it shows the fault, too, or it does not. None tells more than this one's
        `own`: a fault is looked for in the view that shows it most.
        """
        told = np.zeros(own.shape)
        for other, weight in self._adds[view].items():
            same = self._same(other, view, slices)
            value = np.where((same >= 0)[:, None], self.scores(other).by_edge[same], 0.0)
            told += weight * np.logaddexp(np.log1p(-ALSO), np.log(ALSO) + np.minimum(value, own))
        return told

    def _same(self, other: View, view: View, slices: Codes) -> Codes:
        """Return the slices of another view's table with the same levels; -1 is none."""
        mine, theirs = self.table(view), self.table(other)
        return slices if mine is theirs else theirs.find(mine.key[slices])

    def fits(self, other: View, view: View, slices: Codes) -> Floats:
        """Return how well slices of one view's table explain what was seen on another."""
        same = self._same(other, view, slices)
        return np.where(same >= 0, self.scores(other).fit[same], 0.0)

    def _what_each_adds(self) -> Mapping[View, Mapping[View, float]]:
        """Return which share of what a view tells counts beside another one.

        Of two measures of the same that are correlated by r and rise alike, the likelihoods together are 2 / (1 + r)
        times that of one; so the second adds (1 - r) / (1 + r).
        """
        views = tuple(self.views)
        known = np.array([self.frame.known[view] for view in views]).reshape(
            len(views), len(self.frame.times)
        )
        residuals = known * np.array(
            [self.frame.losses[view] - sigmoid(self._odds[view]) for view in views]
        ).reshape(known.shape)
        both = residuals @ residuals.T
        squares = residuals**2 @ known.T
        correlation = np.clip(both / np.maximum(np.sqrt(squares * squares.T), 1e-9), 0.0, 1.0)
        adds = (1.0 - correlation) / (1.0 + correlation)
        return {
            view: {other: float(adds[n, m]) for m, other in enumerate(views) if m != n}
            for n, view in enumerate(views)
        }

    def best(self, view: View) -> Codes:
        """Return the slices that stand out most, those first that explain best."""
        net = self.net(view)
        places = np.argpartition(-net, min(CANDIDATES, len(net)) - 1)[:CANDIDATES]
        places = places[net[places] >= min(STANDS_OUT, float(net.max()))]
        fit = self.scores(view).fit[places] - self.table(view).cost[places]
        return places[np.lexsort((places, -fit))]

    def learn(self, view: View, past: Rows) -> None:
        """Learn from some requests, those that no known fault touches, what to expect of all."""
        losses, spared = self.frame.losses[view], self._spared[view]
        weights = self.frame.known[view] * past * (spared == 1.0)
        settled = weights * self._settled
        if settled.sum() >= MIN_SETTLED:
            weights = settled
        self._odds[view] = log_odds(self.frame.lasting, self._counts, losses, weights)
        share = sigmoid(self._odds[view])
        seen = float((weights * (losses - share) ** 2).sum()) + SPREAD_WEIGHT
        most = float((weights * share * (1.0 - share)).sum()) + SPREAD_WEIGHT
        self._spread[view] = min(seen / most, 1.0)
        self._forget(view)

    def expected(self, view: View) -> Floats:
        """Return the loss to expect of every request: the usual one, and those of the faults that were found."""
        return 1.0 - (1.0 - sigmoid(self._odds[view])) * self._spared[view]

    def harm(self, view: View, region: Rows) -> float:
        """Return which share of the requests in a region a fault harms, of those that are sound without it."""
        known = region & (self.frame.known[view] > 0)
        sound = 1.0 - self.expected(view)[known]
        harmed = float((self.frame.losses[view][known] - 1.0 + sound).sum())
        return float(np.clip(harmed / max(float(sound.sum()), 1.0), 0.0, 0.999))

    def take(self, view: View, region: Rows) -> None:
        """Take what a region lost for explained."""
        left = 1.0 - self.harm(view, region)
        self._spared[view] = np.where(region, self._spared[view] * left, self._spared[view])
        self._forget(view)

    def add_edge(self, edge: int) -> None:
        """Let faults begin with this request, too."""
        if edge not in self.edges and len(self.edges) < MAX_EDGES:
            self._divide(np.union1d(self.edges, [edge]))
            self._scores.clear()
            self._nets.clear()

    def _forget(self, view: View) -> None:
        self._scores.pop(view, None)
        self._nets.clear()

    def _divide(self, edges: Codes) -> None:
        self.edges = edges
        bins = np.searchsorted(edges, np.arange(len(self.frame.times)), side="right") - 1
        self._scans = {key: Scan(table, bins, len(edges)) for key, table in self._tables.items()}

    def scores(self, view: View) -> Scores:
        """Return the scores of all slices."""
        found = self._scores.get(view)
        if found is None:
            found = self._scores[view] = self._scored(view)
        return found

    def _scored(self, view: View) -> Scores:
        spared = self._spared[view]
        return self._scans[id(self.frame.codes(view))].scores(
            self.frame.losses[view],
            sigmoid(self._odds[view]),
            self.frame.known[view],
            spared=spared if (spared < 1.0).any() else None,
            spread=self._spread[view],
            least=LEAST.get(view, MIN_RISE),
        )


def _settled(frame: Frame) -> Floats:
    """Return 1 for requests that have nothing the window did not begin with, revisions aside."""
    settled = np.ones(len(frame.times))
    for place, level in frame.new:
        if DIMENSIONS[place] not in PASSING:
            settled[frame.answered[:, place] == level] = 0.0
    return settled
