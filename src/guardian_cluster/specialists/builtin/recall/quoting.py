"""Decides whether any passage supports an answer, and which of its sentences are quoted."""

from collections.abc import Sequence
from dataclasses import dataclass

from guardian_cluster.specialists.builtin.recall.evidence import Evidence, Passage, RetrievalQuality
from guardian_cluster.specialists.builtin.recall.ranking import Ranking, order
from guardian_cluster.specialists.builtin.recall.units import Unit, shown

LEAST_COVERAGE = 0.7
"""Under it nothing is quoted. Chosen on the 50 questions of `CHOSEN_ON` (tests/specialists): 29 of 32 are answered
and none of 18 that have no answer is quoted for; at 0.68 it is 30 and 1, at 0.72 28 and none."""

_NEARLY = 0.85
"""Share of the best passage's score from which another one is quoted too."""

MOST_QUOTES = 3
_QUOTE_CHARACTERS = 500
_UNIT_CHARACTERS = 400
_LIST_UNITS = 6


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a source."""

    lines: tuple[str, ...]
    """As they stand there, but for white space; each on one line."""
    passage: Passage
    first_line: int
    """0 where the source has no lines."""
    last_line: int

    @property
    def source(self) -> str:
        """Where they stand: document, headings, lines."""
        parts = [self.passage.document, self.passage.heading]
        if self.first_line:
            many = self.first_line != self.last_line
            parts.append(f"lines {self.first_line}-{self.last_line}" if many else f"line {self.first_line}")
        return shown(" > ".join(filter(None, parts)), 400)


@dataclass(frozen=True, slots=True)
class Answer:
    """What memory says to a question: quotations, or none where nothing supports an answer."""

    quotes: tuple[Quote, ...]
    quality: RetrievalQuality
    unknown: tuple[str, ...] = ()
    """Words of the question that nothing in memory has."""
    is_empty: bool = False
    """Whether there is nothing in memory at all."""


def quote(ranking: Ranking, found: Sequence[Evidence], *, now: float) -> Answer:
    """Return the quotations that answer; none where no passage has enough of the question."""
    ordered = order(found)
    supported = [each for each in ordered if each.coverage >= LEAST_COVERAGE]
    quotes: list[Quote] = []
    for each in supported:
        if each.score < _NEARLY * supported[0].score or len(quotes) == MOST_QUOTES:
            break
        chosen = _quote(ranking, each)
        if not any(set(chosen.lines) <= set(other.lines) for other in quotes):
            quotes.append(chosen)
    best = supported[0] if supported else max(ordered, key=lambda each: each.coverage, default=None)
    quality = RetrievalQuality(
        relevance=best.relevance if best else 0.0,
        coverage=best.coverage if best else 0.0,
        staleness_s=max(now - max(each.passage.at for each in quotes), 0.0) if quotes else 0.0,
        passages=len(quotes),
    )
    return Answer(tuple(quotes), quality)


def _quote(ranking: Ranking, evidence: Evidence) -> Quote:
    chosen = [evidence.units[place] for place in sorted(_chosen(ranking, evidence))]
    lines: list[str] = []
    for unit in chosen:
        if lines and sum(map(len, lines)) + len(unit.text) > _QUOTE_CHARACTERS:
            break
        lines.append(shown(unit.text, _UNIT_CHARACTERS))
    used = chosen[: len(lines)]
    return Quote(tuple(lines), evidence.passage, _first(used), max(unit.last_line for unit in used))


def _first(units: Sequence[Unit]) -> int:
    return min(unit.first_line for unit in units)


def _chosen(ranking: Ranking, evidence: Evidence) -> set[int]:
    """Return the places of the units to quote: the best one, what adds to it, and the list it announces."""
    start, end = evidence.window
    best = max(range(start, end), key=lambda place: (ranking.share(evidence.strengths[place]), -place))
    chosen = {best}
    have = evidence.strengths[best]
    for place in sorted(range(start, end), key=lambda place: -ranking.share(evidence.strengths[place])):
        more = tuple(map(max, have, evidence.strengths[place]))
        if ranking.share(more) > ranking.share(have) + 0.05:
            chosen.add(place)
            have = more
    if evidence.units[max(chosen)].text.endswith(":"):
        chosen |= set(range(max(chosen) + 1, min(max(chosen) + 1 + _LIST_UNITS, len(evidence.units))))
    return chosen
