"""Numbers of words: the same under one salt, unlike under another, packed in two bytes."""

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.word_numbers import NUMBERS, WordNumbers, packed, unpacked, word_numbers

WORDS = [b"enzymes", "Wörter".encode(), b"", b"\xff\x00"]


def test_numbers_are_bounded_and_the_same_for_the_same_salt() -> None:
    numbers = WordNumbers(b"one").of(WORDS)

    assert numbers == word_numbers("one").of(WORDS)
    assert numbers != WordNumbers(b"other").of(WORDS)
    assert all(0 <= number < NUMBERS for number in numbers)


def test_every_number_is_some_words() -> None:
    found = set(WordNumbers(b"one").of(str(n).encode() for n in range(200_000)))

    assert len(found) > 0.99 * NUMBERS


@given(st.lists(st.integers(0, 65_535), max_size=20))
def test_what_is_packed_is_unpacked_with_the_lower_byte_first(numbers: list[int]) -> None:
    assert unpacked(packed(numbers)) == tuple(numbers)
    assert packed([258]) == b"\x02\x01"


@given(st.binary(max_size=30))
def test_any_bytes_are_unpacked(data: bytes) -> None:
    assert len(unpacked(data)) == len(data) // 2
