"""Decides what is looked for in memory's indexes: the same for SQLite and PostgreSQL, so that both find the same."""

import hashlib

from guardian_cluster.domain.words import words
from guardian_cluster.storage.memory_values import Terms

MOST_TERMS = 24
"""More would make one question cost as much as several."""


def owner_word(*parts: str) -> str:
    """Return a word that is in every entry of this owner and in no other's: what parts tenants in an index."""
    joined = b"".join(b"%d:%s" % (len(part.encode()), part.encode()) for part in parts)
    return "owner" + hashlib.sha256(joined).hexdigest()[:40]


def sqlite_query(owner: str, terms: Terms) -> str:
    """Return the FTS5 query for entries of `owner` with any of the terms; words are quoted, never syntax."""
    wanted = " OR ".join(_sqlite_term(*term) for term in terms)
    return f'owner : "{owner}" AND ({wanted})'


def postgres_query(owner: str, terms: Terms) -> str:
    """Return the `tsquery` for the same."""
    return f"'{owner}' & ({' | '.join(_postgres_term(*term) for term in terms)})"


def usable(terms: Terms) -> Terms:
    """Return the terms as they are looked for; those without a letter or digit become words nobody has."""
    return tuple((" ".join(words(word)) or "\uffff", prefix) for word, prefix in terms[:MOST_TERMS])


def postgres_vector(owner: str, heading: list[str], text: list[str]) -> str:
    """Return the text of a `tsvector`: headings with weight A, the text with D, places as they stand."""
    entries = [f"'{owner}':1"]
    entries += (f"'{word}':{min(place, 16_000)}A" for place, word in enumerate(heading, 2))
    entries += (f"'{word}':{min(place, 16_000)}" for place, word in enumerate(text, len(heading) + 10))
    return " ".join(entries)


def _sqlite_term(word: str, prefix: bool) -> str:
    return f'{{heading body}} : "{_harmless(word)}"{" *" if prefix else ""}'


def _postgres_term(word: str, prefix: bool) -> str:
    quoted = [f"'{part}'" for part in _harmless(word).split()]
    return "(" + " <-> ".join(quoted) + (":*" if prefix else "") + ")"


def _harmless(word: str) -> str:
    return word.replace('"', " ").replace("'", " ").replace("\\", " ")
