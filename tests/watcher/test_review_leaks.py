"""What left beside the content: in unknown fields and log probabilities, piece by piece."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import chunk, deny, policy, request

from guardian_cluster.domain.request import ChatRequest, Message
from guardian_cluster.watcher.choice import WatchedChoice
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.guard import SharedGuard
from guardian_cluster.watcher.sliced_watch import SlicedWatch
from guardian_cluster.watcher.tokens import TokenLane
from guardian_cluster.watcher.unknown import UnknownFields
from guardian_cluster.watcher.watch import Watch

RULES = policy(
    on_secret="redact",
    personal={"card": "redact", "email": "redact", "phone": "redact", "us_ssn": "redact"},
)
PROMPT = (
    "You are Otto, the concierge of Hotel Seeblick. Discount vouchers are granted to guests whose booking "
    "reference begins with the letters ZK, and never to anyone from competitor agencies such as Bergland."
)


def left_of(pieces, wrap, read, compiled=RULES, watch=None):
    """Return the text that leaves when a server sends it so, and the watch."""
    watch = watch or Watch(compiled, request())
    out = []
    for piece in pieces:
        for each in watch.feed([wrap(piece)]):
            for choice in each["choices"]:
                out += read(choice)
    return "".join(out), watch


def in_field(text, size=4, compiled=RULES):
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return left_of(
        pieces, lambda p: chunk({"thinking": p}), lambda c: [c["delta"].get("thinking", "")], compiled
    )


def in_list(text, size=4):
    return left_of(
        [text[at : at + size] for at in range(0, len(text), size)],
        lambda p: chunk({"reasoning_details": [{"type": "reasoning.text", "text": p, "index": 0}]}),
        lambda c: [each["text"] for each in c["delta"].get("reasoning_details", ())],
    )


def tokens_left(pieces, entry, compiled=RULES, watch=None, said=lambda p: "a"):
    """Return what leaves of entries, each as `entry` makes it of a piece."""
    left, watch = left_of(
        pieces,
        lambda p: chunk({"content": said(p)}, logprobs={"content": [entry(p)]}),
        lambda c: [spelled(each) for each in (c.get("logprobs") or {}).get("content") or ()],
        compiled,
        watch,
    )
    ending, _ = left_of(
        [""],
        lambda p: chunk({}, reason="stop"),
        lambda c: [spelled(each) for each in (c.get("logprobs") or {}).get("content") or ()],
        watch=watch,
    )
    return left + ending


def spelled(entry):
    return "".join(bytes(each["bytes"]).decode() for each in (entry, *entry["top_logprobs"]))


def plain_entry(text):
    return {"token": text, "logprob": -0.1, "bytes": list(text.encode()), "top_logprobs": []}


@pytest.mark.parametrize("size", [1, 3, 4, 7])
def test_a_secret_that_a_word_before_tells_is_withheld_from_a_field_that_grows(size):
    left, _ = in_field("the twilio token is: 3f9a1c7be2d84056a1b9c3d7e5f80213 ok", size)

    assert left in (
        "the twilio token is: "[: len(left)] + "",
        "the twilio token is: 3",
        "the twilio token is: 3f9",
    )


@pytest.mark.parametrize("text", ["card: 4111 1111 1111 1111 ok", "mail to alice.smith@example.com ok"])
@pytest.mark.parametrize("leaves", [in_field, in_list])
def test_personal_data_is_withheld_from_a_field_that_grows(leaves, text):
    left, watch = leaves(text)

    assert "1111" not in left
    assert "@" not in left
    assert "personal-data" in {verdict.detector for verdict in watch.verdicts}


def test_nothing_leaves_of_a_private_key_in_a_field_that_grows():
    key = (
        "-----BEGIN PRIVATE KEY-----\n"
        + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 5
        + "\n-----END PRIVATE KEY-----\n"
    )

    assert in_list(key)[0] == ""


def test_words_that_other_answers_had_tell_of_a_secret_all_the_same():
    compiled = policy(on_secret="redact")
    for piece in ("the twilio token ", "is: "):
        Watch(compiled, request()).feed([chunk({"thinking": piece})])
    pieces = ["the twilio token ", "is: ", "3f9a1c7be2d84056", "a1b9c3d7e5f80213", " ok"]

    left, _ = left_of(
        pieces, lambda p: chunk({"thinking": p}), lambda c: [c["delta"].get("thinking", "")], compiled
    )

    assert left == "the twilio token is: "


def test_most_of_a_text_about_passwords_leaves_in_a_field_that_grows():
    text = (
        "To reset your password, open the settings page and choose Security. The token that the server returned "
        "is valid for one hour, so store the key in an environment variable rather than in the source code. "
    )
    pieces = re.findall(r"\s?\S+", text)

    left, _ = left_of(pieces, lambda p: chunk({"thinking": p}), lambda c: [c["delta"].get("thinking", "")])

    assert len(left) > 0.9 * len(text)


@given(cuts=st.lists(st.integers(1, 9), min_size=1))
def test_however_a_field_is_cut_no_more_leaves_than_looks_like_a_word(cuts):
    text, pieces, at = "see the twilio token is: 3f9a1c7be2d84056a1b9c3d7e5f80213 ok", list[str](), 0
    for size in itertools.cycle(cuts):
        pieces.append(text[at : at + size])
        at += size
        if at >= len(text):
            break

    left, _ = left_of(pieces, lambda p: chunk({"thinking": p}), lambda c: [c["delta"].get("thinking", "")])

    assert "3f9a" not in left
    assert "1c7b" not in left


@pytest.mark.parametrize("number", [4111111111111111, 4111111111111111.0])
def test_a_number_in_an_unknown_field_is_searched_for_personal_data(number):
    watch = Watch(RULES, request())

    sent = watch.feed([chunk({"content": "hi ", "parsed": {"card": number}})])

    assert "4111" not in str(sent)
    assert [verdict.rule for verdict in watch.verdicts] == ["card"]


def test_counts_times_and_measures_leave():
    fields = {
        "usage": {"prompt_tokens": 4111111111111111},
        "created": 1700000000,
        "timing": {"ms": 43.483729384},
    }
    sent = {**chunk({"content": "hi"}), **fields}

    (left,) = Watch(RULES, request()).feed([sent])

    assert fields.items() <= left.items()


def test_a_number_that_holds_no_rule_is_not_taken_for_a_text_without_personal_data():
    compiled = policy(*deny("12345678"), personal={"card": "redact"})
    Watch(compiled, request()).feed([chunk({"usage": {"prompt_tokens": 4111111111111111}})])

    left, _ = in_field("4111111111111111", 20, compiled)

    assert left == ""


def test_personal_data_in_the_bytes_alone_of_tokens_is_withheld():
    left = tokens_left(
        ["card", ": 41", "11 1", "111 ", "1111", " 111", "1 ok"],
        lambda p: {**plain_entry(p), "token": ""},
    )

    assert "11 1" not in left
    assert "1111" not in left


def test_bytes_are_read_on_behind_the_tokens_that_were_the_same():
    pieces = ["my", " card", ": 41", "11 1", "111 ", "1111", " 111", "1", " ok"]

    left = tokens_left(pieces, lambda p: {**plain_entry(p), "token": p if pieces.index(p) < 5 else "x"})

    assert "11 1" not in left


def test_personal_data_in_an_alternative_is_withheld():
    mail = plain_entry("alice.smith@example.com")

    left = tokens_left(["hi"], lambda p: {**plain_entry(p), "top_logprobs": [mail]})
    in_bytes = tokens_left(["hi"], lambda p: {**plain_entry(p), "top_logprobs": [{**mail, "token": "x"}]})

    assert (left, in_bytes) == ("", "")


@pytest.mark.parametrize("fields", [{}, {"on_secret": "redact"}])
def test_log_probabilities_are_held_while_the_text_is_that_may_repeat_the_prompt(fields):
    leak = "Sure: " + PROMPT.partition(". ")[2] + " ok then"
    asked = ChatRequest(
        model="m", messages=[Message(role="system", content=PROMPT), Message(role="user", content="hi")]
    )
    watch = Watch(policy(on_prompt_leak="cut", **fields), asked)

    left = tokens_left(re.findall(r"\s?\S+", leak), plain_entry, watch=watch, said=lambda p: p)

    assert watch.done
    assert left in ("Sure:", "Sure: Discount")


def test_log_probabilities_leave_once_the_text_does_that_did_not_repeat_the_prompt():
    asked = ChatRequest(model="m", messages=[Message(role="system", content=PROMPT)])
    watch = Watch(policy(on_prompt_leak="cut"), asked)
    pieces = ["Discount", " vouchers", " are", " sold", " on", " Mondays", " and", " so", " on"]

    assert tokens_left(pieces, plain_entry, watch=watch, said=lambda p: p) == "".join(pieces)


def raised():
    guard = SharedGuard()
    guard.place().leaked("secret", "x")
    return guard.place()


@pytest.mark.parametrize("rules", [(), deny("zzzz")])
def test_what_is_only_observed_leaves_nowhere_once_another_watch_found_a_leak(rules):
    compiled = policy(*rules, on_secret="observe")
    watch = Watch(compiled, request(), guard=raised())
    pieces = ["the key ", "AKIAJDCZWB76UTFAQBGH", " is it"]

    tokens = tokens_left(pieces, plain_entry, watch=watch, said=lambda p: p)
    fields, _ = left_of(
        pieces,
        lambda p: chunk({"content": "a", "thinking": p}),
        lambda c: [c["delta"].get("thinking", "")],
        watch=Watch(compiled, request(), guard=raised()),
    )

    assert (tokens, fields) == ("", "")


def fail(*_, **__):
    raise ZeroDivisionError


@pytest.mark.parametrize("kind", [Watch, SlicedWatch])
def test_an_unknown_field_is_withheld_where_nothing_could_be_looked_for(kind, monkeypatch):
    monkeypatch.setattr(UnknownFields, "_passes", fail)
    watch = kind(policy(*deny("zq")), request())

    (sent,) = watch.feed([chunk({"content": "a", "other": "x y"})])

    assert sent["choices"][0]["delta"] == {"content": "a"}
    assert ("failed", "rules", "message.*") in {(v.detector, v.rule, v.channel) for v in watch.verdicts}


@pytest.mark.parametrize(("closed", "reason"), [((), None), (("rules",), "content_filter")])
def test_log_probabilities_are_dropped_where_nothing_could_be_looked_for(closed, reason, monkeypatch):
    monkeypatch.setattr(TokenLane, "feed", fail)
    watch = Watch(policy(*deny("zq"), fail_closed=closed), request())

    (sent,) = watch.feed([chunk({"content": "a"}, logprobs={"content": [plain_entry("a")]})])

    assert sent["choices"][0]["logprobs"]["content"] == []
    assert sent["choices"][0]["finish_reason"] == reason
    assert [verdict.detector for verdict in watch.verdicts] == ["failed"]


def test_a_failure_at_the_end_takes_no_more_than_the_log_probabilities(monkeypatch):
    monkeypatch.setattr(WatchedChoice, "_let_out", fail)
    watch = Watch(policy(*deny("zq"), fail_closed=()), request())
    watch.feed([chunk({"content": "a"}, logprobs={"content": [plain_entry("a")]})])

    (sent,) = watch.feed([chunk({}, reason="stop")])

    assert sent["choices"][0]["finish_reason"] == "stop"


def test_words_that_were_met_in_one_run_with_others_are_not_taken_for_quiet():
    rules = policy(on_secret="redact").rules
    poison = Gate(rules)
    for piece in ("so x", " password\n" + "the\n" * 20, "abc and so on "):
        poison.feed(piece)
    poison.feed("", last=True)
    gate = Gate(rules)

    said = "".join(map(gate.feed, ("so ", "my ", "password", " ", "is: ", "k3J9dQz7LmX2vB8nR5tY1wPc", " ok")))

    assert said + gate.feed("", last=True) == "so my password is: [redacted:assigned-secret] ok"
