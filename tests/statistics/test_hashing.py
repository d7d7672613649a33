"""What a learner sees of a text: keyed, bounded, the same every time, and stored in few bytes."""

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.form import DENSE_NAMES, TILES
from guardian_cluster.statistics.hashing import (
    BUCKETS,
    LOOKED_AT,
    MAX_ENCODED_BYTES,
    MAX_WORDS,
    Features,
    TextHasher,
    head_and_tail,
)

HASHER = TextHasher(b"salt")
TEXTS = st.text(max_size=600)


@given(TEXTS)
def test_features_are_bounded_whatever_the_text(text: str) -> None:
    features = HASHER.features(text)

    assert TILES <= len(features.buckets) <= TILES + 2 * MAX_WORDS
    assert all(0 <= bucket < BUCKETS for bucket in features.buckets)
    assert len(features.dense) == len(DENSE_NAMES)
    assert all(0.0 <= value <= 1.0 for value in features.dense)


@given(TEXTS)
def test_the_same_text_gives_the_same_features_in_every_hasher_of_a_salt(text: str) -> None:
    assert HASHER.features(text) == TWIN.features(text)


@given(TEXTS)
def test_features_survive_being_stored_up_to_rounding(text: str) -> None:
    features = HASHER.features(text)
    encoded = features.encode()
    back = Features.decode(encoded)

    assert len(encoded) <= MAX_ENCODED_BYTES <= 400
    assert back.buckets == features.buckets
    assert back.dense == pytest.approx(features.dense, abs=1 / 255)
    assert back.encode() == encoded


@given(st.binary(max_size=500))
def test_hostile_bytes_are_refused_or_harmless(data: bytes) -> None:
    try:
        features = Features.decode(data)
    except ValueError:
        return
    assert features.encode() == data


def test_hashing_does_not_change_between_releases() -> None:
    features = HASHER.features("What is 17 * 23?")

    assert features.buckets[TILES:] == STORED_GRAMS


def test_nothing_of_what_is_seen_of_a_text_changes_between_releases() -> None:
    seen = b"".join(HASHER.features(text).encode() for text in KNOWN_TEXTS)

    assert hashlib.sha256(seen).hexdigest()[:16] == STORED_DIGEST


def test_another_salt_gives_a_word_another_number() -> None:
    other = TextHasher(b"other salt")

    same = [HASHER.features(word).buckets[-1] == other.features(word).buckets[-1] for word in WORDS]

    assert sum(same) <= 1


def test_one_known_word_does_not_tell_the_numbers_of_others() -> None:
    """CRC alone is linear: the difference between two salts would be the same for all words of one length."""
    other = TextHasher(b"other salt")

    differences = {HASHER.features(word).buckets[-1] ^ other.features(word).buckets[-1] for word in WORDS}

    assert len(differences) > len(WORDS) // 2


def test_beginning_and_end_of_a_long_text_count_and_its_middle_does_not() -> None:
    filler = "word " * 3_000
    plain = HASHER.features(filler + filler)

    assert HASHER.features("begin " + filler + filler).buckets != plain.buckets
    assert HASHER.features(filler + filler + " end").buckets != plain.buckets
    assert HASHER.features(filler + "mid! " + filler).buckets == plain.buckets


@given(st.text(max_size=3 * LOOKED_AT))
def test_no_more_is_looked_at_than_promised(text: str) -> None:
    assert len(head_and_tail(text)) <= LOOKED_AT


@pytest.mark.parametrize(
    "text", ["", "?", "\x00", "\ud800", "\u202e" * 50, "a" * 10_000, "\n" * 10_000, "é" * 5_000]
)
def test_odd_texts_have_features(text: str) -> None:
    features = HASHER.features(text)

    assert Features.decode(features.encode()).buckets == features.buckets


@pytest.mark.parametrize("unit", ["a ", "'", "\n", "é ", "字", "1,", "\\frac{", "x" * 50 + " "])
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))

    before = time.process_time()
    HASHER.features(text)

    assert time.process_time() - before < 1.0


def test_features_of_another_version_are_refused() -> None:
    data = HASHER.features("some text").encode()

    with pytest.raises(ValueError, match="another version"):
        Features.decode(b"\xff" + data[1:])


@pytest.mark.parametrize("cut", [0, 1, 2, 20, 60, -1])
def test_features_cut_short_are_refused(cut: int) -> None:
    data = HASHER.features("some text of a few words").encode()

    with pytest.raises(ValueError, match="features of a text"):
        Features.decode(data[:cut])


WORDS = ("alpha", "bravo", "chair", "delta", "eagle", "fruit", "grape", "house", "image", "joker")
TWIN = TextHasher(b"salt")
STORED_GRAMS = (10213, 888, 4678, 1482, 4770, 12957)
KNOWN_TEXTS = (
    "",
    "What is 17 * 23?",
    "Which of these is a metal?\nA. iron\nB. wood\nAnswer:",
    "```python\nprint('größe')\n```\n" * 3,
    "He is not there, \ud800 is he? " * 400,
)
STORED_DIGEST = "06f1a7b6f723e5a5"
