"""Which groups of digits are payment cards."""

import pytest

from guardian_cluster.watcher.pii.card import issuer_of, luhn
from guardian_cluster.watcher.pii.detector import PiiDetector

CARDS = PiiDetector(frozenset({"card"}))


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in CARDS.find(text, last=True)]


@pytest.mark.parametrize(
    ("number", "issuer"),
    [
        ("4111111111111111", "visa"),
        ("4111 1111 1111 1111", "visa"),
        ("4111-1111-1111-1111", "visa"),
        ("4111\u00a01111\u00a01111\u00a01111", "visa"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("378282246310005", "american-express"),
        ("3782 822463 10005", "american-express"),
        ("30569309025904", "diners-club"),
        ("6011111111111117", "discover"),
        ("3530111333300000", "jcb"),
    ],
)
def test_a_card_is_found_and_its_issuer_told(number: str, issuer: str):
    (item,) = CARDS.find(f"It is {number}.", last=True)

    assert (item.start, item.end, item.kind, item.detail) == (6, 6 + len(number), "card", issuer)


def test_groups_before_and_after_a_card_do_not_hide_it():
    assert found("12 34 4111 1111 1111 1111 123 09 27") == ["4111 1111 1111 1111"]
    assert found("4111111111111111,5555555555554444") == ["4111111111111111", "5555555555554444"]


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "9111111111111111",
        "0.4111111111111111",
        "x4111111111111111",
        "4111111111111111a",
        "41111111111111111111111",
        "4111 1111-1111 1111",
        "4111 11111111 1111",
        "id_4111111111111111",
    ],
)
def test_what_only_resembles_a_card_is_none(text: str):
    assert found(text) == []


def test_short_numbers_are_cards_only_where_a_word_says_so():
    assert found("order 4222222222222") == []
    assert found("my card 4222222222222") == ["4222222222222"]
    assert found("卡号4222222222222。") == ["4222222222222"]


def test_a_word_more_than_its_reach_away_says_nothing():
    assert found("card" + " " * 64 + "4222222222222") == []


def test_luhn_and_issuer_follow_the_published_rules():
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert issuer_of("1111111111111111") is None
