"""Keeps the turns of conversations: append, read back, search and forget; every statement names the tenant."""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, false, func, insert, or_, select, true

from guardian_cluster.domain.request import ContentPart
from guardian_cluster.storage import memory_tables as tables
from guardian_cluster.storage import upsert
from guardian_cluster.storage.memory_index import add_to_index, ask_index, remove_from_index
from guardian_cluster.storage.memory_values import (
    ConversationLimits,
    MessageHits,
    NewMessage,
    StoredMessage,
    Terms,
)
from guardian_cluster.storage.memory_words import owner_word

_conversation = tables.conversation.c
_message = tables.conversation_message.c
_INDEX = tables.INDEXES["conversation_message"]

INDEXED_CHARACTERS = 20_000
"""Of a turn; what is longer is a document, which belongs into `guardian ingest`."""

_HITS_A_TURN = 4
"""Messages that are looked for to find a turn: several of one turn may have the words."""

MOST_NAME_CHARACTERS = 256

_Columns = (_message.number, _message.role, _message.message, _message.tokens, _message.at)


class _Words(msgspec.Struct):
    content: str | list[ContentPart] | None = None


def append_messages(
    connection: Connection,
    tenant: str,
    conversation: str,
    messages: Sequence[NewMessage],
    *,
    now: float,
    user: str | None = None,
    limits: ConversationLimits | None = None,
) -> int:
    """Keep turns behind those there are, in this order, with nobody's between; return the last one's number (0: none).

    What is over the limits is the oldest, and goes. Raises ValueError for a name or a message that cannot be kept.
    """
    bounds = limits or ConversationLimits()
    check_names(tenant, conversation, user)
    _check_sizes(messages, bounds)
    if not messages:
        return 0
    number, last = _advance(connection, tenant, conversation, user, len(messages), now)
    first = last - len(messages) + 1
    ids = _insert(connection, tenant, number, list(enumerate(messages, first)), now)
    entries = [(ids[place], "", _text(each.message)) for place, each in enumerate(messages, first)]
    add_to_index(connection, _INDEX, owner_word(tenant, conversation), entries)
    _trim(connection, tenant, number, bounds)
    return last


def latest_messages(
    connection: Connection, tenant: str, conversation: str, *, tokens: int, limit: int = 1_000
) -> list[StoredMessage]:
    """Return the newest turns that together have at most so many tokens, oldest first, with none left out."""
    sums = func.sum(_message.tokens).over(order_by=_message.number.desc())
    newest = select(*_Columns, sums.label("sum")).where(*_of(tenant, conversation))
    newest = newest.order_by(_message.number.desc()).limit(limit).subquery()
    query = select(*(newest.c[column.name] for column in _Columns)).where(newest.c.sum <= tokens)
    return [StoredMessage(*row) for row in connection.execute(query.order_by(newest.c.number))]


def find_messages(
    connection: Connection,
    tenant: str,
    conversation: str,
    terms: Terms,
    *,
    limit: int,
) -> MessageHits:
    """Return turns of this conversation alone with some of the words, best first."""
    counted = select(func.count()).select_from(tables.conversation_message).where(*_of(tenant, conversation))
    total = connection.execute(counted).scalar_one()
    owner = owner_word(tenant, conversation)
    found = ask_index(connection, _INDEX, owner, terms, total=total, limit=limit)
    query = select(_message.id, *_Columns).where(_message.id.in_(found.ids), *_of(tenant, conversation))
    rows = {row[0]: StoredMessage(*row[1:]) for row in connection.execute(query)}
    return MessageHits(tuple(rows[id] for id in found.ids if id in rows), found.counts, total)


def find_turns(
    connection: Connection, tenant: str, conversation: str, terms: Terms, *, limit: int
) -> list[StoredMessage]:
    """Return the turns, whole and in order, in which a message has some of the words: the `limit` best.

    A turn is a user's message and what follows it, up to the next one: half of one makes no sense to a model.
    """
    hits = find_messages(connection, tenant, conversation, terms, limit=_HITS_A_TURN * limit)
    if not hits.messages:
        return []
    asked = select(_message.number).where(*_of(tenant, conversation), _message.role == "user")
    starts = sorted(connection.execute(asked).scalars())
    places = (bisect_right(starts, hit.number) - 1 for hit in hits.messages)
    turns = list(dict.fromkeys(place for place in places if place >= 0))[: max(limit, 0)]
    ends = [*starts[1:], None]
    spans = [and_(_message.number >= starts[turn], _before(ends[turn])) for turn in turns]
    query = select(*_Columns).where(*_of(tenant, conversation), or_(false(), *spans))
    return [StoredMessage(*row) for row in connection.execute(query.order_by(_message.number))]


def _before(number: int | None) -> ColumnElement[bool]:
    return true() if number is None else _message.number < number


def delete_conversation(connection: Connection, tenant: str, conversation: str) -> int:
    """Forget a conversation; return how many turns it had."""
    query = select(_conversation.id).where(_conversation.tenant == tenant, _conversation.name == conversation)
    return _delete(connection, tenant, connection.execute(query).scalars().all())


def delete_user(connection: Connection, tenant: str, user: str) -> int:
    """Forget every conversation of a tenant's user; return how many turns they had."""
    query = select(_conversation.id).where(_conversation.tenant == tenant, _conversation.user == user)
    return _delete(connection, tenant, connection.execute(query).scalars().all())


def expire_conversations(connection: Connection, *, before: float, limit: int = 100) -> int:
    """Forget at most `limit` conversations of all tenants that nobody added to since `before`; return how many."""
    query = select(_conversation.tenant, _conversation.id).where(_conversation.last_at < before)
    rows = connection.execute(query.order_by(_conversation.last_at).limit(limit)).all()
    for row in rows:
        _delete(connection, row.tenant, [row.id])
    return len(rows)


def check_names(*names: str | None) -> None:
    """Raise ValueError for a name that no database could keep, or that is too long to be one."""
    for name in names:
        if name is not None and not (0 < len(name) <= MOST_NAME_CHARACTERS and name.isprintable()):
            raise ValueError(f"a name needs 1 to {MOST_NAME_CHARACTERS} printable characters")


def _check_sizes(messages: Sequence[NewMessage], bounds: ConversationLimits) -> None:
    for each in messages:
        if len(each.message) > bounds.message_bytes:
            raise ValueError(f"a message has {len(each.message):,} bytes, more than {bounds.message_bytes:,}")


def _insert(
    connection: Connection,
    tenant: str,
    conversation: int,
    messages: Sequence[tuple[int, NewMessage]],
    now: float,
) -> dict[int, int]:
    """Insert messages under their numbers; return the id of each number."""
    rows = [
        {
            "tenant": tenant,
            "conversation_id": conversation,
            "number": place,
            "role": each.role,
            "message": each.message,
            "tokens": max(each.tokens, 0),
            "at": now,
        }
        for place, each in messages
    ]
    connection.execute(insert(tables.conversation_message), rows)
    query = select(_message.number, _message.id).where(
        _message.conversation_id == conversation,
        _message.number >= messages[0][0],
        _message.tenant == tenant,
    )
    return {row.number: row.id for row in connection.execute(query)}


def _advance(
    connection: Connection, tenant: str, conversation: str, user: str | None, count: int, now: float
) -> tuple[int, int]:
    """Reserve the next numbers; return the conversation's id and its last number. Others wait until commit."""
    facts = {"tenant": tenant, "name": conversation, "user": user, "last_at": now, "last_number": count}
    new = upsert.insert(connection, tables.conversation).values(facts)
    changed = {
        "last_number": _conversation.last_number + count,
        "last_at": now,
        "user": func.coalesce(_conversation.user, user),
    }
    statement = new.on_conflict_do_update(index_elements=["tenant", "name"], set_=changed)
    row = connection.execute(statement.returning(_conversation.id, _conversation.last_number)).one()
    return row.id, row.last_number


def _trim(connection: Connection, tenant: str, conversation: int, bounds: ConversationLimits) -> None:
    sizes = func.sum(func.length(_message.message)).over(order_by=_message.number.desc())
    place = func.row_number().over(order_by=_message.number.desc())
    here = (_message.conversation_id == conversation, _message.tenant == tenant)
    kept = select(_message.id, sizes.label("bytes"), place.label("place")).where(*here).subquery()
    over = select(kept.c.id).where((kept.c.bytes > bounds.bytes) | (kept.c.place > bounds.messages))
    _delete_messages(connection, tenant, connection.execute(over).scalars().all())


def _delete(connection: Connection, tenant: str, conversations: Sequence[int]) -> int:
    count = 0
    for conversation in conversations:
        query = select(_message.id).where(_message.conversation_id == conversation, _message.tenant == tenant)
        ids = connection.execute(query).scalars().all()
        _delete_messages(connection, tenant, ids)
        where = (_conversation.id == conversation, _conversation.tenant == tenant)
        connection.execute(delete(tables.conversation).where(*where))
        count += len(ids)
    return count


def _delete_messages(connection: Connection, tenant: str, ids: Sequence[int]) -> None:
    remove_from_index(connection, _INDEX, ids)
    for start in range(0, len(ids), 500):  # each id is a parameter, and databases take only so many
        some = ids[start : start + 500]
        where = (_message.id.in_(some), _message.tenant == tenant)
        connection.execute(delete(tables.conversation_message).where(*where))


def _of(tenant: str, conversation: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    one = select(_conversation.id).where(_conversation.tenant == tenant, _conversation.name == conversation)
    return _message.tenant == tenant, _message.conversation_id == one.scalar_subquery()


def _text(message: bytes) -> str:
    """Return the words of a message; nothing where they are not where OpenAI's shape has them."""
    try:
        content = msgspec.json.decode(message, type=_Words).content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(content, str):
        return content[:INDEXED_CHARACTERS]
    return "\n".join(part.text for part in content or () if part.text)[:INDEXED_CHARACTERS]
