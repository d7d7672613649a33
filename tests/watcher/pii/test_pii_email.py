"""Which words are addresses of electronic mail, and what of a word is held."""

import pytest

from guardian_cluster.watcher.pii.detector import PiiDetector

EMAILS = PiiDetector(frozenset({"email"}))


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in EMAILS.find(text, last=True)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Write to jane.doe+tag@mail.example.co.uk.", "jane.doe+tag@mail.example.co.uk"),
        ("<mailto:a@b.io>", "a@b.io"),
        ("?email=x_y%2@z.org&n=1", "x_y%2@z.org"),
        ("邮箱是li@qq.com。", "li@qq.com"),
        ("--me@host.net--", "me@host.net"),
        ("me@host.com.Then we left", "me@host.com"),
        ("a@b@c.de", "b@c.de"),
        ("root@db.internal", "root@db.internal"),
    ],
)
def test_an_address_is_found_with_its_ends(text: str, address: str):
    assert found(text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "user@localhost",
            "@decorator.py",
            "left@right.transpose",
            "x@1.2.3",
            "git@github.com:a/b",
            "a@-b.com",
        ),
        "a" * 65 + "@b.com",
        "a@" + "b" * 101 + ".com",
        "name @ host.com",
    ],
)
def test_what_only_resembles_an_address_is_none(text: str):
    assert found(text) == []


def test_a_word_is_held_until_it_ends_or_is_too_long():
    assert EMAILS.open_from("so we write") == 6
    assert EMAILS.open_from("so we write ") == 12
    assert EMAILS.open_from("a" * 64) == 0
    assert EMAILS.open_from("a" * 65) == 65
    assert EMAILS.open_from("ab", before="x" * 63) == 2
    assert EMAILS.open_from("see me@exam") == 4


def test_other_scripts_and_rules_of_dashes_are_never_held():
    assert EMAILS.open_from("这是一个句子") == 6
    assert EMAILS.open_from("| --- | -----") == 13
