"""Finds the passages of a tenant's documents that have some of the words of a question."""

from sqlalchemy import Connection, func, select

from guardian_cluster.storage import memory_tables as tables
from guardian_cluster.storage.memory_index import COUNTED, ask_index
from guardian_cluster.storage.memory_values import Hits, StoredPassage, Terms
from guardian_cluster.storage.memory_words import owner_word


def find_passages(connection: Connection, tenant: str, terms: Terms, *, limit: int) -> Hits:
    """Return at most `limit` passages of the tenant, best first, and how rare the terms are with it."""
    document, passage = tables.document.c, tables.passage.c
    counted = select(func.coalesce(func.sum(document.passages), 0)).where(document.tenant == tenant)
    total = min(int(connection.execute(counted).scalar_one()), COUNTED)
    index = tables.INDEXES["passage"]
    found = ask_index(connection, index, owner_word(tenant), terms, total=total, limit=limit)
    query = (
        select(
            passage.id,
            document.name,
            passage.heading,
            passage.first_line,
            passage.last_line,
            passage.text,
            document.modified,
        )
        .join_from(tables.passage, tables.document, passage.document_id == document.id)
        .where(passage.id.in_(found.ids), passage.tenant == tenant, document.tenant == tenant)
    )
    rows = {row[0]: StoredPassage(*row[1:]) for row in connection.execute(query)}
    return Hits(tuple(rows[id] for id in found.ids if id in rows), found.counts, total)
