"""Sorts short texts, given as sets of word numbers, into groups that use the same words, as they come.

A Dirichlet multinomial mixture (the movie group process: Yin and Wang, 2014), sampled over a window of recent texts
whose groups are drawn again and again, in blocks; what went out of the window counts on and fades. With time less is
left to chance, so that groups stay what they are. The same texts in the same order give the same groups.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from guardian_cluster.statistics.word_numbers import NUMBERS

GROUPS = 24
WORDS = NUMBERS

MOST_WORDS = 12
"""Of a text; of more the first count."""

WINDOW = 2_000
"""Texts whose groups are still in question: 50 KB of state."""

_BLOCK = 64
_EVERY = 32
_EVERY_AT_FIRST = 4
"""A block of the window is drawn again after so many texts: 16 draws a text while the window fills, later two."""

_STREWN = 240
_STRIDE = 7
"""The first texts are strewn over all groups, whatever they say: put where they fit, all would follow the first."""

_FADE_EVERY = 500
_FADE = 31
"""Of what went out of the window so many parts of `_UNIT` count 500 texts later: half of it after 10,900."""

_KEPT = 24_000
"""Counts of what went out of the window that are kept, the highest: 1,000 words a group, 140 KB of state. With half as
many, 68 % of MMLU's questions are in the same group 2,000 questions later; with these 76 %."""

_UNIT = 32
"""Whole numbers of this part of a text fade: that takes a tenth of the time, and they stand in a state as they are."""
_MOST = np.iinfo(np.uint16).max - _UNIT
_WORD_PRIOR = 0.1
_GROUP_PRIOR = 0.1
"""As in the paper; what is expected of a word is of one that was seen, not of any that could be: else, as long as few
texts are known, the largest group would swallow all others."""

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


class MixtureState(msgspec.Struct, frozen=True):
    """All that is known, to go on from."""

    taken: int
    cursor: int
    words: bytes
    """Of each text of the window `MOST_WORDS` numbers of two bytes; `WORDS` fills up."""
    groups: bytes
    """Of each text of the window its group."""
    past_sizes: bytes
    past_places: bytes
    past_counts: bytes


class TopicMixture:
    """The groups. `take` takes in a text, `group_of` only looks one up; both take some 20 µs."""

    def __init__(self) -> None:
        self.taken = 0
        self._cursor = 0
        self._words = np.full((WINDOW, MOST_WORDS), WORDS, np.uint16)
        self._group = np.zeros(WINDOW, np.uint8)
        self._past: NDArray[np.uint16] = np.zeros((WORDS + 1, GROUPS), np.uint16)  # in parts of `_UNIT`
        self._past_sizes: Floats = np.zeros(GROUPS, np.float32)
        self._count()

    @property
    def sizes(self) -> Floats:
        """How many texts each group has, those that fade in part."""
        return self._sizes

    def take(self, words: Sequence[int]) -> int:
        """Take in a text of different words below `WORDS`, at least one; return its group."""
        found = np.array(words[:MOST_WORDS], np.int64)
        group = self._best(found) if self.taken >= _STREWN else self.taken * _STRIDE % GROUPS
        place = self.taken % WINDOW
        if self.taken >= WINDOW:
            self._let_go(place)
        self._words[place] = WORDS
        self._words[place, : len(found)] = found
        self._group[place] = group
        self._vocabulary += len(found) - int(np.count_nonzero(self._seen[found]))
        self._seen[found] = True
        self._counts[found, group] += 1.0
        self._lengths[group] += len(found)
        self._sizes[group] += 1.0
        self.taken += 1
        if self.taken % _FADE_EVERY == 0:
            self._fade()
        if self.taken % (_EVERY if self.taken >= WINDOW else _EVERY_AT_FIRST) == 0:
            self._draw_block()
        return group

    def group_of(self, words: Sequence[int]) -> int:
        """Return the group that a text of such words is in."""
        return self._best(np.array(words[:MOST_WORDS], np.int64))

    def state(self) -> MixtureState:
        """Return all that is known; whoever goes on from it does exactly as this one does."""
        self._count()
        size = min(self.taken, WINDOW)
        places = np.flatnonzero(self._past)
        return MixtureState(
            taken=self.taken,
            cursor=self._cursor,
            words=self._words[:size].astype("<u2").tobytes(),
            groups=self._group[:size].tobytes(),
            past_sizes=self._past_sizes.astype("<f4").tobytes(),
            past_places=places.astype("<u4").tobytes(),
            past_counts=self._past.ravel()[places].astype("<u2").tobytes(),
        )

    def restore(self, state: MixtureState) -> None:
        """Go on where another one was. Raises ValueError for a state that none can have been in."""
        words = np.frombuffer(state.words, "<u2").reshape(-1, MOST_WORDS)
        groups = np.frombuffer(state.groups, np.uint8)
        sizes = np.frombuffer(state.past_sizes, "<f4")
        places = np.frombuffer(state.past_places, "<u4")
        counts = np.frombuffer(state.past_counts, "<u2")
        size = min(state.taken, WINDOW)
        if state.taken < 0 or len(words) != size or len(groups) != size or not 0 <= state.cursor < WINDOW:
            raise ValueError("the window of texts has not the length that it must have")
        if len(sizes) != GROUPS or len(places) != len(counts) or len(places) > _KEPT:
            raise ValueError("the counts of earlier texts are not as many as they must be")
        if np.any(words > WORDS) or np.any(groups >= GROUPS) or np.any(places >= WORDS * GROUPS):
            raise ValueError("there are words or groups that cannot be")
        if not (np.all(np.isfinite(sizes)) and np.all(sizes >= 0.0)):
            raise ValueError("there are counts that cannot be")
        self.taken, self._cursor = state.taken, state.cursor
        self._words[:size], self._group[:size] = words, groups
        self._past[:], self._past_sizes[:] = 0, sizes
        self._past.ravel()[places] = counts
        self._count()

    def _count(self) -> None:
        """Count all anew: what is in the window, and what is left of earlier texts."""
        size = min(self.taken, WINDOW)
        words, groups = self._words[:size].astype(np.int64), self._group[:size].astype(np.int64)
        places = (words * GROUPS + groups[:, None]).ravel()
        counts = np.bincount(places, minlength=(WORDS + 1) * GROUPS).astype(np.float32)
        counts = counts.reshape(WORDS + 1, GROUPS)
        counts += self._past * np.float32(1.0 / _UNIT)
        counts[WORDS] = 0.0
        self._counts = counts
        self._sizes = self._past_sizes + np.bincount(groups, minlength=GROUPS).astype(np.float32)
        self._lengths: Floats = counts.sum(0)
        self._seen: NDArray[np.bool_] = np.asarray(counts.any(1))
        self._vocabulary = int(np.count_nonzero(self._seen))

    @property
    def _expected(self) -> float:
        """How many words are expected of a group before any was seen in it."""
        return _WORD_PRIOR * max(1, self._vocabulary)

    def _best(self, words: Numbers) -> int:
        likely = np.log(self._counts[words] + _WORD_PRIOR).sum(0)
        likely += np.log(self._sizes + _GROUP_PRIOR) - len(words) * np.log(self._lengths + self._expected)
        return int(likely.argmax())

    def _draw_block(self) -> None:
        """Draw the groups of the next texts of the window again, each by the words of all others."""
        size = min(self.taken, WINDOW)
        rows = (self._cursor + np.arange(min(_BLOCK, size))) % size
        self._cursor = int((self._cursor + _BLOCK) % size)
        before = self._group[rows].astype(np.int64)
        words = self._words[rows].astype(np.int64)
        likely = self._likely(words, before)
        after = likely.argmax(1)
        moved = after != before
        self._add(words[moved], before[moved], -1.0)
        self._add(words[moved], after[moved], 1.0)
        self._group[rows] = after

    def _add(self, words: Numbers, groups: Numbers, count: float) -> None:
        """Count texts in their groups, or take them out."""
        there = words < WORDS
        places = (words * GROUPS + groups[:, None])[there]
        np.add.at(self._counts.reshape(-1), places, np.float32(count))
        np.add.at(self._lengths, groups, np.float32(count) * there.sum(1, dtype=np.float32))
        np.add.at(self._sizes, groups, np.float32(count))

    def _likely(self, words: Numbers, groups: Numbers) -> Floats:
        """Return how likely each text is of each group, itself left out, with as much chance as there is left."""
        own = np.zeros((len(words), GROUPS), np.float32)
        own[np.arange(len(words)), groups] = 1.0
        there = words < WORDS
        lengths = there.sum(1, dtype=np.float32)[:, None]
        counts = np.maximum(self._counts[words] - own[:, None, :], 0.0)
        likely: Floats = (np.log(counts + np.float32(_WORD_PRIOR)) * there[:, :, None]).sum(
            1, dtype=np.float32
        )
        likely += np.log(np.maximum(self._sizes - own, 0.0) + _GROUP_PRIOR)
        likely -= lengths * np.log(self._lengths - own * lengths + self._expected)
        chance = min(1.0, 1.5 - self.taken / WINDOW)
        if chance > 0.0:
            drawn = np.random.default_rng(self.taken + self._cursor).gumbel(size=likely.shape)
            likely += np.float32(chance) * drawn.astype(np.float32)
        return likely

    def _let_go(self, place: int) -> None:
        """Let the oldest text of the window go; it counts on among those that fade."""
        words = self._words[place]
        group = self._group[place]
        there = words[words < WORDS]
        self._past[there, group] = np.minimum(self._past[there, group], _MOST) + _UNIT
        self._past_sizes[group] += 1.0

    def _fade(self) -> None:
        """Let count less what went out of the window, and forget what counts least; 2 ms."""
        past = (self._past.astype(np.uint32) * _FADE // _UNIT).astype(np.uint16)
        counted = past[past > 0]
        if len(counted) > _KEPT:
            past[past <= np.partition(counted, -_KEPT - 1)[-_KEPT - 1]] = 0
        self._past = past
        self._past_sizes *= np.float32(_FADE / _UNIT)
        self._count()
