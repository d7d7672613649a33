"""What memory gives back: plain values, importable without a database."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]

FILE_NAME = "memory.db"
"""Of the database in the data folder, where no PostgreSQL is named."""

Terms = tuple[tuple[str, bool], ...]
"""Words that are looked for, and whether what only begins with them counts as well."""


class MemoryUnavailable(OSError):
    """Memory cannot be read or written now, or not in time; who asked does without."""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage of a document."""

    document: str
    heading: str
    """The headings above it, outermost first, joined by ` > `."""
    first_line: int
    """0 where the document has no lines."""
    last_line: int
    text: str
    at: float
    """When the document was last changed, Unix time."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The passages that may answer, best first by the database's own ranking, and how rare the words are."""

    passages: tuple[StoredPassage, ...]
    counts: tuple[int, ...]
    """In how many of the tenant's passages each term is, at most `COUNTED`."""
    total: int
    """How many passages the tenant has, at most `COUNTED`."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A turn of a conversation."""

    number: int
    role: str
    message: bytes
    """JSON, as it was given."""
    tokens: int
    at: float


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A turn to be kept."""

    role: Role
    message: bytes
    """JSON of one message in OpenAI's shape."""
    tokens: int


@dataclass(frozen=True, slots=True)
class MessageHits:
    """The turns that have some of the words, best first."""

    messages: tuple[StoredMessage, ...]
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it is listed."""

    name: str
    origin: str
    digest: str
    modified: float
    ingested: float
    size: int
    passages: int


@dataclass(frozen=True, slots=True)
class ConversationLimits:
    """How much is kept; what is over it is the oldest, and goes."""

    messages: int = 2_000
    bytes: int = 8_000_000
    message_bytes: int = 1_000_000
    """A single message over this is refused."""
