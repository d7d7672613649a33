"""What is kept of requests and answers holds no rule's text, whatever the rule does in an answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import deny, policy

from guardian_cluster.contract.snapshot import InputPolicy
from guardian_cluster.watcher.intake_rules import rules_of_kept
from guardian_cluster.watcher.redaction import Redaction

leaves = st.none() | st.booleans() | st.integers() | st.text('xyzé\\"\n', max_size=8)
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("action", ["observe", "redact", "cut", "retry"])
def test_every_rule_redacts(action: str):
    redaction = Redaction(policy(*deny("secret", action=action)).rules)

    assert redaction.of_json('{"a": "a s\\u0065cret b"}') == f'{{"a":"a [redacted:{action}-0] b"}}'


def test_without_rules_a_document_is_kept_as_it_is():
    assert Redaction(policy().rules).of_json('{"a": "\\u0061"}') == '{"a": "\\u0061"}'


def test_a_number_that_holds_a_rule_becomes_a_string():
    redaction = Redaction(policy(*deny("4111111111111111")).rules)

    assert redaction.of_json('{"n": [4111111111111111, 5]}') == '{"n":["[redacted:redact-0]",5]}'


@pytest.mark.parametrize("document", ["no JSON secret", "[" * 5_000 + '"secret"' + "]" * 5_000])
def test_what_cannot_be_read_is_redacted_as_it_stands(document: str):
    redaction = Redaction(policy(*deny("secret")).rules)

    assert redaction.of_json(document) == document.replace("secret", "[redacted:redact-0]")


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ('{"m": "s\\u0065cret"}', '{"m": "[redacted:redact-0]"}'),
        ('{"m": "secret", "k": "\\u00e9"}', '{"m": "[redacted:redact-0]", "k": "\\u00e9"}'),
        ('{"m": "\\\\ secr\\u0065t \\""}', '{"m": "\\\\ [redacted:redact-0] \\""}'),
        ("no JSON: secr\\u0065t", "no JSON: [redacted:redact-0]"),
    ],
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_arguments_of_calls_are_read_as_the_json_that_they_are(written: str, left: str, ascii_only: bool):
    redaction = Redaction(policy(*deny("secret")).rules)
    document = {"function": {"name": "é", "arguments": written}}

    kept = json.loads(redaction.of_json(json.dumps(document, ensure_ascii=ascii_only)))

    assert kept["function"]["arguments"] == left


def test_a_document_with_escapes_and_no_rule_is_kept_as_it_is():
    document = json.dumps({"arguments": json.dumps({"a": 'x "y" \u00e9'}), "b": "c"}, indent=1)

    assert Redaction(policy(*deny("secret")).rules).of_json(document) == document


@pytest.mark.parametrize(
    ("answers", "requests", "left"),
    [
        ({}, {"personal": {"email": "observe"}}, "[redacted:email]"),
        ({"personal": {"email": "observe"}}, {}, "[redacted:email]"),
        ({}, {"personal": {"phone": "observe"}}, "bob@example.org"),
        ({}, {"on_secret": "observe"}, "bob@example.org [redacted:aws-access-key]"),
    ],
)
def test_what_is_looked_for_in_requests_alone_is_not_kept_either(
    answers: dict[str, Any], requests: dict[str, Any], left: str
):
    compiled = policy(**answers, input=InputPolicy(**requests))
    redaction = Redaction(rules_of_kept(compiled.policy, compiled.rules))
    secret = " AKIAJDCZWB76UTFAQBGH" if "on_secret" in requests else ""

    assert redaction.of_text("bob@example.org" + secret) == left


@given(documents, st.booleans())
def test_a_document_stays_json_whose_strings_hold_no_rule(document: Any, ascii_only: bool):
    redaction = Redaction(policy(*deny("xy", 'é"', "\nz", action="cut")).rules)

    kept = json.loads(redaction.of_json(json.dumps(document, ensure_ascii=ascii_only)))

    assert not any(rule in text for text in strings(kept) for rule in ("xy", 'é"', "\nz"))


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for inner in value.values() for text in strings(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []
