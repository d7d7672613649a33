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
    "time taken": 0.18,
    "price": 0.18,
    "latency": 0.05,
    "cost": 0.05,
    "groundedness": 0.05,
    "quality": 0.04,
    "error": 0.03,
}
"""By how much these have to rise. Over a thousand requests much less is sure and no fault: all of them come and go
with the hour of the day and with what is asked. A rank of 0.18 is a third more time or money, as these spread."""

MIN_KNOWN = 20
MIN_LOST = 2.0
"""Requests of which a view knows something, and losses in them, for it to be looked at."""

MIN_SETTLED = 300
"""Requests without anything new in them from which expectations are learned alone. What came new, such as a variant,
would otherwise be expected to do as it does."""

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
        self._divide(edges)
        for view in VIEWS:
            if frame.losses[view].sum() >= MIN_LOST and frame.known[view].sum() >= MIN_KNOWN:
                self._spared[view] = np.ones(len(frame.times))
                self.learn(view, np.ones(len(frame.times), dtype=np.bool_))

    @property
    def views(self) -> Iterable[View]:
        """Those that something is known of."""
        return tuple(self._odds)

    def table(self, view: View) -> SliceTable:
        """Return the slices of a view."""
        return self._tables[id(self.frame.codes(view))]

    def net(self, view: View) -> Floats:
        """Return the score of every slice, less what the search costs."""
        searched = np.log(len(self.edges) * len(VIEWS))
        return np.asarray(self.scores(view).value - self.table(view).cost - searched, dtype=np.float64)

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
        self._scores.pop(view, None)

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
        self._scores.pop(view, None)

    def add_edge(self, edge: int) -> None:
        """Let faults begin with this request, too."""
        if edge not in self.edges and len(self.edges) < MAX_EDGES:
            self._divide(np.union1d(self.edges, [edge]))
            self._scores.clear()

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
