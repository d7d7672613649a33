"""Which rules a policy makes, and where they are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import deny, policy

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher.patterns import MAX_PATTERN_CHARACTERS, Patterns

rule_texts = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=6, unique=True)


def test_canaries_are_rules_with_an_action_of_their_own():
    rules = Patterns.of(WatchPolicy(canaries=("canary-1234",), on_canary="retry")).rules

    assert [(rule.detector, rule.name, rule.action) for rule in rules] == [("canary", "canary-1", "retry")]


def test_a_text_named_twice_does_what_was_said_first():
    rules = policy(*deny("same", action="cut"), *deny("same")).rules.exact.rules

    assert [rule.action for rule in rules] == ["cut"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must have 1 to"),
        ("x" * (MAX_PATTERN_CHARACTERS + 1), "must have 1 to"),
        ("a\ud83d", "half a surrogate pair"),
    ],
)
def test_a_rule_that_cannot_be_watched_for_is_refused_by_name(text: str, complaint: str):
    with pytest.raises(ValueError, match=f"'redact-0'.*{complaint}"):
        policy(*deny(text))


@given(rule_texts, st.text("abcd", max_size=30))
def test_many_rules_find_what_few_do(texts: list[str], text: str):
    few = policy(*deny(*texts)).rules.exact
    many = policy(*deny(*texts, *(f"zz{n}" for n in range(20)))).rules.exact

    assert [match[:2] for match in many.find(text)] == [match[:2] for match in few.find(text)]


@given(rule_texts, st.text("abcd", max_size=30))
def test_occurrences_are_all_there_in_order(texts: list[str], text: str):
    found = [(start, end) for start, end, _ in policy(*deny(*texts)).rules.exact.find(text)]

    ways = [(at, at + len(each)) for each in texts for at in range(len(text)) if text.startswith(each, at)]
    assert found == sorted(ways, key=lambda way: (way[0], -way[1]))


@given(rule_texts, st.text("abcd", max_size=12))
def test_a_rule_is_open_from_the_first_place_it_may_begin(texts: list[str], text: str):
    begins = [
        at
        for at in range(len(text))
        if any(each.startswith(text[at:]) and each != text[at:] for each in texts)
    ]

    assert policy(*deny(*texts)).rules.exact.open_from(text) == min(begins, default=len(text))


def test_rules_over_bytes_are_found_in_bytes():
    compiled = policy(*deny("naïve€")).blocking_bytes.exact

    assert [match[:2] for match in compiled.find("a naïve€".encode().decode("latin-1"))] == [(2, 11)]


def test_rules_that_are_only_observed_block_nothing():
    assert policy(*deny("a", "b", action="observe"), *deny("c")).blocking.exact.rules[0].text == "c"


@pytest.mark.parametrize(
    ("text", "numeric"), [("4111111111111111", True), ("1.5e-30", False), ("12345678x", False)]
)
def test_rules_that_may_be_written_as_numbers_are_known(text: str, numeric: bool):
    assert policy(*deny(text)).watches_numbers is numeric
