"""Decides how an answer is scored as its sentences come: what of it is of a forbidden kind, what has no ground."""

from collections.abc import Callable
from heapq import nlargest
from typing import Protocol

from guardian_cluster.watcher.scoring.ground import Ground
from guardian_cluster.watcher.scoring.groundedness import contradictions, groundedness
from guardian_cluster.watcher.scoring.harm import CATEGORIES, HarmScorer, words_of

HARM, UNGROUNDED = "harm", "ungrounded"
"""The detectors, as their scores and thresholds are called."""

HARM_WINDOW = 400
"""Characters whose words are weighed together, to the end of a sentence: in more, few forbidden ones are lost.

Put among 3,500 harmless characters, AUROC was 0.58 with 4,096, 0.69 with 1,024, 0.78 with 400; of texts alone
0.97 with each. (The model was trained on these texts: the comparison counts, not the figures.)"""

_WORST = 3
"""Sentences that count as much as all others: one invention in a long answer shall show. Set by hand."""

_FEWEST_WORDS = 4
"""A shorter sentence, as `In short:`, says nothing of its own that could have ground."""

_CONTRADICTED = 0.8
"""What is left of an answer's ground with each quantity that it gives two values. Set by hand."""

_MAX_FIGURES = 4_000
"""Characters of sentences with numbers that are held against each other, which takes 0.4 ms at the end."""


class SentenceScorer(Protocol):
    """Scores one text, sentence by sentence."""

    detector: str

    def read(self, sentence: str) -> None:
        """Take in the next sentence."""
        ...

    def value(self) -> float | None:
        """Return the score of what was read, 0 to 1; `None` where it says nothing."""
        ...


Begin = Callable[[], SentenceScorer]
"""Begins to score one text."""


class Harmfulness:
    """How likely the worst window of a text is of one of the kinds `harm.CATEGORIES`: the likeliest of them."""

    detector = HARM

    def __init__(self, scorer: HarmScorer) -> None:
        self._scorer = scorer
        self._worst: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._room = HARM_WINDOW
        self._words: set[str] = set()
        self._counts = [0] * (1 + len(CATEGORIES))

    def read(self, sentence: str) -> None:
        """Take in the next sentence; 0.1 us for a character, 2 us where no word was met before."""
        fresh = words_of(sentence) - self._words
        self._words |= fresh
        added = self._scorer.counts(fresh)
        self._counts = [one + other for one, other in zip(self._counts, added, strict=True)]
        self._room -= len(sentence)
        if self._room <= 0:
            self._worst = self.value()
            self._begin()

    def value(self) -> float | None:
        """See `SentenceScorer.value`."""
        if not self._words:
            return self._worst
        return max(self._worst or 0.0, *self._scorer.likelihoods(self._counts))


class Ungroundedness:
    """How much of a text stands nowhere in what it may draw on: the mean of its sentences, and of the worst of them.

    Quantities that it gives two values add to that. Of a text without a sentence of some words nothing is said.
    """

    detector = UNGROUNDED

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._missing = self._words = 0.0
        self._worst: list[float] = []
        self._figures: list[str] = []
        self._room = _MAX_FIGURES

    def read(self, sentence: str) -> None:
        """Take in the next sentence; 0.07 us for a character."""
        words = len(sentence.split())
        if words < _FEWEST_WORDS:
            return
        missing = 1.0 - groundedness(sentence, self._ground.context).score
        self._missing += words * missing
        self._words += words
        self._worst = nlargest(_WORST, (*self._worst, missing))
        if self._room >= len(sentence) and any(map(str.isdigit, sentence)):
            self._room -= len(sentence)
            self._figures.append(sentence)

    def value(self) -> float | None:
        """See `SentenceScorer.value`."""
        if not self._words:
            return None
        missing = (self._missing / self._words + sum(self._worst) / len(self._worst)) / 2
        contradicted = len(contradictions("\n".join(self._figures)))
        return min(1.0, max(0.0, 1.0 - (1.0 - missing) * _CONTRADICTED**contradicted))
