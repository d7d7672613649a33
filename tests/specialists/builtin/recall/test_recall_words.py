import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.words import words
from guardian_cluster.specialists.builtin.recall.words import likeness, stem
from guardian_cluster.storage import memory_words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("days", "day"),
        ("expire", "expires"),
        ("expire", "expired"),
        ("policy", "policies"),
        ("leave", "leaving"),
        ("laptops", "laptop"),
        ("box", "boxes"),
        ("renewed", "renew"),
        ("keys", "key"),
    ],
)
def test_inflected_forms_are_the_same_word(one: str, other: str) -> None:
    assert likeness(one, stem(one), other) == likeness(other, stem(other), one) == 0.9


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("parental", "parent"),
        ("approve", "approval"),
        ("reimburse", "reimbursement"),
        ("expire", "expiration"),
    ],
)
def test_derived_forms_count_less(one: str, other: str) -> None:
    assert likeness(one, stem(one), other) == 0.6


@pytest.mark.parametrize(
    ("one", "other"),
    [("car", "card"), ("inter", "internationally"), ("port", "airport"), ("e04", "e07"), ("15", "150")],
)
def test_other_words_are_other_words(one: str, other: str) -> None:
    assert likeness(one, stem(one), other) == 0


@given(st.text(max_size=300))
def test_words_are_those_of_memorys_index(text: str) -> None:
    assert words(text) == memory_words.words(text)


@given(st.text(max_size=80))
def test_a_word_begins_with_its_stem_and_is_like_itself(text: str) -> None:
    for word in words(text):
        assert word.startswith(stem(word))
        assert likeness(word, stem(word), word) == 1
