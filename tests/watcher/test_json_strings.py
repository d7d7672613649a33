"""Where strings are in JSON, and which numbers wait for their end."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import deny, policy

from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.json_strings import LONGEST_SCALAR, begins_json

RULES = policy(*deny("31", "337", "7x")).rules

numbers = st.one_of(st.integers(), st.floats(allow_nan=False), st.sampled_from([31, -313, 33731, 1e31, True]))
keys = st.lists(st.sampled_from(["31", "337", "7x", '"', "\\", "é", "\n", "1"]), max_size=4).map("".join)
values = st.recursive(
    numbers | keys, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner)
)


def left_of(text: str, sizes: list[int]) -> str:
    gate, out, at = Gate(RULES, escaped=True), list[str](), 0
    for size in sizes:
        out.append(gate.feed(text[at : at + size]))
        at += size
    return "".join([*out, gate.feed(text[at:], last=True)])


@given(st.lists(values, max_size=4), st.lists(st.integers(1, 7), max_size=60), st.booleans())
def test_a_document_stays_one_however_it_is_cut(document: list[object], sizes: list[int], ascii_only: bool):
    text = json.dumps(document, ensure_ascii=ascii_only)

    left = left_of(text, sizes)

    assert left == left_of(text, [])
    assert len(json.loads(left)) == len(document)
    assert not any(each in left.replace("[redacted:redact-", "") for each in ("31", "337", "7x"))


def test_a_number_waits_for_its_end_and_a_string_does_not():
    gate = Gate(RULES, escaped=True)

    left = [gate.feed(each) for each in ('{"', "1", '": ', "5", ", ", '"b": 3', "1")]

    assert left == ['{"', "1", '": ', "", "5, ", '"b": ', ""]
    assert gate.feed("}", last=True) == '"[redacted:redact-0]"}'


@pytest.mark.parametrize("size", [1, 1000])
def test_of_a_number_beyond_the_bound_no_rules_text_leaves(size: int):
    text = f"[{'5' * LONGEST_SCALAR}31]"

    assert left_of(text, [size] * len(text)) == f'[{"5" * LONGEST_SCALAR}"[redacted:redact-0]"]'


@pytest.mark.parametrize(
    ("text", "is_json"),
    [("", None), (" \n", None), (' {"', True), ("[", True), ("4", True), ("No", False), ('"', False)],
)
def test_json_is_told_by_its_first_character(text: str, is_json: bool | None):
    assert begins_json(text) is is_json
