"""What recall works on: passages as memory gives them, and what each of them says to a question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Terms = tuple[tuple[str, bool], ...]


class Passage(Protocol):
    """A piece of a document."""

    @property
    def document(self) -> str:
        """The name of the document."""
        ...

    @property
    def heading(self) -> str:
        """The headings above it, joined by ` > `."""
        ...

    @property
    def first_line(self) -> int:
        """Counted from 1; 0 where the document has no lines."""
        ...

    @property
    def last_line(self) -> int:
        """Its last line."""
        ...

    @property
    def text(self) -> str:
        """The words."""
        ...

    @property
    def at(self) -> float:
        """When it was written, Unix time."""
        ...


class Hits(Protocol):
    """What memory found in documents."""

    @property
    def passages(self) -> Sequence[Passage]:
        """Those that may answer, best first by memory's own ranking."""
        ...

    @property
    def counts(self) -> Sequence[int]:
        """How many of the tenant's passages have each of the words."""
        ...

    @property
    def total(self) -> int:
        """How many passages the tenant has."""
        ...


class Turn(Protocol):
    """A message of a conversation."""

    @property
    def number(self) -> int:
        """Its place in the conversation, counted from 1."""
        ...

    @property
    def role(self) -> str:
        """Who said it."""
        ...

    @property
    def message(self) -> bytes:
        """JSON of the message, in OpenAI's shape."""
        ...

    @property
    def at(self) -> float:
        """When, Unix time."""
        ...


class TurnHits(Protocol):
    """What memory found in a conversation."""

    @property
    def messages(self) -> Sequence[Turn]:
        """Those that may answer, best first."""
        ...


class Memory(Protocol):
    """Where documents and conversations are kept. Both methods raise OSError when it cannot be had in time."""

    async def find_passages(self, tenant: str, terms: Terms, *, limit: int) -> Hits:
        """Return passages of this tenant with some of the words."""
        ...

    async def find_messages(self, tenant: str, conversation: str, terms: Terms, *, limit: int) -> TurnHits:
        """Return turns of this tenant's conversation with some of the words."""
        ...


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """A turn of the conversation as a passage."""

    number: int
    role: str
    text: str
    at: float
    document: str = "this conversation"
    first_line: int = 0
    last_line: int = 0

    @property
    def heading(self) -> str:
        """Where it stands: what is shown in the place of headings."""
        return f"message {self.number} ({self.role})"


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, list item, row or line of code: the least that is quoted."""

    text: str
    first_line: int
    """0 where it has none."""
    last_line: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage, and how well it answers a question."""

    passage: Passage
    units: tuple[Unit, ...]
    strengths: tuple[tuple[float, ...], ...]
    """For each unit how far (0..1) it has each term."""
    coverage: float
    """0..1: how much of what the question asks for stands together in it."""
    relevance: float
    """0..1: how much it is about that."""
    window: tuple[int, int]
    """The units, from and to (exclusive), that stand together."""

    def has(self, place: int) -> bool:
        """Return whether the passage has the term at a place."""
        return any(strengths[place] for strengths in self.strengths)

    @property
    def score(self) -> float:
        """What passages are ordered by: whether it answers comes before how much it is about the matter."""
        return self.coverage + 0.5 * self.relevance


@dataclass(frozen=True, slots=True)
class RetrievalQuality:
    """How well memory answered: what the validator of the answer is told."""

    relevance: float
    """0..1, of the best passage."""
    coverage: float
    """0..1, of the best passage: under `quoting.LEAST_COVERAGE` nothing was quoted."""
    staleness_s: float
    """How long ago the newest quoted source was changed; 0 where nothing was quoted."""
    passages: int
    """How many were quoted."""
