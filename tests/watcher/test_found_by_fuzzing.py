"""What fuzzing found, each in the smallest text that showed it, but for those in `tests/fuzz/corpus`."""

import json

import pytest
from test_gate_with_kinds import left_of_tokens
from test_secrets import passed
from watched_answers import deny, policy

from guardian_cluster.watcher.gate import Gate

SPELLED = ["token:sq0atp-n3H3Jo2", *[""] * 5, "NRAK-2IXD6F1INUG9WT3HGH7M4SYH", *[""] * 7, " "]
NUMBERS = policy(
    *deny("31337001"),
    personal={"card": "redact", "phone": "redact", "us_ssn": "redact", "national_id": "redact"},
)


def test_a_private_key_in_arguments_is_one_finding():
    text = '{"a":"-----BEGIN PRIVATE KEY-----\\n' + "Ab3+/xY9" * 10 + '\\n-----END PRIVATE KEY-----\\n"}'

    _, found = passed(policy(on_secret="redact"), text, [], escaped=True)

    assert found == [(6, "private-key")]


def test_a_short_private_key_ends_with_its_last_line():
    text = "-----BEGIN PRIVATE KEY-----\n" + "Ab3+/xY9" * 5 + "\n-----END PRIVATE KEY-----\nThis is no key"

    for sizes in ([1] * 200, [3] * 200, []):
        left, found = passed(policy(on_secret="redact"), text, sizes)

        assert (left, found) == ("[redacted:private-key]\nThis is no key", [(0, "private-key")])


@pytest.mark.parametrize(
    "text", ['{"password": "S3cretxyz123A"}', '{"user":"a","password":"S3cretxyz123A","b":1}']
)
def test_arguments_stay_json_where_a_password_is_redacted_with_its_quotation_marks(text: str):
    left, found = passed(policy(on_secret="redact"), text, [], escaped=True)

    assert found
    assert json.loads(left)["password"].startswith("[redacted:")


@pytest.mark.parametrize("size", [1, 10, 19])
def test_a_word_behind_an_escape_announces_a_number_however_the_text_is_cut(size: int):
    rules, text = policy(personal={"phone": "redact"}), "\\u0041tel 0207946 ee"

    left, found = passed(rules, text, [size] * 40, escaped=True)

    assert (left, found) == passed(rules, text, [], escaped=True)
    assert found == [(10, "phone")]


@pytest.mark.parametrize("unit", ["-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nab"])
@pytest.mark.parametrize("size", [1, 7, 200])
def test_what_is_held_of_heads_of_keys_is_bounded(unit: str, size: int):
    gate, text, longest = Gate(policy(on_secret="redact").rules), unit * 200, 0

    for at in range(0, len(text), size):
        gate.feed(text[at : at + size])
        longest = max(longest, min(at + size, len(text)) - gate.settled)

    assert longest < 1_000 + size


def test_what_is_held_of_a_text_that_overlaps_itself_is_bounded():
    gate, longest = Gate(policy(*deny("aba")).rules), 0

    for fed in range(1, 2_001):
        gate.feed("ab"[fed % 2])
        longest = max(longest, fed - gate.settled)

    assert longest < 5


@pytest.mark.parametrize(
    "text",
    [
        '{"card": 4111111111111111}',
        '{"a": [1, 4111111111111111, 2]}',
        '{"phone":4155550132,"b":"c"}',
        '{"a": "x, \\": 4", "phone": 4155550132}',
        '{"pin": 31337001}',
        '{"pin": -31337001}',
        '{"pin": 31337001.5}',
        '{"pin": 313370013133700131337001, "x": "\\n"}',
        '{"steuer-id": 86095742719, "x":1}',
        '{"a": "call me: 4155550132, or not"}',
        "4111111111111111",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_arguments_stay_json_where_a_number_is_redacted(text: str, size: int):
    json.loads(text)

    left, found = passed(NUMBERS, text, [size] * 99, escaped=True)

    json.loads(left)
    assert found
    assert "31337001" not in left
    assert "4111" not in left
    assert left == passed(NUMBERS, text, [], escaped=True)[0]


def test_a_number_is_replaced_as_a_whole():
    left, found = passed(NUMBERS, '{"a": [-31337001.5, 12], "31337001": true}', [], escaped=True)

    assert left == '{"a": ["[redacted:redact-0]", 12], "[redacted:redact-0]": true}'
    assert found == [(8, "redact-0"), (26, "redact-0")]


def test_what_is_noted_of_tokens_does_not_depend_on_their_chunks():
    one_by_one, at_once = (left_of_tokens(SPELLED, [size])[1] for size in (1, len(SPELLED)))

    assert one_by_one == at_once
    assert ("square-personal-token", 6) in one_by_one
