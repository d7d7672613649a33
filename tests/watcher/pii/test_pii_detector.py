"""Items of several kinds at once, and the promise that the release gate is built on."""

import itertools
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pii_streams import ALL, assert_cutting_changes_nothing, cut, longest_held, streamed, texts

from guardian_cluster.watcher.pii.detector import PiiDetector
from guardian_cluster.watcher.pii.found import KINDS

SIZES = st.lists(st.integers(1, 20), min_size=1, max_size=8)
EACH = {kind: PiiDetector(frozenset({kind})) for kind in KINDS}


@given(texts(), SIZES)
def test_every_cutting_finds_the_same_and_releases_nothing_early(text: str, sizes: list[int]):
    assert_cutting_changes_nothing(ALL, text, sizes)


@given(texts(), st.sampled_from(KINDS), SIZES)
def test_a_kind_alone_keeps_the_same_promise(text: str, kind: str, sizes: list[int]):
    assert_cutting_changes_nothing(EACH[kind], text, sizes)


@given(texts(), st.sampled_from([ALL, *EACH.values()]))
def test_one_character_at_a_time_finds_the_same(text: str, detector: PiiDetector):
    assert_cutting_changes_nothing(detector, text, [1])


@given(st.text(), st.text(max_size=100), st.booleans())
def test_no_text_raises_or_is_answered_beyond_its_end(text: str, before: str, last: bool):
    found, until = ALL.scan(text, last=last, before=before)

    assert 0 <= until <= len(text)
    assert all(0 <= item.start < item.end <= until for item in found)


@given(texts())
def test_items_do_not_overlap_and_come_in_order(text: str):
    found = ALL.find(text, last=True)

    assert all(left.end <= right.start for left, right in itertools.pairwise(found))


def test_the_longest_of_two_that_start_together_is_right():
    (item,) = ALL.find("4111111111111111@example.com", last=True)

    assert (item.kind, item.end) == ("email", 28)


def test_a_card_is_a_card_where_telephones_are_spoken_of():
    (item,) = ALL.find("call me: 4111 1111 1111 1111", last=True)

    assert item.kind == "card"


def test_nothing_is_held_of_other_scripts_and_finished_sentences():
    for text in (
        "这是一个测试，没有数字",
        "それは本です。",
        "это слово",
        "The end.\n",
        "100 € "[:0],
        "ready! ",
    ):
        assert ALL.open_from(text) == len(text)


def test_what_is_held_of_tables_of_numbers_is_bounded():
    digits = random.Random(4)
    table = " ".join(str(digits.randrange(10 ** digits.randrange(1, 7))) for _ in range(400))

    assert longest_held(ALL, cut(table, [3])) <= 51


@pytest.mark.parametrize("kinds", [frozenset({"cards"}), frozenset({"card", ""})])
def test_a_kind_that_does_not_exist_is_refused_by_name(kinds: frozenset[str]):
    with pytest.raises(ValueError, match="no kind of personal data is named"):
        PiiDetector(kinds)


def test_without_kinds_nothing_is_found_or_held():
    none = PiiDetector(frozenset())

    assert none.scan("call 415-555-2671 or a@b.com", last=False) == ([], 28)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "7" * 30_000,
            "a" * 300_000,
            "-" * 300_000,
            "((+" * 10_000,
            "a@" * 10_000,
            "f1:" * 10_000,
            "1." * 10_000,
        ),
        *(
            "GB82 " * 5_000,
            "1 2 3 " * 3_000,
            "4111 " * 4_000,
            "01 23 45 67 89 " * 1_000,
            "phone 0171 555 " * 1_000,
        ),
    ],
)
def test_hostile_texts_take_linear_time_whole_and_in_pieces(text: str):
    begun = time.process_time()
    ALL.find(text, last=False)
    streamed(ALL, cut(text[:4_000], [7]))

    assert time.process_time() - begun < 20
