"""What leaves of the words of one that goes on with another's answer."""

import random

import pytest
from clusters import TEXT, running_cluster
from harness import base, specialist
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import DenyRule, Price, Timeouts, WatchPolicy
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.continuation.asking import Manner
from guardian_cluster.request.continuation.failing import UNCLEAR
from guardian_cluster.request.resumption import Resumption
from guardian_cluster.simulation import (
    Answer,
    ModelServer,
    Pace,
    Reset,
    Stall,
    StreamError,
)

SECRET = "sk-proj-" + "".join(random.Random(5).choices("abcdefghijkLMNOPQR0123456789", k=48))


async def test_both_attempts_are_recorded_with_where_they_met():
    async with ModelServer(TEXT, faults=Reset(3)) as broken, ModelServer(TEXT) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url))) as running:
            seen = await running.ask(stream=True, stream_options={"include_usage": True})

    first, second = seen.record.attempts
    assert (first.continues_at, second.continues_at is not None) == (None, True)
    facts = seen.chunks[-1]["guardian"]
    assert [attempt["continues_at"] for attempt in facts["attempts"]] == [None, second.continues_at]


async def test_the_caller_counts_one_answer_and_the_operator_pays_for_both():
    price = Price(input_usd=1_000, output_usd=1_000)
    async with ModelServer(TEXT, faults=Reset(3)) as broken, ModelServer(TEXT) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",), price=price)
        async with running_cluster(base(smart, specialist("backup", backup.url, price=price))) as running:
            seen = await running.ask(stream=True, stream_options={"include_usage": True})

    first, second = seen.record.attempts
    usage = seen.chunks[-1]["usage"]
    assert usage["prompt_tokens"] == first.input_tokens
    assert usage["completion_tokens"] == first.output_tokens + second.output_tokens
    assert seen.record.cost_usd == pytest.approx(first.cost_usd + second.cost_usd)


@settings(max_examples=25)
@given(st.integers(1, len(SECRET) - 1), st.integers(1, 9))
async def test_no_secret_passes_the_joint(cut: int, words: int):
    said = "one two three four five six seven eight nine ten "
    before = " ".join(said.split()[:words]) + " "
    async with (
        ModelServer(Answer(before + SECRET[:cut]), faults=StreamError(100)) as broken,
        ModelServer(Answer(SECRET[cut:] + " is the key")) as backup,
    ):
        smart = specialist("smart", broken.url, fallback=("backup",))
        serving = base(smart, specialist("backup", backup.url, continuation="prefill"))
        async with running_cluster(serving) as running:
            seen = await running.ask(stream=True)

    assert SECRET not in seen.text
    assert SECRET[:24] not in seen.text


async def test_what_was_redacted_is_not_continued():
    rules = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="redact"),))
    whole = "one two SECRET three four five six seven"
    async with ModelServer(whole, faults=Reset(3)) as broken, ModelServer(whole) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url), watch=rules)) as running:
            seen = await running.ask(stream=True)

    assert seen.code == "upstream_disconnected"
    assert backup.received == 0


async def test_tool_calls_are_not_continued():
    from guardian_cluster.simulation import ToolCall

    calling = Answer(
        "Let me see. I shall look that up for you now.", tool_calls=(ToolCall("look", '{"at": 1}'),)
    )
    async with ModelServer(calling, faults=Reset(7)) as broken, ModelServer(calling) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url))) as running:
            seen = await running.ask(stream=True)

    assert seen.code == "upstream_disconnected"
    assert backup.received == 0


@pytest.mark.parametrize(
    "fields",
    [{"n": 2}, {"logprobs": True}, {"response_format": {"type": "json_object"}}],
    ids=["choices", "logprobs", "json"],
)
async def test_what_is_no_plain_text_is_not_continued(fields: dict[str, object]):
    async with ModelServer('{"a": "one two three four five"}', faults=Reset(3)) as broken:
        async with ModelServer(TEXT) as backup:
            smart = specialist("smart", broken.url, fallback=("backup",))
            async with running_cluster(base(smart, specialist("backup", backup.url))) as running:
                seen = await running.ask(stream=True, **fields)

    assert seen.code == "upstream_disconnected"
    assert backup.received == 0


async def test_nobody_goes_on_inside_a_fence_but_a_silence_there_is_waited_out():
    code = "Here it is:\n```python\nprint(1)\nprint(2)\nprint(3)\n```\nThat is all."
    async with ModelServer(code, faults=Stall(5, 2.0)) as pausing, ModelServer(code) as backup:
        smart = specialist("smart", pausing.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url))) as running:
            seen = await running.ask(stream=True)

    assert (seen.text, backup.received) == (code, 0)


async def test_an_answer_that_breaks_off_again_and_again_ends_with_an_error():
    async with ModelServer(TEXT, faults=Reset(3)) as one, ModelServer(TEXT, faults=Reset(4)) as two:
        smart = specialist("smart", one.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", two.url))) as running:
            seen = await running.ask(stream=True)

    assert seen.code == "upstream_disconnected"
    assert TEXT.startswith(seen.text)
    assert 2 <= len(seen.record.attempts) <= 4


async def test_one_that_may_not_go_on_is_not_asked_to():
    async with ModelServer(TEXT, faults=Reset(3)) as broken, ModelServer(TEXT) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        serving = base(smart, specialist("backup", backup.url, continuation="off"), max_attempts=1)
        async with running_cluster(serving) as running:
            await running.ask(stream=True)

    assert backup.received == 0


@pytest.mark.parametrize(
    "delta",
    [
        {"content": [{"type": "text", "text": "eight nine "}]},
        {"refusal": "I will not say more."},
        {"tool_calls": [{"index": 0, "function": {"name": "look", "arguments": "{}"}}]},
        {"audio": {"id": "a", "data": "AAAA"}},
    ],
    ids=["parts", "refusal", "tool", "audio"],
)
@pytest.mark.parametrize("manner", ["prompt", "prefill"])
def test_what_are_no_words_is_an_error_and_not_left_out(delta: dict[str, object], manner: Manner):
    resumption = Resumption("one two three four ", manner)
    resumption.new_of([{"choices": [{"index": 0, "delta": {"content": "five six seven. Then comes "}}]}])

    with pytest.raises(AttemptFailed, match="not only words") as failed:
        resumption.new_of([{"choices": [{"index": 0, "delta": delta}]}])

    assert failed.value.code == UNCLEAR


async def test_one_that_refuses_to_go_on_has_not_answered():
    refusing = Answer(refusal="I will not say more.")
    async with ModelServer(TEXT, faults=Reset(3)) as broken, ModelServer(refusing) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url), max_attempts=2)) as running:
            seen = await running.ask(stream=True)

    assert seen.record.outcome == "error"
    assert seen.error is not None
    assert TEXT.startswith(seen.text)


async def test_what_was_found_before_the_joint_is_recorded_once():
    rules = WatchPolicy(deny=(DenyRule(name="house", text="two", action="observe"),))
    async with ModelServer(TEXT, faults=Reset(3)) as broken, ModelServer(TEXT) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url), watch=rules)) as running:
            seen = await running.ask(stream=True)

    assert (seen.text, len(seen.outcomes)) == (TEXT, 2)
    assert [verdict.rule for verdict in seen.record.verdicts] == ["house"]


async def test_what_is_found_behind_the_joint_is_recorded_too():
    rules = WatchPolicy(
        deny=(
            DenyRule(name="before", text="two", action="observe"),
            DenyRule(name="behind", text="six", action="observe"),
        )
    )
    async with ModelServer(TEXT, faults=Reset(3)) as broken, ModelServer(TEXT) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url), watch=rules)) as running:
            seen = await running.ask(stream=True)

    assert [verdict.rule for verdict in seen.record.verdicts] == ["before", "behind"]


async def test_the_question_of_one_that_goes_on_counts_what_was_said():
    words = " ".join(f"word{number}" for number in range(200)) + "."
    async with ModelServer(words, faults=Reset(100)) as one, ModelServer(words, faults=Reset(120)) as other:
        smart = specialist("smart", one.url, fallback=("next", "last"))
        async with ModelServer(words) as third:
            serving = base(smart, specialist("next", other.url), specialist("last", third.url))
            async with running_cluster(serving) as running:
                seen = await running.ask(stream=True)

    first, second, _ = seen.record.attempts
    said = second.continues_at or 0
    assert seen.text == words
    assert (said > 700, second.tokens_estimated) == (True, True)
    assert second.input_tokens == first.input_tokens + said // 4
    assert second.output_tokens < first.output_tokens


async def test_one_that_starts_again_is_not_taken_for_one_that_does_not_begin():
    words = " ".join(f"word{number}" for number in range(40)) + "."
    short, slow = Timeouts(first_token_s=0.25), Pace(0.0, 0.02)
    async with ModelServer(words, faults=Reset(30)) as broken, ModelServer(words, pace=slow) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url, timeouts=short))) as running:
            seen = await running.ask(stream=True)
            failures = running.cluster.load_balancer.health("backup/1").success.failures

    assert (seen.text, seen.error, failures) == (words, None, 0)
    assert [outcome for _, outcome, _ in seen.outcomes] == ["failed", "ok"]


async def test_what_one_that_goes_on_thought_is_left_out():
    thinking = Answer(TEXT, reasoning="let me think about what comes next")
    async with ModelServer(TEXT, faults=Reset(3)) as broken, ModelServer(thinking) as backup:
        smart = specialist("smart", broken.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", backup.url))) as running:
            seen = await running.ask(stream=True)

    deltas = [choice["delta"] for chunk in seen.chunks for choice in chunk.get("choices") or ()]
    assert (seen.text, seen.error) == (TEXT, None)
    assert not any("think" in str(delta) for delta in deltas)
    assert len(seen.outcomes) == 2


def test_thoughts_beside_words_are_left_out_too():
    resumption = Resumption("one two three four ", "prefill")
    delta = {"role": "assistant", "content": "five six seven. Then comes eight.", "reasoning_content": "hm"}

    new = resumption.new_of([{"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}])

    (choice,) = new[0]["choices"]
    assert choice["delta"] == {"content": "five six seven. Then comes eight."}


TITLE = "The three largest cities of the country are, in this order, Lisbon, Porto and Braga"


def end_after(words: str) -> None:
    resumption = Resumption(TITLE, "prompt")
    resumption.new_of([{"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": "stop"}]}])
    resumption.check_end()


def test_an_answer_is_complete_whose_last_words_alone_are_repeated():
    end_after(TITLE[-60:])


@pytest.mark.parametrize("words", ["", "Lisbon"])
def test_an_empty_answer_does_not_tell_that_the_one_before_was_complete(words: str):
    with pytest.raises(AttemptFailed) as caught:
        end_after(words)

    assert caught.value.code == UNCLEAR
