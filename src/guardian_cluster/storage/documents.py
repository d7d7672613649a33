"""Keeps the documents of tenants: put, list and forget; every statement names the tenant."""

import os
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, delete, exists, insert, select, text

from guardian_cluster.documents.block import Document, Passage
from guardian_cluster.storage import memory_tables as tables
from guardian_cluster.storage.memory_index import add_to_index, remove_from_index
from guardian_cluster.storage.memory_values import StoredDocument
from guardian_cluster.storage.memory_words import owner_word

_document = tables.document.c
_passage = tables.passage.c


def digest_of(connection: Connection, tenant: str, origin: str) -> str | None:
    """Return the digest of the document that was read from `origin`, if there is one."""
    query = select(_document.digest).where(_document.tenant == tenant, _document.origin == origin)
    return connection.execute(query).scalar()


def put_document(connection: Connection, tenant: str, document: Document, *, now: float) -> str:
    """Keep a document in the place of what was read from the same origin; return the name it has.

    A document that was kept already, word for word, from an origin that is not there any more is taken to have been
    moved: it is replaced as well.
    """
    _lock(connection, tenant)
    name = _name(connection, tenant, document)
    gone = select(_document.id).where(
        _document.tenant == tenant, (_document.origin == document.origin) | (_document.name == name)
    )
    _remove(connection, tenant, connection.execute(gone).scalars().all())
    facts = {
        "tenant": tenant,
        "name": name,
        "origin": document.origin,
        "digest": document.digest,
        "modified": document.modified,
        "ingested": now,
        "size": document.size,
        "passages": len(document.passages),
    }
    number = connection.execute(insert(tables.document).values(facts).returning(_document.id)).scalar_one()
    _add_passages(connection, tenant, number, name, document.passages)
    return name


def list_documents(connection: Connection, tenant: str) -> list[StoredDocument]:
    """Return a tenant's documents by name."""
    columns = [_document[name] for name in StoredDocument.__dataclass_fields__]
    query = select(*columns).where(_document.tenant == tenant).order_by(_document.name)
    return [StoredDocument(*row) for row in connection.execute(query)]


def has_documents(connection: Connection, tenant: str) -> bool:
    """Return whether a tenant has any document."""
    return connection.execute(select(exists().where(_document.tenant == tenant))).scalar_one()


def forget_document(connection: Connection, tenant: str, name: str) -> bool:
    """Delete the document of that name; return whether there was one."""
    _lock(connection, tenant)
    query = select(_document.id).where(_document.tenant == tenant, _document.name == name)
    found = connection.execute(query).scalars().all()
    _remove(connection, tenant, found)
    return bool(found)


def prune_documents(
    connection: Connection, tenant: str, folders: Iterable[str], present: Collection[str]
) -> list[str]:
    """Delete what was read from under these folders, and is not among the origins `present`; return the names."""
    _lock(connection, tenant)
    tops = tuple(folder.rstrip("/") + "/" for folder in folders)
    query = select(_document.id, _document.name, _document.origin).where(_document.tenant == tenant)
    rows = connection.execute(query.order_by(_document.name)).all()
    gone = [row for row in rows if row.origin.startswith(tops) and row.origin not in present]
    _remove(connection, tenant, [row.id for row in gone])
    return [row.name for row in gone]


def _name(connection: Connection, tenant: str, document: Document) -> str:
    """Return the shortest of the names that is free, or is this document's already."""
    query = select(_document.name, _document.origin, _document.digest)
    query = query.where(_document.tenant == tenant, _document.name.in_(document.names))
    taken = {row.name: row for row in connection.execute(query)}
    for name in document.names:
        other = taken.get(name)
        if (
            other is None
            or document.origin == other.origin
            or _was_moved(other.origin, other.digest, document)
        ):
            return name
    raise ValueError(f"every name of {document.origin} is taken")


def _was_moved(origin: str, digest: str, document: Document) -> bool:
    """Return whether a document kept is this one, from where it was before; not one that is there as well."""
    return digest == document.digest and not os.path.exists(origin)


def _add_passages(
    connection: Connection, tenant: str, document: int, name: str, passages: Sequence[Passage]
) -> None:
    rows = [
        {
            "tenant": tenant,
            "document_id": document,
            "number": number,
            "heading": " > ".join(each.heading),
            "first_line": each.first_line,
            "last_line": each.last_line,
            "text": each.text,
        }
        for number, each in enumerate(passages, 1)
    ]
    connection.execute(insert(tables.passage), rows)
    query = select(_passage.number, _passage.id).where(
        _passage.document_id == document, _passage.tenant == tenant
    )
    ids = {row.number: row.id for row in connection.execute(query)}
    entries = (
        (ids[number], f"{name} {' > '.join(each.heading)}", each.text)
        for number, each in enumerate(passages, 1)
    )
    add_to_index(connection, tables.INDEXES["passage"], owner_word(tenant), entries)


def _remove(connection: Connection, tenant: str, documents: Sequence[int]) -> None:
    for document in documents:
        query = select(_passage.id).where(_passage.document_id == document, _passage.tenant == tenant)
        remove_from_index(connection, tables.INDEXES["passage"], connection.execute(query).scalars().all())
        connection.execute(
            delete(tables.passage).where(_passage.document_id == document, _passage.tenant == tenant)
        )
        connection.execute(
            delete(tables.document).where(_document.id == document, _document.tenant == tenant)
        )


def _lock(connection: Connection, tenant: str) -> None:
    """Let one process at a time change a tenant's documents; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant, 11))"), {"tenant": tenant}
        )
