"""The index of words: what is put into it, taken out and asked of it, in the words of each database."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, text

from guardian_cluster.domain.words import words
from guardian_cluster.storage.memory_values import Terms
from guardian_cluster.storage.memory_words import postgres_query, postgres_vector, sqlite_query, usable

Entry = tuple[int, str, str]
"""The id of what is indexed, its heading, and its text."""

COUNTED = 10_000
"""How far the entries with a word are counted: beyond it a word tells nothing apart, and counting costs."""

_FEW = 50
"""Entries that are ranked in no time, however many there are in all."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the index says to some terms."""

    ids: tuple[int, ...]
    """Best first."""
    counts: tuple[int, ...]


def add_to_index(connection: Connection, index: str, owner: str, entries: Iterable[Entry]) -> None:
    """Index entries of one owner."""
    if connection.dialect.name == "postgresql":
        statement = f"INSERT INTO {index} (id, vector) VALUES (:id, CAST(:vector AS tsvector))"
        rows = [
            {"id": id, "vector": postgres_vector(owner, words(heading), words(body))}
            for id, heading, body in entries
        ]
    else:
        statement = f"INSERT INTO {index} (rowid, owner, heading, body) VALUES (:id, :owner, :heading, :body)"
        rows = [
            {"id": id, "owner": owner, "heading": " ".join(words(heading)), "body": " ".join(words(body))}
            for id, heading, body in entries
        ]
    if rows:
        connection.execute(text(statement), rows)


def remove_from_index(connection: Connection, index: str, ids: Sequence[int]) -> None:
    """Take entries out of the index."""
    key = "id" if connection.dialect.name == "postgresql" else "rowid"
    if ids:
        connection.execute(text(f"DELETE FROM {index} WHERE {key} = :id"), [{"id": id} for id in ids])


def ask_index(
    connection: Connection, index: str, owner: str, terms: Terms, *, total: int, limit: int
) -> Found:
    """Return the owner's entries with any of the terms, and how many have each.

    `total` is how many entries the owner has.
    """
    wanted = usable(terms)
    count, query = _spoken(connection)
    counted = text(count.format(index=index))
    counts = tuple(
        connection.execute(counted, {"query": query(owner, (term,)), "most": COUNTED}).scalar_one()
        for term in wanted
    )
    telling = _telling(wanted, counts, total)
    if not telling:
        return Found((), counts)
    rows = connection.execute(*_best(connection, index, owner, telling, limit))
    return Found(tuple(row[0] for row in rows), counts)


def _telling(terms: Terms, counts: Sequence[int], total: int) -> list[tuple[tuple[str, bool], float]]:
    """Return the terms to search with, and how much each tells: not those that every fourth entry has.

    Such a word would have the database rank thousands of entries for a word that parts none of them.
    """
    found = [(term, count) for term, count in zip(terms, counts, strict=True) if count]
    rare = [(term, count) for term, count in found if count <= max(total // 4, _FEW)]
    return [(term, math.log(1 + (total + 1) / count)) for term, count in rare or found]


def _spoken(connection: Connection) -> tuple[str, Callable[[str, Terms], str]]:
    if connection.dialect.name == "postgresql":
        return _POSTGRESQL_COUNT, postgres_query
    return _SQLITE_COUNT, sqlite_query


def _best(
    connection: Connection, index: str, owner: str, terms: list[tuple[tuple[str, bool], float]], limit: int
) -> tuple[TextClause, dict[str, object]]:
    """Return the statement for the best entries; `ts_rank_cd` knows of no rarity, so that comes before it."""
    wanted = tuple(term for term, _ in terms)
    if connection.dialect.name != "postgresql":
        return text(_SQLITE_BEST.format(index=index)), {"query": sqlite_query(owner, wanted), "most": limit}
    values: dict[str, object] = {"query": postgres_query(owner, wanted), "most": limit}
    sums: list[str] = []
    for number, (term, weight) in enumerate(terms):
        values |= {f"query{number}": postgres_query(owner, (term,)), f"weight{number}": weight}
        has = f"vector @@ CAST(:query{number} AS tsquery)"
        sums.append(f"CASE WHEN {has} THEN CAST(:weight{number} AS double precision) ELSE 0 END")
    return text(_POSTGRESQL_BEST.format(index=index, worth=" + ".join(sums))), values


_SQLITE_COUNT = "SELECT count(*) FROM (SELECT 1 FROM {index} WHERE {index} MATCH :query LIMIT :most) AS found"
_POSTGRESQL_COUNT = (
    "SELECT count(*) FROM"
    " (SELECT 1 FROM {index} WHERE vector @@ CAST(:query AS tsquery) LIMIT :most) AS found"
)
# A word in a heading says what a passage is about: it counts three times one in the text.
_SQLITE_BEST = (
    "SELECT rowid FROM {index} WHERE {index} MATCH :query"
    " ORDER BY bm25({index}, 0.0, 3.0, 1.0), rowid LIMIT :most"
)
_POSTGRESQL_BEST = (
    "SELECT id FROM {index} WHERE vector @@ CAST(:query AS tsquery) ORDER BY {worth} DESC,"
    " ts_rank_cd('{{0.33, 0.33, 0.33, 1.0}}', vector, CAST(:query AS tsquery), 1) DESC, id LIMIT :most"
)
