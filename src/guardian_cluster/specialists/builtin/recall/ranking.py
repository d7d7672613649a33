"""Decides how well a passage answers a question: which share of the question stands together in it."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from guardian_cluster.domain.words import words
from guardian_cluster.specialists.builtin.recall.evidence import Evidence, Passage
from guardian_cluster.specialists.builtin.recall.query import Query
from guardian_cluster.specialists.builtin.recall.units import units_of
from guardian_cluster.specialists.builtin.recall.words import likeness

_TOGETHER = 3
"""Units that are read as one: a sentence, the one that says what it is about, and the one that goes on."""

_ELSEWHERE = 0.6
"""What a word counts that stands in the passage, but in another place."""

_WHOLE = 3
"""Words that are missed as much as a whole question, however long it is. 2.5 and growing with the length were
tried on `CHOSEN_ON` and on documents as benchmarks/memory.py makes them; this is the simplest, and none was better."""

_HALF_WEIGHT = 0.5

_NO_NUMBER = 0.7
"""Factor on coverage where a number is asked for and none stands there."""

_NUMBERS = """
one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty hundred thousand
once twice half quarter daily weekly monthly yearly annually immediately never always unlimited noon midnight monday
tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
november december
"""
_NUMBER_WORDS = frozenset(_NUMBERS.split())


@dataclass(slots=True)
class Ranking:
    """How rare the words of a question are here, and which forms of them were met."""

    query: Query
    weights: tuple[float, ...]
    _forms: dict[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])

    def strengths(self, text: Sequence[str]) -> tuple[float, ...]:
        """Return how far (0..1) these words have each term."""
        rows = {form for form in map(self.form, text) if form}
        if not rows:
            return (0.0,) * len(self.weights)
        return tuple(map(max, zip(*rows, strict=True)))

    def share(self, strengths: Sequence[float]) -> float:
        """Return the share of the question that is there."""
        return sum(map(float.__mul__, self.weights, strengths)) / (sum(self.weights) or 1.0)

    def completeness(self, strengths: Sequence[float]) -> float:
        """Return 1 where all of the question is there, and less by what is missing, in words of average weight.

        Not the share: in a question that names a thing in five words, the one word that asks for something is a sixth
        of it, and a passage that has all but that word answers another question.
        """
        if not any(self.weights):
            return 0.0
        missing = sum(
            weight * (1 - strength) for weight, strength in zip(self.weights, strengths, strict=True)
        )
        usual = sum(self.weights) / len(self.weights)
        return max(0.0, 1 - missing / (usual * min(len(self.weights), _WHOLE)))

    def form(self, word: str) -> tuple[float, ...]:
        """Return how far a word is each of the terms; nothing where it is none of them."""
        known = self._forms.get(word)
        if known is None:
            found = tuple(likeness(term.word, term.stem, word) for term in self.query.terms)
            known = self._forms[word] = found if any(found) else ()
        return known


def ranking_of(query: Query, counts: Sequence[int], total: int) -> Ranking:
    """Return how to rank for a question, given how many of `total` passages have each of the words it wants.

    Weights are logarithms of rarity, smoothed by ten passages so that they mean something in a single document.
    A weak word counts half of a usual one at most: that nothing has it does not make it tell more.
    """
    rarities = [math.log(1 + (total + 10) / (count + 1)) for count in query.counted(counts)]
    telling = [
        rarity for rarity, term in zip(rarities, query.terms, strict=True) if not term.is_weak
    ] or rarities
    usual = statistics.median(telling) if telling else 0.0
    weights = tuple(
        min(rarity, usual) * _HALF_WEIGHT if term.is_weak else rarity
        for rarity, term in zip(rarities, query.terms, strict=True)
    )
    return Ranking(query, weights)


def weigh(ranking: Ranking, passage: Passage) -> Evidence:
    """Return what a passage says to the question."""
    units = units_of(passage)
    read = [words(unit.text) for unit in units]
    each = tuple(map(ranking.strengths, read))
    above = ranking.strengths(words(f"{passage.document} {passage.heading}"))
    everywhere = _strongest([*each, above])
    window, coverage = (0, 0), 0.0
    for start in range(max(len(units) - _TOGETHER + 1, 1)):
        end = min(start + _TOGETHER, len(units))
        if start and not (ranking.query.wants_number or any(each[end - 1])):
            continue  # it has nothing that the window before has not
        share = _share(ranking, each[start:end], above, everywhere)
        share *= 1.0 if _has_number(ranking.query, read[start:end]) else _NO_NUMBER
        if share > coverage:
            window, coverage = (start, end), share
    return Evidence(
        passage=passage,
        units=units,
        strengths=each,
        coverage=coverage,
        relevance=_relevance(ranking, each, above, read),
        window=window,
    )


def order(found: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence, best first; of what is equally good the newest."""
    return sorted(found, key=lambda each: (-round(each.score, 3), -each.passage.at))


def _share(
    ranking: Ranking,
    together: Sequence[tuple[float, ...]],
    above: tuple[float, ...],
    everywhere: tuple[float, ...],
) -> float:
    here = _strongest([*together, above])
    return ranking.completeness(
        [max(near, _ELSEWHERE * far) for near, far in zip(here, everywhere, strict=True)]
    )


def _relevance(
    ranking: Ranking,
    each: Sequence[tuple[float, ...]],
    above: tuple[float, ...],
    read: Sequence[Sequence[str]],
) -> float:
    """Return how much a passage is about the question: dense in its words, under its heading, in its phrases."""
    if not each:
        return 0.0
    times = [sum(values) for values in zip(*each, strict=True)]
    dense = ranking.share([count / (count + 1.0 + 0.1 * len(each)) for count in times])
    best = max(map(ranking.share, each))
    return 0.3 * dense + 0.3 * best + 0.2 * ranking.share(above) + 0.2 * _phrases(ranking, read)


def _phrases(ranking: Ranking, read: Sequence[Sequence[str]]) -> float:
    pairs = ranking.query.pairs
    if not pairs:
        return 0.0
    met: set[tuple[int, int]] = set()
    for text in read:
        forms = map(ranking.form, text)
        for one, other in pairwise(forms):
            if one and other:
                met |= {pair for pair in pairs if one[pair[0]] and other[pair[1]]}
    return len(met) / len(pairs)


def _strongest(rows: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(map(max, zip(*rows, strict=True)))


def _has_number(query: Query, read: Sequence[Sequence[str]]) -> bool:
    if not query.wants_number:
        return True
    return any(word in _NUMBER_WORDS or any(map(str.isdigit, word)) for text in read for word in text)
