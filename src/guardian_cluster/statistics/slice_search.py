"""Decides in which slice of requests, and since when, losses are higher than expected: a likelihood-ratio scan.

A slice is a combination of at most three levels of different attributes. All slices that hold enough requests are
scored at once, for every time at which it may have begun. What a score has to pay for is how many others were looked at
(the idea of Kulldorff's space-time scan statistic, 1997, with the expectation from a model).
"""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from guardian_cluster.statistics.main_effects import Codes, Floats

MAX_DEPTH = 3
MIN_REQUESTS = 8
"""Fewer since a beginning are not looked at."""

MIN_IN_ALL = 10
"""Requests of a slice in all; with fewer not even a complete failure stands out against so many slices."""

MODEL_PRECISION = 16.0
"""How far the model is trusted where a slice has no past: the log-odds of a combination differ from the sum of its
parts' by about a quarter (1 / precision is the variance). With a past, one that was always worse is not new."""

MIN_EXCESS = 2.5
"""Losses above what was expected, summed; less is no pattern."""

MIN_RISE = 0.02
"""By how much a slice's mean loss has to have risen: what is smaller nobody can act on."""

DEPTH_COST = 1.0
"""Nats for each level a slice names, beside what searching costs: the simplest slice that explains."""


class SliceTable:
    """All slices of some requests, with who is in them.

    `codes` is requests x attributes; -1 means that a request is in no slice of that attribute. Slice 0 is all requests.
    Attributes in `alone` are not combined with others.
    """

    def __init__(
        self, codes: Codes, counts: Sequence[int], *, depth: int = MAX_DEPTH, alone: Collection[int] = ()
    ) -> None:
        self.codes = codes
        self.requests = len(codes)
        self._bases = [count + 1 for count in counts]
        places: list[Codes] = [np.zeros(self.requests, dtype=np.int64)]
        members: list[Codes] = [np.arange(self.requests)]
        keys: list[Codes] = [np.zeros(1, dtype=np.int64)]
        depths: list[Codes] = [np.zeros(1, dtype=np.int64)]
        self._sets: list[tuple[int, ...]] = [()]
        total = 1
        for size in range(1, depth + 1):
            for chosen in combinations(range(len(counts)), size):
                if size > 1 and any(attribute in alone for attribute in chosen):
                    continue
                rows, found, where = self._enumerate(chosen)
                self._sets.append(chosen)
                if not len(found):
                    continue
                places.append(where + total)
                members.append(rows)
                keys.append(found + (len(self._sets) - 1) * _SPAN)
                depths.append(np.full(len(found), size, dtype=np.int64))
                total += len(found)
        self.place = np.concatenate(places)
        self.member = np.concatenate(members)
        self.key = np.concatenate(keys)
        self.depth = np.concatenate(depths)
        counted = np.bincount(self.depth, minlength=depth + 1)
        cost = np.log(np.maximum(counted, 1)) + DEPTH_COST * np.arange(depth + 1)
        self.cost: Floats = np.asarray(cost[self.depth], dtype=np.float64)
        self.past_of: Codes = np.arange(len(self.key))

    def __len__(self) -> int:
        return len(self.key)

    def _enumerate(self, chosen: tuple[int, ...]) -> tuple[Codes, Codes, Codes]:
        """Return who is in a slice of these attributes, the slices, and in which each is."""
        key = np.zeros(self.requests, dtype=np.int64)
        inside = np.ones(self.requests, dtype=np.bool_)
        for attribute in chosen:
            key = key * self._bases[attribute] + self.codes[:, attribute]
            inside &= self.codes[:, attribute] >= 0
        rows = np.flatnonzero(inside)
        key = key[rows]
        found = np.flatnonzero(np.bincount(key) >= MIN_IN_ALL)
        renumbered = np.full(int(key.max(initial=0)) + 1, -1)
        renumbered[found] = np.arange(len(found))
        places = renumbered[key]
        rows, places = rows[places >= 0], places[places >= 0]
        # Small integers are sorted by their digits, several times as fast.
        order = np.argsort(places.astype(np.min_scalar_type(len(found))), kind="stable")
        return rows[order], found, places[order]

    def levels(self, slice_: int) -> tuple[tuple[int, int], ...]:
        """Return the attributes and levels of a slice."""
        key = int(self.key[slice_])
        chosen, rest = self._sets[key // _SPAN], key % _SPAN
        levels: list[tuple[int, int]] = []
        for attribute in reversed(chosen):
            rest, level = divmod(rest, self._bases[attribute])
            levels.append((attribute, level))
        return tuple(reversed(levels))

    def inherit(self, new: Collection[tuple[int, int]]) -> None:
        """Let slices of these attributes' levels, which have no past, have that of the slice without them."""
        attributes = {attribute for attribute, _ in new}
        concerned = [number for number, chosen in enumerate(self._sets) if attributes & set(chosen)]
        for slice_ in map(int, np.flatnonzero(np.isin(self.key // _SPAN, concerned))):
            levels = self.levels(slice_)
            kept = tuple(each for each in levels if each not in new)
            if len(kept) < len(levels):
                wider = int(self.find(np.array([self._key(kept)]))[0])
                self.past_of[slice_] = slice_ if wider < 0 else wider

    def _key(self, levels: Sequence[tuple[int, int]]) -> int:
        key = 0
        for attribute, level in levels:
            key = key * self._bases[attribute] + level
        return key + self._sets.index(tuple(attribute for attribute, _ in levels)) * _SPAN

    def find(self, keys: Codes) -> Codes:
        """Return the slices with these keys, which may be of another table over the same levels; -1 is none."""
        places = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        return np.where(self.key[places] == keys, places, -1)


_SPAN = 1 << 40
"""Keys of one combination of attributes lie within so much; levels are bounded far below its cube root."""


class Scores(NamedTuple):
    """For each slice the best time at which it may have begun, and how well that explains what was seen."""

    value: Floats
    """Nats, without any cost; 0 where losses have not risen. Guarded: what was expected is taken for an estimate."""
    fit: Floats
    """The same if what was expected is taken for known: how well slices explain, held against one another."""
    edge: Codes
    """Which of the possible beginnings it is: bins before it are the past."""
    by_edge: Floats
    """`value` for every beginning: slices x beginnings."""


class Sums(NamedTuple):
    """What requests add up to, of any shape."""

    requests: Floats
    lost: Floats
    awaited: Floats
    """Losses to expect without known faults."""
    spared: Floats
    """Shares that known faults leave sound, summed."""


class Scan:
    """Scores all slices of a table over one division of time.

    `bins` says in which part of time each request lies, from 0; it does not fall.
    """

    def __init__(self, table: SliceTable, bins: Codes, count: int) -> None:
        self.table = table
        self.count = count
        cell = table.place * count + bins[table.member]
        self._first = np.flatnonzero(np.diff(cell, prepend=-1))
        self._cell = cell[self._first]

    def scores(
        self,
        losses: Floats,
        usual: Floats,
        known: Floats,
        *,
        spared: Floats | None = None,
        spread: float = 1.0,
        least: float = MIN_RISE,
    ) -> Scores:
        """Return the scores of all slices.

        `usual` is the expected loss, between 0 and 1; `known` is 1 for requests whose loss is known and 0 for others.
        `spared` is the share of sound requests that faults known already leave sound, 1 where there is none. `spread`
        is the variance of losses as a share of that of losses that are 0 or 1. A mean that rises by less than `least`
        has not risen.
        """
        requests = self._since(known)
        left = requests if spared is None else self._since(spared * known)
        since = Sums(requests, self._since(losses * known), self._since(usual * known), left)
        clean = since if spared is None else self._clean(losses, usual, known * (spared == 1.0))
        rising = since.requests >= MIN_REQUESTS
        rising[rising] &= (since.lost - _struck(since.awaited, since.spared, since.requests))[
            rising
        ] >= MIN_EXCESS
        rising[:, 0] = False  # what has no past at all cannot have begun
        at = np.nonzero(rising)
        past = self.table.past_of[at[0]]
        before = Sums(*(each[past, 0] - each[past, at[1]] for each in clean))
        value, fit = np.zeros(rising.shape), np.zeros(rising.shape)
        value[at], fit[at] = rise(Sums(*(each[at] for each in since)), before, least)
        edge = value.argmax(axis=1)
        places = (np.arange(len(edge)), edge)
        value /= spread
        return Scores(value[places], fit[places] / spread, edge, value)

    def _clean(self, losses: Floats, usual: Floats, weights: Floats) -> Sums:
        """Return the sums over requests that no known fault touches."""
        counted = self._since(weights)
        return Sums(counted, self._since(losses * weights), self._since(usual * weights), counted)

    def _since(self, weights: Floats) -> Floats:
        """Return for each slice and beginning the sum over its requests since then."""
        cells = np.zeros((len(self.table), self.count))
        cells.ravel()[self._cell] = np.add.reduceat(weights[self.table.member], self._first)
        return np.asarray(np.cumsum(cells[:, ::-1], axis=1)[:, ::-1], dtype=np.float64)


def rise(since: Sums, before: Sums, least: float = MIN_RISE) -> tuple[Floats, Floats]:
    """Return how much better two rates explain losses than one does, and a rate of its own than the expected one.

    The rates are those before and since; nats, 0 where losses fell.
    What was expected since is first corrected by how the slice differed from its expectation before, as far as
    the requests before outweigh the model, which counts as so many as would tell as much (`MODEL_PRECISION`).
    """
    mean = _open(since.awaited / since.requests)
    model = MODEL_PRECISION / (mean * (1 - mean))
    corrected = _corrected(mean, model, before) * since.requests
    usual = _open(_struck(corrected, since.spared, since.requests) / since.requests)
    seen = since.lost / since.requests
    past = before.requests + model
    pooled = (since.lost + past * usual) / (since.requests + past)
    guarded = since.requests * _divergence(seen, pooled) + past * _divergence(usual, pooled)
    fit = since.requests * _divergence(seen, usual)
    has_risen = seen - usual >= least
    return np.where(has_risen, guarded, 0.0), np.where(has_risen, fit, 0.0)


def _struck(awaited: Floats, spared: Floats, requests: Floats) -> Floats:
    """Return the losses to expect where known faults leave so many sound, on average as many of all requests."""
    return requests - (requests - awaited) * spared / np.maximum(requests, 1e-9)


def _corrected(mean: Floats, model: Floats, before: Sums) -> Floats:
    """Return the mean loss to expect without known faults."""
    past_mean = _open(
        np.where(before.requests > 0.5, before.awaited / np.maximum(before.requests, 0.5), mean)
    )
    past_seen = _open((before.lost + model * past_mean) / (before.requests + model))
    odds = mean / (1 - mean) * (past_seen / (1 - past_seen)) / (past_mean / (1 - past_mean))
    return odds / (1 + odds)


def _divergence(seen: Floats, expected: Floats) -> Floats:
    """Return the divergence of Kullback and Leibler between two Bernoulli rates, in nats."""
    first, second = _open(seen), _open(expected)
    return first * np.log(first / second) + (1 - first) * np.log((1 - first) / (1 - second))


def _open(share: Floats) -> Floats:
    return np.clip(share, 1e-4, 1 - 1e-4)
