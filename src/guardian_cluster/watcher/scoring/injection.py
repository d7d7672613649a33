"""Scores how much an untrusted text speaks to the model that reads it: as one who turns it, or as one who asks.

Who may ask differs: in a user's prompt a request is what is expected, and only the attempt to undo the operator's
words counts. In a retrieved document or a tool's result nobody should ask for anything, so a sentence that reads
like a request to an assistant counts as well, the more the less its words have to do with the rest.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from itertools import chain
from math import exp
from typing import NamedTuple

from guardian_cluster.watcher.scoring.concepts import concepts_of
from guardian_cluster.watcher.scoring.lexicon import marks_of, weight_of
from guardian_cluster.watcher.scoring.model import HashedModel, shipped
from guardian_cluster.watcher.scoring.ngrams import BUCKETS, places_of_words
from guardian_cluster.watcher.scoring.segments import segments, windows

COLUMNS = ("turning", "asking")
"""What the columns of the learned model say of a segment."""


class Source(StrEnum):
    """Where an untrusted text comes from."""

    PROMPT = "prompt"
    """A user: may ask for what they like."""
    DOCUMENT = "document"
    """A retrieved document, a tool's result, a file: asks for nothing."""


class Signals(NamedTuple):
    """What was found in a text: each the evidence of its strongest segments, about log-odds."""

    lexicon: float
    """Attempts to turn the model, by weights given by hand."""
    turning: float
    """The same, as learned."""
    asking: float
    """Requests to an assistant among sentences that are none."""


class Segment(NamedTuple):
    """What one segment says; the evidence as in `Signals`."""

    words: Sequence[str]
    """In lower case."""
    places: Sequence[int]
    lexicon: float
    turning: float
    asking: float


class Reading(NamedTuple):
    """What was found in a text, without its words."""

    signals: Signals
    buckets: tuple[int, ...]
    """The words, and pairs of words, of the segment that speaks most for an injection, hashed (`ngrams.BUCKETS`)."""


NOTHING = Signals(0.0, 0.0, 0.0)
_STRONGEST = 3
_LEARNED_FROM = 2
"""Segments whose mean counts for a hashed model. Of one and two, each was better on some sets."""
_NOVEL = 1.0
"""Evidence in that none of a segment's words stands elsewhere in its document."""
WEIGHTS = {Source.PROMPT: (-2.0, 0.8, 0.2, 0.0), Source.DOCUMENT: (-3.0, 0.4, 0.0, 0.8)}
"""Level, and what each signal counts. The counts were chosen on the sets that the figures are reported of; the level
was set by hand, so that a score is no calibrated probability before a tenant's own examples."""


class InjectionScorer:
    """Scores texts by the shipped model or another one. A score is a signal to be calibrated, not a verdict."""

    def __init__(self, model: HashedModel | None = None) -> None:
        self._model = model or shipped("injection")
        if self._model.facts.columns != COLUMNS:
            raise ValueError(f"a model for injection has the columns {', '.join(COLUMNS)}")

    def score(self, text: str, source: Source = Source.DOCUMENT) -> float:
        """Return how likely a text is to hold an injection, 0 to 1; of a long text, its worst window's.

        Some 0.4 us for a character, 1.2 us where no word was met before.
        """
        return max(probability(self.read(window, source).signals, source) for window in windows(text))

    def read(self, text: str, source: Source = Source.DOCUMENT) -> Reading:
        """Return what is found in a text of at most a window; linear in its length."""
        return pooled([self.segment(words) for words in segments(text)], source)

    def segment(self, words: Sequence[str]) -> Segment:
        """Return what one of `segments.segments` says; some 0.1 ms at most.

        Whoever must not block for longer calls this for each, and then `pooled`.
        """
        lexicon, lower, places = looked_at(words)
        turning, asking = self._model.sums(places)
        return Segment(lower, places, lexicon, turning, asking)


def looked_at(words: Sequence[str]) -> tuple[float, list[str], list[int]]:
    """Return a segment's evidence by the lexicon, its words in lower case, and its places in a hashed model."""
    lower = [word.lower() for word in words]
    concepts = list(map(concepts_of, lower))
    marks = marks_of(concepts)
    shouted = sum([len(word) > 2 for word in filter(str.isupper, words)])
    return weight_of(lower, concepts, marks, shouted), lower, places_of_words(lower, marks)


def pooled(found: Sequence[Segment], source: Source) -> Reading:
    """Return what the segments of one text say together."""
    if not found:
        return Reading(NOTHING, ())
    novel = novelties([segment.words for segment in found])
    asking = [segment.asking + _NOVEL * new for segment, new in zip(found, novel, strict=True)]
    lexicon = sorted([segment.lexicon for segment in found])[-_STRONGEST:]
    turning = sorted([segment.turning for segment in found])[-_LEARNED_FROM:]
    strongest = (lexicon[-1] + sum(lexicon) / len(lexicon)) / 2
    signals = Signals(strongest, sum(turning) / len(turning), max(asking))
    worst = [segment.lexicon for segment in found] if source == Source.PROMPT else asking
    places = found[worst.index(max(worst))].places
    return Reading(signals, tuple([place for place in places if place < BUCKETS]))


def probability(signals: Signals, source: Source) -> float:
    """Return the score for what was found, between 0 and 1."""
    level, *weights = WEIGHTS[source]
    evidence = level + sum(weight * signal for weight, signal in zip(weights, signals, strict=True))
    return 1 / (1 + exp(-max(-30.0, min(30.0, evidence))))


def novelties(found: Sequence[Sequence[str]]) -> list[float]:
    """Return for each segment, words in lower case, the share that stands in no other segment of the text."""
    each = list(map(set, found))
    count = Counter(chain.from_iterable(each))
    return [sum([count[word] == 1 for word in words]) / max(1, len(words)) for words in each]
