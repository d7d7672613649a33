import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from guardian_cluster.storage import conversations
from guardian_cluster.storage.conversations import (
    append_messages,
    delete_conversation,
    delete_user,
    expire_conversations,
    latest_messages,
)
from guardian_cluster.storage.memory_database import transaction
from guardian_cluster.storage.memory_values import ConversationLimits, NewMessage

NOON = 1_700_000_000.0


def said(text: str, role: str = "user", tokens: int = 1) -> NewMessage:
    return NewMessage(role, json.dumps({"role": role, "content": text}).encode(), tokens)  # type: ignore[arg-type]


def append(memory: Engine, *turns: NewMessage, tenant: str = "t", name: str = "c", **options: object) -> int:
    with transaction(memory, writes=True) as connection:
        options = {"now": NOON, **options}
        return append_messages(connection, tenant, name, turns, **options)  # type: ignore[arg-type]


def latest(memory: Engine, *, tenant: str = "t", name: str = "c", tokens: int = 1_000) -> list[str]:
    with transaction(memory, writes=False) as connection:
        return contents(latest_messages(connection, tenant, name, tokens=tokens))


def search(memory: Engine, *words: str, tenant: str = "t", name: str = "c", **options: int) -> list[str]:
    terms = tuple((word, False) for word in words)
    with transaction(memory, writes=False) as connection:
        options = {"limit": 10, **options}
        return contents(conversations.find_messages(connection, tenant, name, terms, **options).messages)


def contents(messages: Sequence[object]) -> list[str]:
    return [json.loads(each.message)["content"] for each in messages]  # type: ignore[attr-defined]


def count(memory: Engine, table: str) -> int:
    with transaction(memory, writes=False) as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()


def test_turns_come_back_in_the_order_they_were_said(memory: Engine) -> None:
    assert append(memory, said("one"), said("two", "assistant")) == 2
    assert append(memory, said("three")) == 3

    assert latest(memory) == ["one", "two", "three"]


def test_a_message_comes_back_byte_for_byte(memory: Engine) -> None:
    odd = b'{"content": [{"type":"text","text":"\\u0000 \\ud800 "}],  "x":1}\x00\xff'
    append(memory, NewMessage("tool", odd, 7))

    with transaction(memory, writes=False) as connection:
        (kept,) = latest_messages(connection, "t", "c", tokens=7)
    assert (kept.message, kept.role, kept.tokens, kept.number, kept.at) == (odd, "tool", 7, 1, NOON)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(0, []), (9, []), (10, ["c"]), (29, ["c"]), (30, ["b", "c"]), (60, ["a", "b", "c"])],
)
def test_the_newest_that_fit_are_read_and_none_between_is_left_out(
    memory: Engine, tokens: int, expected: list[str]
) -> None:
    append(memory, said("a", tokens=30), said("b", tokens=20), said("c", tokens=10))

    assert latest(memory, tokens=tokens) == expected


def test_only_this_conversation_of_this_tenant_is_read_and_searched(memory: Engine) -> None:
    append(memory, said("my dog is Rex"))
    append(memory, said("my dog is Bello"), name="d")
    append(memory, said("my dog is Fido"), tenant="u")

    assert latest(memory) == search(memory, "dog") == ["my dog is Rex"]
    assert latest(memory, tenant="u") == search(memory, "dog", tenant="u") == ["my dog is Fido"]
    assert latest(memory, tenant="u", name="d") == search(memory, "dog", tenant="u", name="d") == []


@pytest.mark.parametrize(
    ("tenant", "name"), [("a", "b:c"), ("a:b", "c"), ("a'", 'c"'), ("%", "_"), ("1:a", "")]
)
def test_no_two_names_meet_however_they_are_written(memory: Engine, tenant: str, name: str) -> None:
    append(memory, said("mine dog"), tenant="a", name="b")
    if name:
        append(memory, said("theirs dog"), tenant=tenant, name=name)

    assert search(memory, "dog", tenant="a", name="b") == ["mine dog"]
    assert search(memory, "dog", tenant=tenant, name=name) == (["theirs dog"] if name else [])


def test_older_turns_are_found_by_their_words(memory: Engine) -> None:
    append(memory, said("the deadline is Friday"), said("noted", "assistant"), said("what is the deadline"))

    assert search(memory, "deadline", "friday") == ["the deadline is Friday", "what is the deadline"]


def test_whole_turns_are_found_in_order(memory: Engine) -> None:
    append(memory, said("greetings", "system"), said("my dog"), said("nice dog", "assistant"), said("bye"))
    append(memory, said("see you", "assistant"), said("the cat"))

    with transaction(memory, writes=False) as connection:
        find = conversations.find_turns
        assert contents(find(connection, "t", "c", (("nice", False),), limit=5)) == ["my dog", "nice dog"]
        both = (("see", False), ("dog", False))
        assert contents(find(connection, "t", "c", both, limit=5)) == ["my dog", "nice dog", "bye", "see you"]
        assert find(connection, "t", "c", both, limit=0) == []
        assert find(connection, "t", "c", (("greetings", False),), limit=5) == []
        assert find(connection, "other", "c", both, limit=5) == []


def test_what_is_no_message_is_kept_and_not_found(memory: Engine) -> None:
    for odd in (b"", b"[]", b'{"content": 5}', b"[" * 100_000, b'{"content": null}', b"\xff"):
        append(memory, NewMessage("user", odd, 1))

    assert count(memory, "conversation_message") == 6
    assert search(memory, "content") == []


def test_what_is_over_the_limits_is_the_oldest_and_goes(memory: Engine) -> None:
    few = ConversationLimits(messages=3)
    append(memory, *map(said, "abcd"), limits=few)
    append(memory, said("e"), limits=few)
    assert latest(memory) == ["c", "d", "e"]

    append(memory, said("x" * 100), limits=ConversationLimits(bytes=200))
    assert latest(memory) == ["d", "e", "x" * 100]
    assert count(memory, "message_index") == 3


def test_a_message_that_is_too_large_is_refused_with_all_that_came_with_it(memory: Engine) -> None:
    with pytest.raises(ValueError, match=r"34 bytes, more than 33"):
        append(memory, said("a"), said("abc"), limits=ConversationLimits(message_bytes=33))

    assert latest(memory) == []


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "a\nb", "x" * 257, "\u202e"])
def test_a_name_that_cannot_be_one_is_refused(memory: Engine, name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        append(memory, said("a"), name=name)
    assert latest(memory, name="c") == []


def test_appending_nothing_makes_no_conversation(memory: Engine) -> None:
    assert append(memory) == 0
    assert count(memory, "conversation") == 0


def test_turns_appended_at_the_same_time_stay_together(memory: Engine) -> None:
    def speak(who: int) -> int:
        return append(memory, *(said(f"{who} {n}") for n in range(5)))

    with ThreadPoolExecutor(4) as threads:
        ends = list(threads.map(speak, range(8)))

    spoken = latest(memory)
    assert sorted(ends) == [5 * n for n in range(1, 9)]
    assert [spoken[start : start + 5] for start in range(0, 40, 5)] == [
        [f"{spoken[start][0]} {n}" for n in range(5)] for start in range(0, 40, 5)
    ]


def test_a_forgotten_conversation_leaves_nothing_behind(memory: Engine) -> None:
    append(memory, said("a"), said("b"))
    append(memory, said("c"), tenant="u")

    with transaction(memory, writes=True) as connection:
        assert delete_conversation(connection, "t", "c") == 2
        assert delete_conversation(connection, "t", "c") == 0

    assert [count(memory, name) for name in ("conversation", "conversation_message", "message_index")] == [
        1,
        1,
        1,
    ]


def test_all_of_a_user_is_forgotten_and_nothing_of_others(memory: Engine) -> None:
    append(memory, said("a"), user="ann")
    append(memory, said("b"), name="d", user="ann")
    append(memory, said("c"), name="e", user="bob")
    append(memory, said("d"), tenant="u", user="ann")

    with transaction(memory, writes=True) as connection:
        assert delete_user(connection, "t", "ann") == 2

    assert (latest(memory), latest(memory, name="d"), latest(memory, name="e")) == ([], [], ["c"])
    assert latest(memory, tenant="u") == ["d"]


def test_conversations_that_nobody_went_on_with_expire(memory: Engine) -> None:
    append(memory, said("old"), name="old", now=NOON)
    append(memory, said("old"), name="renewed", now=NOON)
    append(memory, said("new"), name="renewed", now=NOON + 10)

    with transaction(memory, writes=True) as connection:
        assert expire_conversations(connection, before=NOON + 5) == 1
        assert expire_conversations(connection, before=NOON + 5) == 0

    assert (latest(memory, name="old"), latest(memory, name="renewed")) == ([], ["old", "new"])
