"""What is kept of conversations, and whose it is."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from conversations import message
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.conversations import StoredConversations
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.conversation import Said, StoredMessage, conversation_of, plain_name
from guardian_cluster.storage.memory_store import MemoryStore


def said(role: str, content: str, tokens: int = 10) -> Said:
    return Said(role, msgspec.json.encode(message(role, content)), tokens)


def turn(content: str, tokens: int = 10) -> list[Said]:
    return [said("user", content, tokens), said("assistant", f"about {content}", tokens)]


def contents(messages: object) -> list[str]:
    assert isinstance(messages, list)
    return [
        msgspec.json.decode(each.message)["content"] for each in messages if isinstance(each, StoredMessage)
    ]


@pytest.fixture
async def store() -> AsyncIterator[StoredConversations]:
    memory = MemoryStore(None, clock=ManualClock(1_000.0))
    yield StoredConversations(memory)
    await memory.close()


async def test_messages_are_read_as_they_were_kept(store: StoredConversations):
    await store.append("t", "c", turn("a"))
    await store.append("t", "c", turn("b"))

    kept = list(await store.read("t", "c", 1_000))

    assert contents(kept) == ["a", "about a", "b", "about b"]
    assert [(each.number, each.role, each.tokens, each.at) for each in kept[1:3]] == [
        (2, "assistant", 10, 1_000.0),
        (3, "user", 10, 1_000.0),
    ]


@pytest.mark.parametrize(("budget", "read"), [(0, 0), (9, 0), (10, 1), (39, 3), (40, 4)])
async def test_the_newest_messages_within_the_budget_are_read(
    store: StoredConversations, budget: int, read: int
):
    await store.append("t", "c", [*turn("a"), *turn("b")])

    assert [each.number for each in await store.read("t", "c", budget)] == [1, 2, 3, 4][4 - read :]


async def test_a_tenants_conversation_is_its_own(store: StoredConversations):
    await store.append("one", "c", turn("secret"))

    assert list(await store.read("two", "c", 1_000)) == []
    assert list(await store.search("two", "c", "secret", 5)) == []
    assert len(await store.read("one", "c", 1_000)) == 2


async def test_whole_turns_are_found_by_their_words(store: StoredConversations):
    for subject in ("cats", "parental leave", "dogs", "leave of absence"):
        await store.append("t", "c", turn(subject))

    found = await store.search("t", "c", "how long is parental LEAVE?", 1)

    assert contents(list(found)) == ["parental leave", "about parental leave"]
    assert [each.number for each in await store.search("t", "c", "leave", 5)] == [3, 4, 7, 8]
    assert list(await store.search("t", "c", "birds", 5)) == []


async def test_what_was_read_does_not_change(store: StoredConversations):
    await store.append("t", "c", turn("a"))
    read = await store.read("t", "c", 1_000)

    await store.append("t", "c", turn("b"))

    assert len(read) == 2


def request(session: str | None = None, user: str | None = None) -> UserRequest:
    body = {"model": "auto", "messages": [message("user", "hi")], "user": user}
    return UserRequest(body=body, session=session)


def test_a_session_and_a_user_of_one_name_are_two_conversations():
    assert conversation_of(request(session="ann"), by_user=True) == "session:ann"
    assert conversation_of(request(user="ann"), by_user=True) == "user:ann"
    assert conversation_of(request(user="ann"), by_user=False) is None
    assert conversation_of(request(session=""), by_user=True) is None


@given(st.text(st.characters(exclude_categories=()), min_size=1), st.text(min_size=1))
def test_any_name_is_kept_as_a_short_printable_one_of_its_own(name: str, other: str):
    kept = plain_name(name)

    assert kept.isascii()
    assert kept.isprintable()
    assert len(kept) <= 128
    assert (kept == plain_name(other)) == (name == other)
    assert plain_name(kept) != kept or kept == name


@pytest.mark.parametrize("name", ["../../etc/passwd\0", "x" * 129, "ü", "a\nb", "#x", "\ud800"])
def test_a_name_that_is_hard_to_keep_is_kept_as_its_digest(name: str):
    assert plain_name(name).startswith("#")
    assert len(plain_name(name)) == 65
