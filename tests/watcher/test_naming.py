"""Neither a rule's name nor what stands in its place gives its text away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import chunk, policy, watched

from guardian_cluster.contract.snapshot import DenyRule
from guardian_cluster.watcher import naming

names = st.text("ab[]:-redct#(*", min_size=1, max_size=6)


def test_a_rule_is_shown_under_its_name():
    assert naming.shown("aws key", "deny-1", ["AKIA"]) == "aws key"


def test_a_name_that_is_the_text_is_not_shown():
    rule = DenyRule(name="falcon", text="falcon")

    outcome = watched(policy(rule), [chunk({"content": "falcon"}, reason="stop")])

    assert outcome.said("content") == "[redacted:rule-1]"
    assert {found[0] for found in outcome.found} == {"rule-1"}


def test_a_name_keeps_only_what_json_and_markdown_let_stand():
    assert naming.placeholder('a "b" `c`\n\\d', ["zz"]) == "[redacted:a-b-c-d]"


def test_a_name_is_cut_where_it_is_long():
    assert len(naming.placeholder("n" * 999, ["zz"])) < 80


@given(names, st.lists(names, min_size=1, max_size=3), st.text("ab[]:-redct", max_size=8))
def test_what_stands_in_a_rules_place_makes_no_rule_with_what_is_around(
    name: str, texts: list[str], around: str
):
    mark = naming.placeholder(name, texts)

    for text in texts:
        before, after = around.replace(text, ""), around[::-1].replace(text, "")
        joined = before + mark + after
        assert all(
            not (at < len(before) + len(mark) and at + len(text) > len(before))
            for at in occurrences(text, joined)
        )


def occurrences(text: str, joined: str) -> list[int]:
    return [at for at in range(len(joined)) if joined.startswith(text, at)]


def test_rules_that_leave_no_mark_to_be_made_are_refused():
    with pytest.raises(ValueError, match="longer texts"):
        naming.placeholder("n", ["[", "(", "\u2588"])
