"""Scores how much a text is of a kind that a policy may forbid: pieces of its words in a hashed model."""

from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from math import exp
from typing import Final

from guardian_cluster.watcher.scoring.model import HashedModel, shipped
from guardian_cluster.watcher.scoring.ngrams import places_of_pieces
from guardian_cluster.watcher.scoring.segments import segments, windows

CATEGORIES: Final = (
    "sexual",
    "hate",
    "violence",
    "harassment",
    "self-harm",
    "hate/threatening",
    "violence/graphic",
)
"""What is scored. Of minors in sexual text nothing could be learned: no such text is kept."""

_WORDS_KEPT = 16_384
"""Words whose sums are remembered, some 5 MB when full: texts say the same words again."""


class HarmScorer:
    """Scores texts by the shipped model or another one. A score is a signal to be calibrated, not a verdict."""

    def __init__(self, model: HashedModel | None = None) -> None:
        self._model = model or shipped("harm")
        if self._model.facts.columns != CATEGORIES:
            raise ValueError(f"a model for harm has the columns {', '.join(CATEGORIES)}")
        self._of_word = lru_cache(_WORDS_KEPT)(self._count)

    def _count(self, word: str) -> tuple[int, ...]:
        places = places_of_pieces(word)
        return (len(places), *self._model.totals(places))

    def scores(self, text: str) -> dict[str, float]:
        """Return for each category how likely it is, 0 to 1; of a long text, the worst window's.

        Known words cost some 0.1 us for a character, unknown ones twenty times as much.
        """
        each = [self._window(window) for window in windows(text)]
        return {name: max(column) for name, column in zip(CATEGORIES, zip(*each, strict=True), strict=True)}

    def counts(self, words: Collection[str]) -> list[int]:
        """Return how many places these words have, each given once, and the sums of their weights.

        What is returned for other words of the same text may be added to it.
        """
        counted = [sum(column) for column in zip(*map(self._of_word, words), strict=True)]
        return counted or [0] * (1 + len(CATEGORIES))

    def likelihoods(self, counts: Sequence[int]) -> list[float]:
        """Return for each category how likely a text with these counts is of it, 0 to 1."""
        count, *totals = counts
        if not count:
            return [0.0] * len(CATEGORIES)
        evidence = self._model.evidence(totals, count)
        return [1 / (1 + exp(-max(-30.0, min(30.0, one)))) for one in evidence]

    def _window(self, text: str) -> list[float]:
        return self.likelihoods(self.counts(words_of(text)))


@cache
def shipped_harm() -> HarmScorer:
    """Return the scorer by the shipped model, the same for all; the first time it takes some milliseconds."""
    return HarmScorer()


def words_of(text: str) -> set[str]:
    """Return the words of a text in lower case, each once."""
    return {word.lower() for words in segments(text) for word in words}
