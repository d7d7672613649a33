"""The release gate in the cases that people think of; test_release.py tries those that they do not."""

import time

import pytest
from watched_answers import deny, policy

from guardian_cluster.contract.snapshot import DenyRule
from guardian_cluster.watcher.gate import Gate


def gate(*rules: DenyRule, escaped: bool = False) -> Gate:
    return Gate(policy(*rules).rules, escaped=escaped)


def passed(gate: Gate, *pieces: str) -> list[str]:
    """Return what leaves with each piece, and at the end."""
    return [*(gate.feed(piece) for piece in pieces), gate.feed("", last=True)]


def test_text_without_a_rule_leaves_at_once():
    assert passed(gate(*deny("secret")), "in", "nocent") == ["in", "nocent", ""]


def test_the_beginning_of_a_rule_is_held_until_it_is_none():
    assert passed(gate(*deny("secret")), "a sec", "o", "nd") == ["a ", "seco", "nd", ""]


def test_a_beginning_leaves_when_the_text_ends():
    assert passed(gate(*deny("secret")), "a secre") == ["a ", "secre"]


def test_a_rule_is_redacted_though_it_comes_letter_by_letter():
    assert "".join(passed(gate(*deny("secret")), *"a secret b")) == "a [redacted:redact-0] b"


def test_a_rule_that_begins_a_longer_one_waits_for_it():
    rules = deny("sec", "secret")

    assert passed(gate(*rules), "sec", "ret") == ["", "[redacted:redact-1]", ""]
    assert passed(gate(*rules), "sec", "ond") == ["", "[redacted:redact-0]ond", ""]
    assert passed(gate(*rules), "sec") == ["", "[redacted:redact-0]"]


def test_overlapping_rules_are_one_redaction_and_two_findings():
    opened = gate(*deny("abc", "cde"))

    assert "".join(passed(opened, "xab", "cd", "ey")) == "x[redacted:redact-0]y"
    assert [(position, rule.name) for position, rule in opened.hits] == [(1, "redact-0"), (3, "redact-1")]


def test_a_rule_that_overlaps_itself_is_one_redaction():
    assert "".join(passed(gate(*deny("aba")), *"xababay")) == "x[redacted:redact-0]y"


def test_rules_side_by_side_are_two_redactions():
    assert "".join(passed(gate(*deny("ab", "cd")), "abcd")) == "[redacted:redact-0][redacted:redact-1]"


SECRET = "ghp_" + "a1B2c3D4" * 4 + "e5F6"


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_secret_that_goes_on_behind_a_pause_is_redacted(cut: int):
    opened = Gate(policy(on_secret="redact").rules)

    before = opened.feed(f"the key is {SECRET[:cut]}")
    paused = opened.pause()
    after = opened.feed(f"{SECRET[cut:]} and", last=True)

    assert (before, paused) == ("the key is ", SECRET[:cut])
    assert after == "[redacted:github-personal-token] and"


@pytest.mark.parametrize("word", ["ghost", "g", "ghp"])
def test_a_word_that_goes_on_behind_a_pause_leaves_once(word: str):
    opened = Gate(policy(on_secret="redact").rules)

    left = opened.feed(word[:1]) + opened.pause() + opened.feed(word[1:]) + opened.feed(" end", last=True)

    assert left == f"{word} end"


TERRAFORM = "Thek3n5Qw7Xz9P.atlasv1." + "b4Nm8Lk2Jh6Gf0Ds" * 4 + "Qw3"


@pytest.mark.parametrize(
    ("pieces", "left"),
    [
        (["The", " house", " of"], ["The", " house", " of"]),
        (["The", "saurus", " is"], ["The", "", "saurus is"]),
        (["token: ", "The", ". "], ["token: ", "", "The. "]),
        (["Xq", "The", " end"], ["", "", "XqThe end"]),
    ],
)
def test_a_frequent_word_leaves_though_a_secret_may_begin_so(pieces: list[str], left: list[str]):
    compiled = policy(on_secret="redact")
    opened = Gate(compiled.rules, words=compiled.words)

    assert [opened.feed(piece) for piece in pieces] == left


@pytest.mark.parametrize("cut", [3, 8, 14, 20, 60])
def test_of_a_secret_no_more_than_a_frequent_word_leaves(cut: int):
    compiled = policy(on_secret="redact")
    opened = Gate(compiled.rules, words=compiled.words)

    left = opened.feed(TERRAFORM[:cut]) + opened.feed(TERRAFORM[cut:]) + opened.feed(" ends", last=True)

    assert left == ("The" if cut == 3 else "") + "[redacted:terraform-cloud-token] ends"


def test_a_word_of_a_rule_is_no_plain_word():
    assert not policy(*deny("The end", "capital"), on_secret="redact").words & {"The", "capital"}
    assert policy(on_secret="redact", personal={"email": "redact"}).words == frozenset()


def test_a_pause_lets_no_rules_text_out_and_no_characters_of_a_secret():
    opened = Gate(policy(*deny("glass"), on_secret="redact").rules)
    secret = Gate(policy(on_secret="redact").rules)

    held = opened.feed("gl") + secret.feed(SECRET[:9])

    assert (held, opened.pause(), secret.pause()) == ("", "", "")


def test_a_cut_ends_the_channel_before_the_rule():
    opened = gate(*deny("stop", action="cut"))

    assert passed(opened, "go on. st", "op here", "more") == ["go on. ", "", "", ""]
    assert opened.stop is not None
    assert opened.hits[0][0] == 7


def test_what_was_held_before_a_cut_leaves():
    opened = gate(*deny("abx"), *deny("bc", action="cut"))

    assert passed(opened, "zab", "c") == ["z", "a", ""]


def test_an_observed_rule_leaves_and_is_noted_beside_one_that_is_redacted():
    opened = gate(*deny("hello", action="observe"), *deny("lo w"))

    assert "".join(passed(opened, "oh hello world")) == "oh hel[redacted:redact-0]orld"
    assert [rule.name for _, rule in opened.hits] == ["observe-0", "redact-0"]


@pytest.mark.parametrize("text", ["Grüße", "秘密", "\U0001f511key", "a\u0301b", "ключ"])
def test_rules_are_found_in_every_script(text: str):
    assert "".join(passed(gate(*deny(text)), *f"x{text}y")) == "x[redacted:redact-0]y"


@pytest.mark.parametrize("text", ["\x00", "\ud83d", "a\x00\ud83db", "\u202e"])
def test_odd_characters_pass(text: str):
    assert "".join(passed(gate(*deny("secret")), *text)) == text


def test_an_escaped_rule_is_found_and_what_stays_is_written_as_it_was():
    opened = gate(*deny("secret"), escaped=True)

    left = "".join(passed(opened, '{"k": "\\u0041 \\u00', "73e", 'cret \\n"}'))

    assert left == '{"k": "\\u0041 [redacted:redact-0] \\n"}'
    assert opened.hits[0][0] == len('{"k": "\\u0041 ')


def test_a_rule_that_a_backslash_would_turn_into_another_is_found_as_it_is_written():
    assert (
        "".join(passed(gate(*deny("newsecret"), escaped=True), "a \\newse", "cret"))
        == "a [redacted:redact-0]"
    )


def test_a_rule_with_a_backslash_is_found_in_json_and_in_what_is_none():
    rules = deny("DOMAIN\\user")

    assert "".join(passed(gate(*rules, escaped=True), *'"DOMAIN\\\\user"')) == '"[redacted:redact-0]"'
    assert "".join(passed(gate(*rules, escaped=True), *"DOMAIN\\user")) == "[redacted:redact-0]"


@pytest.mark.parametrize("letter", ["a", "\\", "\\u0061", "\\\\"])
def test_a_megabyte_of_one_letter_takes_linear_time(letter: str):
    opened = gate(*deny("a" * 400 + "b", "\\" * 300 + "n"), escaped=True)
    text = letter * (1_000_000 // len(letter))
    started = time.process_time()

    left = "".join(passed(opened, text, *text[:2_000]))

    assert left == text + text[:2_000]
    assert time.process_time() - started < 20
