"""The tables of memory, and the index of words that each database has its own way for (docs/design/memory.md)."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData()

_Number: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""A key that the database counts up; SQLite does so for INTEGER alone."""

memory_schema = Table("memory_schema", metadata, Column("version", Integer, primary_key=True))

document = Table(
    "document",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("modified", Double, nullable=False),
    Column("ingested", Double, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("passages", Integer, nullable=False),
    UniqueConstraint("tenant", "name"),
    UniqueConstraint("tenant", "origin"),
)

passage = Table(
    "passage",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("document_id", _Number, ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("heading", Text, nullable=False),
    Column("first_line", Integer, nullable=False),
    Column("last_line", Integer, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("document_id", "number"),
    Index("ix_passage_tenant", "tenant"),
)

conversation = Table(
    "conversation",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("user", Text, nullable=True),
    Column("last_at", Double, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    UniqueConstraint("tenant", "name"),
    Index("ix_conversation_user", "tenant", "user"),
    Index("ix_conversation_last_at", "last_at"),
)
"""`name` is what the client calls it; `last_number` counts all messages there ever were."""

conversation_message = Table(
    "conversation_message",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("conversation_id", _Number, ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("role", Text, nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    UniqueConstraint("conversation_id", "number"),
)

INDEXES = {"passage": "passage_index", "conversation_message": "message_index"}
"""What is searched by words, and where its words are, under the same id."""

SQLITE = tuple(
    f"CREATE VIRTUAL TABLE {index} USING fts5"
    "(owner, heading, body, tokenize = 'unicode61 remove_diacritics 2', prefix = '3 4 5')"
    for index in INDEXES.values()
)

POSTGRESQL = tuple(
    statement
    for table, index in INDEXES.items()
    for statement in (
        f"CREATE TABLE {index} (id bigint PRIMARY KEY REFERENCES {table} ON DELETE CASCADE, vector tsvector NOT NULL)",
        f"CREATE INDEX ix_{index} ON {index} USING gin (vector)",
    )
)
