"""What JSON escapes stand for, and where each character is written."""

import json
import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.escapes import between_escapes, decode, read_plainly

escapes = st.sampled_from(
    ["\\n", "\\\\", '\\"', "\\/", "\\u0041", "\\u00E9", "\\ud83d\\ude00", "\\uD83D", "\\udc00"]
)
letters = st.characters(exclude_characters='"\\', exclude_categories=("Cc", "Cs"))
bodies = st.lists(escapes | letters, max_size=30).map("".join)
"""What may stand between the quotes of a JSON string."""


@given(bodies)
def test_a_string_is_read_as_a_json_parser_reads_it(body: str):
    assert decode(body, last=True).text == json.loads(f'"{body}"')


@given(bodies, st.randoms(use_true_random=False))
def test_a_string_cut_anywhere_is_read_the_same(body: str, rng: random.Random):
    read, held, at = "", "", 0
    while at < len(body):
        size = rng.randint(1, 4)
        written = decode(held + body[at : at + size])
        read, held, at = read + written.text, written.tail, at + size

        assert len(held) < 12

    assert read + decode(held, last=True).text == json.loads(f'"{body}"')


@given(st.text('\\udD8390aCc"n x', max_size=30))
def test_what_is_no_json_is_read_too_and_nothing_of_it_is_lost(text: str):
    written = decode(text)

    assert written.raw + written.tail == text
    assert decode(text, last=True).raw == text


@given(bodies)
def test_every_character_is_found_where_it_is_written(body: str):
    written = decode(body, last=True)

    starts = [written.start(index) for index in range(len(written.text) + 1)]

    assert starts[-1] == len(written.raw)
    spelled = [written.raw[first:after] for first, after in pairwise(starts)]
    assert "".join(decode(each, last=True).text for each in spelled) == written.text
    for index, (first, after) in enumerate(pairwise(starts)):
        assert {written.character(offset) for offset in range(first, after)} == {index}


@given(
    st.lists(
        escapes | letters | st.sampled_from(["\\", "\\u", "\\U0001f600", "\0", "\\u0000", "\\x"]), max_size=12
    ).map("".join)
)
def test_what_is_read_plainly_is_what_is_read_escape_by_escape(text: str):
    plainly = read_plainly(text)

    written = decode(text)
    assert plainly is None or (plainly, "") == (written.text, written.tail)


def test_ordinary_json_is_read_plainly():
    body = json.dumps({"code": 'a\n\t"b" \\ é \U0001f600 Grüße 中文'})

    assert read_plainly(body) == decode(body).text


@given(bodies, st.integers(0, 200))
def test_a_text_can_be_read_from_between_its_escapes(body: str, before: int):
    cut = between_escapes(body, min(before, len(body)))

    assert cut is not None
    assert decode(body[:cut], last=True).text + decode(body[cut:], last=True).text == json.loads(f'"{body}"')


def test_where_escapes_never_end_no_place_between_them_is_looked_for_long():
    assert between_escapes("\\" * 10_000, 9_000) is None
