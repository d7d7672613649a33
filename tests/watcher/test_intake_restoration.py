"""Texts are put back for the caller, wherever an answer is cut, and nowhere else."""

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.watcher import restoration
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.placeholders import (
    NONCE_LETTERS,
    Placeholders,
    may_stand_beside,
    without_nonces,
)
from guardian_cluster.watcher.restoration import Budget, Restoration, RestoringLane
from guardian_cluster.watcher.rule import Rule
from guardian_cluster.watcher.scanner import RuleSet

NOTHING = RuleSet(Patterns(()))
EMAIL = Rule("personal-data", "email", "", "redact", "[redacted:email]")


def placeholders(*texts: str, exact: tuple[str, ...] = ()) -> tuple[Placeholders, list[str]]:
    given_ = Placeholders(
        Patterns(tuple(Rule("deny", "x", text, "redact") for text in exact)), random.Random(1)
    )
    return given_, [given_.of(EMAIL, text) for text in texts]


def leaving(text: str) -> RuleSet:
    return RuleSet.of(WatchPolicy(deny=(DenyRule(name="house", text=text),), on_secret="ignore")).redacting()


def streamed(restoration_: Restoration, pieces: list[str], channel: str = "content") -> str:
    """Pass pieces of one choice, the last with its end; return what the caller reads."""
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {channel: piece}}]} for piece in pieces
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    left = restoration_.of(chunks)
    return "".join(chunk["choices"][0]["delta"].get(channel) or "" for chunk in left)


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {len(text)})
    return [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]


WRITTEN = st.lists(
    st.one_of(st.sampled_from([0, 1, 2]), st.text(alphabet='a[]-1"\\e email', max_size=6)), max_size=8
)


@given(
    WRITTEN, st.lists(st.integers(0, 500), max_size=12), st.sampled_from(restoration.CHANNELS), st.booleans()
)
def test_any_cutting_gives_the_callers_text_back(
    written: list[int | str], places: list[int], channel: str, wants_json: bool
):
    originals = ["bob@example.org", 'say "x" \\ \n', "[email-1-"]
    given_, marks = placeholders(*originals)
    said = "".join(marks[each] if isinstance(each, int) else each for each in written)
    in_json = wants_json and channel == "content"
    back = [json.dumps(each)[1:-1] if in_json else each for each in originals]
    wanted = "".join(back[each] if isinstance(each, int) else each for each in written)

    text = streamed(Restoration(given_.originals, NOTHING, wants_json=wants_json), cut(said, places), channel)

    assert text == wanted


@given(st.lists(st.integers(0, 500), max_size=12))
def test_rules_of_the_answer_hold_for_what_is_put_back_and_what_stands_around_it(places: list[int]):
    given_, (mark,) = placeholders("house")
    pieces = cut(f"the {mark} number 7, and a {mark}", places)

    text = streamed(Restoration(given_.originals, leaving("house number 7")), pieces)

    assert text == "the [redacted:house], and a house"


def test_calls_and_log_probabilities_keep_the_placeholders_and_what_was_given_is_left_alone():
    given_, (mark,) = placeholders("bob@example.org")
    calls = [{"index": 0, "function": {"name": "f", "arguments": mark}}]
    logprobs = {"content": [{"token": mark}]}
    message = {"content": mark, "refusal": mark, "tool_calls": calls, "function_call": {"arguments": mark}}
    whole = {"choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop"}]}
    before = json.dumps(whole)

    (left,) = Restoration(given_.originals, NOTHING).of([whole])

    (choice,) = left["choices"]
    assert (choice["message"]["content"], choice["message"]["refusal"]) == ("bob@example.org",) * 2
    assert choice["message"]["tool_calls"] == calls
    assert choice["message"]["function_call"] == {"arguments": mark}
    assert choice["logprobs"] == logprobs
    assert json.dumps(whole) == before


def test_choices_and_channels_do_not_mix_and_what_is_held_leaves_with_the_end():
    given_, (mark,) = placeholders("bob@example.org")
    half, rest = mark[:9], mark[9:]

    def chunk(choice: int, reason: str | None = None, **delta: Any) -> dict[str, Any]:
        return {"choices": [{"index": choice, "delta": delta, "finish_reason": reason}]}

    left = Restoration(given_.originals, NOTHING).of(
        [
            chunk(0, content=half),
            chunk(1, content=half, reasoning=half),
            chunk(0, content=rest),
            chunk(1, "length"),
            chunk(0, "stop", content=None),
            {"choices": [], "usage": {}},
        ]
    )

    deltas = [each["choices"][0]["delta"] for each in left[:-1]]
    assert [delta.get("content") for delta in deltas] == ["", "", "bob@example.org", half, None]
    assert deltas[3]["reasoning"] == half


def test_content_in_parts_is_put_back():
    given_, (mark,) = placeholders("bob@example.org")
    parts = [
        {"type": "text", "text": mark[:5]},
        {"type": "image"},
        {"type": "text", "text": mark[5:] + mark[:3]},
    ]
    whole = {"choices": [{"message": {"content": parts}}]}

    (left,) = Restoration(given_.originals, NOTHING).of([whole])

    texts = [part.get("text") for part in left["choices"][0]["message"]["content"]]
    assert texts == ["", None, "bob@example.org" + mark[:3]]


def test_a_model_that_repeats_a_placeholder_does_not_make_an_answer_endless():
    given_, (mark,) = placeholders("x" * 10_000)

    text = streamed(Restoration(given_.originals, NOTHING), [mark] * 500)

    assert text == "x" * 1_000_000 + mark * 400


@given(st.text(alphabet=NONCE_LETTERS + "[]-email1", min_size=1, max_size=3))
def test_a_placeholder_never_holds_a_rules_text_nor_makes_one(text: str):
    _, (mark,) = placeholders("bob@example.org", exact=(text,))

    assert text not in mark or mark == "[redacted:email]"
    if mark != "[redacted:email]":
        assert may_stand_beside(text)


def test_placeholders_of_two_requests_are_alike_but_for_the_nonce():
    assert without_nonces(b'"a [email-1-bcdfghjk] b"') == without_nonces(b'"a [email-12-zzzzzzzz] b"')
    assert without_nonces(b'"a [email] [x-1-abc]"') == b'"a [email] [x-1-abc]"'


PUT_BACK = ["[email-1-bxkrwqzm]", "[email-", "SECRET", "SEC", " ", "word " * 60, "x" * 300]


@given(pieces=st.lists(st.sampled_from(PUT_BACK)), in_parts=st.booleans())
async def test_what_is_put_back_in_turns_is_what_is_put_back_at_once(pieces: list[str], in_parts: bool):
    text, originals = "".join(pieces), {"[email-1-bxkrwqzm]": "ada@lovelace.example SECRET " * 40}
    content = [{"type": "text", "text": text}] if in_parts else text
    answer = {"choices": [{"index": 0, "message": {"content": content}, "finish_reason": "stop"}]}
    rules = leaving("SECRET")
    at_once = RestoringLane(originals, rules, Budget()).feed(text, last=True)

    (restored,) = await Restoration(originals, rules).of_in_turns([answer], SystemClock())

    said = restored["choices"][0]["message"]["content"]
    assert (said[0]["text"] if in_parts else said) == at_once
