"""Passages for tests of recall, as memory would give them."""

from collections.abc import Sequence
from dataclasses import dataclass

from guardian_cluster.domain.words import words
from guardian_cluster.specialists.builtin.recall.evidence import Evidence
from guardian_cluster.specialists.builtin.recall.query import query_of
from guardian_cluster.specialists.builtin.recall.quoting import Answer, quote
from guardian_cluster.specialists.builtin.recall.ranking import Ranking, ranking_of, weigh
from guardian_cluster.specialists.builtin.recall.words import likeness

NOON = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Found:
    """A passage."""

    text: str
    heading: str = ""
    document: str = "a.md"
    at: float = NOON
    first_line: int = 1

    @property
    def last_line(self) -> int:
        return self.first_line + self.text.count("\n")


def ranking(question: str, passages: Sequence[Found]) -> Ranking:
    """Return how to rank for a question in a memory of these passages alone."""
    query = query_of(question)
    texts = [words(f"{each.document} {each.heading} {each.text}") for each in passages]
    counts = [
        sum(any(likeness(term.word, term.stem, word) for word in text) for text in texts)
        for term in query.terms
    ]
    return ranking_of(query, counts, len(passages))


def evidence(question: str, *passages: Found) -> list[Evidence]:
    ranked = ranking(question, passages)
    return [weigh(ranked, each) for each in passages]


def answer(question: str, *passages: Found, now: float = NOON) -> Answer:
    ranked = ranking(question, passages)
    return quote(ranked, [weigh(ranked, each) for each in passages], now=now)


def quoted(question: str, *passages: Found) -> list[str]:
    return [line for each in answer(question, *passages).quotes for line in each.lines]
