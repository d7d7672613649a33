"""What the planted secrets of the leak benchmark are made of: sampled expressions, kinds, near misses."""

import base64
import json
import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks.sets import secrets, shaped_secrets
from benchmarks.sets.near_misses import near_misses, whys
from benchmarks.sets.regex_sampler import RegexSampler, compiled, python_pattern
from benchmarks.sets.secret_rules import FILE, Rule, entropy_bits, read_rules

CHECKOUT = Path(__file__).resolve().parents[1]
EXPRESSIONS = (
    r"ghp_[0-9a-zA-Z]{36}",
    r"\b(a(?i)b[c-e]{3}|d)(?:\z|;)",
    r"(?i)x(?-i:[Kk]ey|KEY)=([a-f0-9]{8,})",
    r"pat[[:alnum:]]{14}\.[a-f0-9]{4}",
    r"key[\s\S-]{4,}?end\z",
    r"[\x60'\"\s=]{0,5}(?:https?://)?a.b/[^\"]{3}(?s:.){0,9}$",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_drawn_is_accepted_by_its_expression(expression: str):
    sampler, accepts = RegexSampler(expression), compiled(expression)

    drawn = [sampler.sample(random.Random(seed)) for seed in range(50)]

    assert [each.text for each in drawn if not accepts.fullmatch(each.text)] == []
    assert len({each.text for each in drawn}) > 5
    assert all(each.groups[0] == (0, len(each.text)) for each in drawn)


def test_a_flag_in_the_middle_holds_to_the_end_of_its_group_and_over_its_alternatives():
    assert python_pattern(r"(a(?i)b|c)d") == "(a(?i:b)|(?i:c))d"
    assert re.fullmatch(python_pattern(r"(a(?i)b|c)d"), "Cd")
    assert not re.fullmatch(python_pattern(r"(a(?i)b|c)d"), "cD")


def test_the_marker_is_what_an_expression_writes_out():
    drawn = RegexSampler(r"\b(gh[us]_[0-9]{4}\.atlas\.[0-9]{3})").sample(random.Random(1))

    assert drawn.marker(1) == 4
    assert drawn.written(1) == (drawn.text[:4], ".atlas.")


@pytest.mark.parametrize("of", [secrets.kinds(), secrets.by_hand()], ids=["found", "by hand"])
def test_every_kind_is_planted_where_its_own_rule_accepts_it(of: list[secrets.Kind]):
    rng = random.Random(4)
    planted = list(secrets.samples(of, 3 * len(of), rng))

    assert len({kind.name for kind, _ in planted}) == len(of) >= 60
    assert [kind.name for kind, each in planted if not kind.accepts(each)] == []
    assert max(len(each.text) - len(each.secret) for _, each in planted) < 120
    assert all(each.head + each.tail < len(each.secret) for _, each in planted)


def test_secrets_are_the_same_for_the_same_seed():
    first, second = (list(secrets.samples(secrets.by_hand(), 70, random.Random(9))) for _ in range(2))

    assert [each for _, each in first] == [each for _, each in second]


def test_tokens_of_discord_begin_with_a_number_in_base64():
    (kind,) = (kind for kind in secrets.by_hand() if kind.name == "discord-bot-token")
    rng = random.Random(3)

    begins = [kind.sample(rng).secret.partition(".")[0] for _ in range(300)]

    numbers = [base64.b64decode(begin + "=" * (-len(begin) % 4)).decode() for begin in begins]
    assert {len(number) for number in numbers} == {17, 18, 19}
    assert all(number.isdecimal() and number[0] != "0" for number in numbers)
    assert [base64.b64encode(number.encode()).decode().rstrip("=") for number in numbers] == begins


@given(st.integers(), st.sampled_from(sorted(shaped_secrets.SHAPES)))
def test_the_markers_of_shaped_secrets_leave_something_secret(seed: int, name: str):
    drawn = shaped_secrets.SHAPES[name].draw(random.Random(seed))

    assert len(drawn.secret) - drawn.head - drawn.tail >= 8


@pytest.mark.parametrize("of", [secrets.kinds(), secrets.by_hand()], ids=["found", "by hand"])
def test_a_near_miss_is_a_secret_of_no_kind(of: list[secrets.Kind]):
    rng = random.Random(5)
    made = [near_misses(rng, of) for _ in range(200)]

    assert {why for _, why in made} == set(whys())
    assert [text for text, _ in made if any(kind.name for kind in of if list(kind.rule.found(text)))] == []


def test_a_rule_needs_its_keyword_its_entropy_and_nothing_that_allows_it():
    rule = Rule("some", r"key=(\w{8})", keywords=("acme",), entropy=2.0)

    assert list(rule.found("acme key=a1b2c3d4")) == [(9, 17)]
    assert list(rule.found("key=a1b2c3d4")) == list(rule.found("acme key=aaaaaaaa")) == []
    assert entropy_bits("abcd") == 2.0


def test_rules_are_read_with_what_they_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    row = {"id": "k", "regex": "k_(?i)[a-f]{8}", "keywords": ["k_"], "entropy": None, "secret_group": None}
    rows = [{**row, "allowlists": [{"stopwords": ["bad"]}]}]
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text(json.dumps({"global_allowlist": {"regexes": ["^k_a+$"]}, "rules": rows}))
    monkeypatch.setenv("GUARDIAN_DATA", str(tmp_path))

    (kind,) = secrets.kinds()

    assert (kind.name, kind.source) == ("k", "given")
    assert list(kind.rule.found("k_abcdefAB")) == [(0, 10)]
    assert list(kind.rule.found("k_badbadab k_aaaaaaaa")) == []


def test_rules_that_cannot_be_read_are_named(tmp_path: Path):
    (tmp_path / "rules.json").write_text('{"rules": 3}')

    with pytest.raises(RuntimeError, match=r"rules\.json"):
        read_rules(tmp_path / "rules.json")


def test_nothing_of_what_is_measured_is_imported():
    made_of = sorted((CHECKOUT / "benchmarks/sets").glob("*secret*.py")) + [
        CHECKOUT / f"benchmarks/sets/{name}.py"
        for name in (
            "near_misses",
            "regex_sampler",
            "streams",
            "leaks",
            "benign_text",
            "benign_words",
            "given",
        )
    ]

    assert len(made_of) == 11
    assert [path.name for path in made_of if "guardian_cluster" in path.read_text()] == []
