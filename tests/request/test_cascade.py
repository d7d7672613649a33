"""Who is asked after whom, which answer leaves, and what is recorded of the way there."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from assurance import DOUBTFUL, ScriptedAssurance
from clusters import Seen, running_cluster
from harness import base, specialist
from hypothesis import given, settings
from hypothesis import strategies as st
from teams import GatedServer, Given, Team, one_after_another, team

from guardian_cluster.contract.snapshot import DenyRule, Price, RoutingPolicy, WatchPolicy
from guardian_cluster.request.escalation import revised
from guardian_cluster.simulation import Answer, FalseUsage, ModelServer, Reset, Status

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
WRONG, RIGHT = "17 * 23 = 401. The answer is 401.", "17 * 23 = 391. The answer is 391."
FINDS_WRONG = {"401": 0.9}


def climbing(assurance: ScriptedAssurance, *said: Any, **settings: Any) -> AbstractAsyncContextManager[Team]:
    return team(one_after_another, assurance, *said, **settings)


async def climb(
    assurance: ScriptedAssurance, *said: Any, stream: bool = False, fields: Any = None, **settings: Any
) -> Given:
    async with climbing(assurance, *said, **settings) as running:
        return await running.ask(stream=stream, **(fields or {}))


def decisions(seen: Given) -> list[tuple[str, str]]:
    return [(each.specialist, each.decision) for each in seen.record.assessments]


@BOTH
async def test_an_answer_that_holds_is_given_and_nobody_else_is_asked(stream: bool):
    seen = await climb(ScriptedAssurance(FINDS_WRONG), RIGHT, "never", stream=stream)

    assert (seen.text, seen.record.specialist) == (RIGHT, "first")
    assert decisions(seen) == [("first", "accept")]
    assert seen.outcomes == [("first/1", "ok", None)]


@BOTH
async def test_an_answer_that_is_likely_wrong_never_leaves_where_somebody_else_can_be_asked(stream: bool):
    seen = await climb(ScriptedAssurance(FINDS_WRONG), WRONG, RIGHT, stream=stream)

    assert (seen.text, seen.record.specialist) == (RIGHT, "second")
    assert seen.outcomes == [("first/1", "ok", None), ("second/1", "ok", None)]
    assert decisions(seen)[0] == ("first", "escalate")
    assert [each.p_wrong for each in seen.record.assessments] == [0.9, 0.05]


@BOTH
async def test_an_answer_keeps_one_identity_whoever_gives_it(stream: bool):
    seen = await climb(ScriptedAssurance(FINDS_WRONG), WRONG, RIGHT, stream=stream)

    assert len({(chunk["id"], chunk["created"]) for chunk in seen.chunks}) == 1
    assert {chunk["model"] for chunk in seen.chunks} == {"auto"}


async def test_a_second_opinion_that_agrees_ends_the_search():
    assurance = ScriptedAssurance(FINDS_WRONG, second_opinion=True)
    seen = await climb(assurance, WRONG, WRONG, RIGHT)

    assert decisions(seen) == [("first", "second_opinion"), ("second", "accept")]
    assert [each.agreed for each in seen.record.assessments] == [None, True]
    assert (seen.text, seen.record.specialist) == (WRONG, "second")


async def test_of_two_answers_that_disagree_neither_is_taken_for_right():
    assurance = ScriptedAssurance({"401": 0.6, "402": 0.6}, second_opinion=True)
    seen = await climb(assurance, WRONG, "It is 402.", RIGHT)

    assert [asked.p_wrong for asked in assurance.asked] == [0.6, revised(0.6, 0.4, agreed=False)]
    assert [each.agreed for each in seen.record.assessments] == [None, False, False]
    assert (seen.text, seen.record.specialist) == (RIGHT, "third")


async def test_where_agreement_cannot_be_told_the_answer_is_judged_alone():
    assurance = ScriptedAssurance({"401": 0.9, "402": 0.1}, agreeing=lambda one, other: None)
    seen = await climb(assurance, WRONG, "It is 402.", RIGHT)

    assert [asked.p_wrong for asked in assurance.asked] == [0.9, 0.1]
    assert (seen.text, seen.record.specialist) == ("It is 402.", "second")


@BOTH
@pytest.mark.parametrize("fault", [Status(500), Status(401), Reset("headers")], ids=["500", "401", "reset"])
async def test_when_the_one_asked_second_fails_the_first_answer_stands(stream: bool, fault: Any):
    second = ModelServer(RIGHT, faults=fault)
    seen = await climb(ScriptedAssurance(FINDS_WRONG), WRONG, second, stream=stream)

    assert (seen.text, seen.error) == (WRONG, None)
    record = seen.record
    assert (record.specialist, record.outcome, record.status) == ("first", "ok", 200)
    assert {attempt.outcome for attempt in record.attempts if attempt.specialist == "second"} == {"failed"}
    assert decisions(seen) == [("first", "escalate")]


@BOTH
async def test_where_nobody_else_could_be_asked_an_answer_is_only_glanced_at(stream: bool):
    assurance = ScriptedAssurance(FINDS_WRONG)
    seen = await climb(assurance, WRONG, stream=stream)

    assert (seen.text, seen.error) == (WRONG, None)
    assert (seen.record.assessments, seen.record.quality) == ((), 1.0)
    assert assurance.asked == []


async def test_only_one_is_asked_where_no_more_are_allowed():
    routing = RoutingPolicy(max_asked=1)
    seen = await climb(ScriptedAssurance(FINDS_WRONG), WRONG, RIGHT, routing=routing)

    assert (seen.text, len(seen.record.attempts)) == (WRONG, 1)


async def test_no_more_are_asked_than_allowed():
    routing = RoutingPolicy(max_asked=2)
    seen = await climb(ScriptedAssurance({"It": 0.9}), "It is 1.", "It is 2.", "It is 3.", routing=routing)

    assert len(seen.record.attempts) <= 2
    assert "third" not in {attempt.specialist for attempt in seen.record.attempts}


async def test_what_is_left_to_spend_is_the_ceiling_less_what_was_spent():
    assurance = ScriptedAssurance(FINDS_WRONG)
    first = ModelServer(WRONG, faults=FalseUsage(40, 30))
    price = Price(input_usd=100.0, output_usd=1_000.0)
    await climb(assurance, first, RIGHT, ceiling_usd=0.05, price=price)

    assert assurance.asked[0].left_usd == pytest.approx(0.05 - (40 * 100 + 30 * 1_000) / 1e6)


async def test_without_a_ceiling_any_amount_is_left():
    assurance = ScriptedAssurance(FINDS_WRONG)
    await climb(assurance, WRONG, RIGHT)

    assert assurance.asked[0].left_usd is None


async def test_an_answer_is_given_as_it_is_where_no_money_is_left():
    price = Price(output_usd=1_000.0)
    assurance = ScriptedAssurance(FINDS_WRONG, price_usd=0.02)
    first = ModelServer(WRONG, faults=FalseUsage(40, 30))
    seen = await climb(assurance, first, RIGHT, ceiling_usd=0.049, price=price)

    assert (seen.text, decisions(seen)) == (WRONG, [("first", "accept")])


@pytest.mark.parametrize(
    ("cascade", "is_checkable", "is_held"),
    [
        ("off", True, False),
        ("checkable", True, True),
        ("checkable", False, False),
        ("always", False, True),
    ],
)
async def test_a_stream_is_held_where_the_operator_and_its_question_say_so(
    cascade: Any, is_checkable: bool, is_held: bool
):
    assurance = ScriptedAssurance(FINDS_WRONG, is_checkable=is_checkable)
    routing = RoutingPolicy(cascade=cascade)
    seen = await climb(assurance, WRONG, RIGHT, stream=True, routing=routing)

    assert seen.text == (RIGHT if is_held else WRONG)
    assert decisions(seen)[0] == ("first", "escalate" if is_held else "too_late")


@pytest.mark.parametrize(("cascade", "text"), [("off", WRONG), ("checkable", RIGHT), ("always", RIGHT)])
async def test_a_whole_answer_is_checked_unless_that_is_off(cascade: Any, text: str):
    assurance = ScriptedAssurance(FINDS_WRONG, is_checkable=False)
    seen = await climb(assurance, WRONG, RIGHT, routing=RoutingPolicy(cascade=cascade))

    assert seen.text == text


@pytest.mark.parametrize("fields", [{"n": 2}, {"tools": [{"type": "function", "function": {"name": "f"}}]}])
async def test_what_is_no_single_text_is_not_checked(fields: Any):
    assurance = ScriptedAssurance({"": 0.9})
    seen = await climb(assurance, WRONG, RIGHT, fields=fields)

    assert (seen.record.assessments, assurance.assessed) == ((), [])
    assert (seen.error, seen.record.specialist) == (None, "first")


@BOTH
async def test_a_request_that_is_cancelled_while_its_answer_is_held_leaves_nothing(stream: bool):
    second, given = GatedServer(RIGHT), Given()
    async with climbing(ScriptedAssurance(FINDS_WRONG), WRONG, second) as running:
        asking = asyncio.create_task(running.ask(stream=stream, given=given))
        await second.until(lambda: second.waiting == 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await second.until(lambda: second.left == 1)

    assert (given.chunks, given.record.outcome) == ([], "cancelled")
    assert [(each.specialist, each.outcome) for each in given.record.attempts] == [
        ("first", "ok"),
        ("second", "cancelled"),
    ]


async def test_the_answer_that_leaves_is_the_one_least_likely_wrong():
    unlike = ScriptedAssurance({"401": 0.4, "402": 0.9}, agreeing=lambda one, other: None)
    seen = await climb(unlike, WRONG, "It is 402.")

    assert (seen.text, seen.record.specialist) == (WRONG, "first")
    assert [each.p_wrong for each in seen.record.assessments] == [0.4, 0.9]


@given(chances=st.lists(st.sampled_from([0.4, 0.5, 0.8]), min_size=2, max_size=2))
@settings(max_examples=9)
async def test_of_equals_the_last_leaves(chances: list[float]):
    assurance = ScriptedAssurance({"one": chances[0], "two": chances[1]}, agreeing=lambda one, other: None)
    seen = await climb(assurance, "one", "two")

    assert min(chances) > DOUBTFUL
    assert seen.text == ("one" if chances[0] < chances[1] else "two")


@BOTH
async def test_all_attempts_are_paid_for_and_the_usage_shown_is_the_answers_alone(stream: bool):
    first, second = ModelServer(WRONG, faults=FalseUsage(40, 30)), ModelServer(RIGHT, faults=FalseUsage(7, 5))
    options = {"stream_options": {"include_usage": True}} if stream else {}
    price = Price(input_usd=100.0, output_usd=1_000.0)
    seen = await climb(
        ScriptedAssurance(FINDS_WRONG), first, second, stream=stream, fields=options, price=price
    )

    record, shown = seen.record, seen.chunks[-1]["usage"]
    assert (record.input_tokens, record.output_tokens) == (47, 35)
    assert record.cost_usd == pytest.approx((47 * 100 + 35 * 1_000) / 1e6)
    assert (shown["prompt_tokens"], shown["completion_tokens"]) == (7, 5)


async def test_an_answer_that_was_thrown_away_is_paid_for_too():
    first, second = (
        ModelServer("It is 401.", faults=FalseUsage(7, 5)),
        ModelServer("402", faults=FalseUsage(2, 3)),
    )
    seen = await climb(
        ScriptedAssurance({"401": 0.5, "402": 0.9}), first, second, price=Price(output_usd=1e6)
    )

    assert (seen.text, seen.record.cost_usd) == ("It is 401.", pytest.approx(8.0))
    assert seen.chunks[0]["usage"]["completion_tokens"] == 5


@BOTH
async def test_when_the_first_one_fails_there_is_no_answer_and_the_status_says_so(stream: bool):
    seen = await climb(ScriptedAssurance(), ModelServer(faults=Reset("headers")), stream=stream)

    assert (seen.chunks, seen.record.outcome, seen.record.status) == ([], "error", 502)
    assert seen.record.assessments == ()


@pytest.mark.parametrize("pieces", [0, 2])
async def test_a_stream_that_breaks_off_when_asked_second_leaves_the_first_answer(pieces: int):
    second = ModelServer(RIGHT, faults=Reset(pieces))
    seen = await climb(ScriptedAssurance(FINDS_WRONG), WRONG, second, stream=True)

    assert (seen.text, seen.record.outcome, seen.record.status) == (WRONG, "ok", 200)
    assert seen.chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_a_held_stream_that_breaks_off_is_no_answer():
    first = ModelServer(WRONG, faults=Reset(2))
    seen = await climb(ScriptedAssurance(FINDS_WRONG), first, RIGHT, stream=True)

    assert (seen.text, seen.outcomes[-1]) == (RIGHT, ("second/1", "ok", None))
    assert seen.record.attempts[0].outcome == "failed"


@BOTH
async def test_an_answer_that_a_watcher_cut_is_recorded_as_cut_also_when_it_was_held(stream: bool):
    watch = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="cut"),))
    seen = await climb(ScriptedAssurance(), "one two SECRET three", RIGHT, stream=stream, watch=watch)

    assert (seen.text, seen.record.outcome, seen.record.finish_reason) == (
        "one two ",
        "cut",
        "content_filter",
    )


async def test_what_the_checks_say_is_in_the_record_of_the_answer_that_left():
    seen = await climb(ScriptedAssurance({"401": 0.9}, quality=0.4, failed=("arithmetic",)), WRONG, RIGHT)

    assert (seen.record.quality, seen.record.intent_alignment) == (0.4, 0.5)
    assert seen.record.assessments[0].failed == ("arithmetic",)


PAID = Price(input_usd=10.0, output_usd=10.0)


async def answered(
    weak: Any, strong: Any, question: str = "What is 17 * 23?", *, stream: bool = False, **fields: Any
) -> Seen:
    """Ask a weak specialist that costs hardly anything, above which is a strong one."""
    async with ModelServer(weak) as one, ModelServer(strong) as two:
        members = [specialist("weak", one.url), specialist("strong", two.url, tier=4, price=PAID)]
        async with running_cluster(base(*members)) as running:
            messages = [{"role": "user", "content": question}]
            return await running.ask(stream=stream, model="auto", messages=messages, **fields)


@BOTH
async def test_a_sum_that_does_not_hold_is_mended_by_somebody_stronger(stream: bool):
    seen = await answered(WRONG, RIGHT, stream=stream)

    assert (seen.text, seen.record.specialist) == (RIGHT, "strong")
    weak, strong = seen.record.assessments
    assert weak.p_wrong > 0.5 > strong.p_wrong
    assert "arithmetic" in weak.failed


@BOTH
async def test_a_sum_that_holds_is_left_as_it_is(stream: bool):
    seen = await answered(RIGHT, "never", stream=stream)

    assert (seen.text, seen.record.specialist, len(seen.record.attempts)) == (RIGHT, "weak", 1)
    assert seen.record.assessments[0].failed == ()


async def test_an_answer_that_ends_in_mid_sentence_is_mended_by_somebody_stronger():
    cut = Answer("17 * 23 is the same as 17 * 20 and 17 *", finish_reason="length")
    seen = await answered(cut, RIGHT)

    assert (seen.text, seen.record.specialist) == (RIGHT, "strong")
    assert "truncation" in seen.record.assessments[0].failed


async def test_broken_json_never_leaves_where_json_was_asked_for():
    wanted = {"type": "json_object"}
    seen = await answered(Answer('{"product": 39'), Answer('{"product": 391}'), response_format=wanted)

    assert (seen.text, seen.record.specialist) == ('{"product": 391}', "strong")


@BOTH
async def test_an_answer_that_cites_what_was_not_given_is_doubted(stream: bool):
    given = "Answer from these passages:\n[1] Leave is thirty days a year.\n[2] The office has a dog."
    question = f"{given}\n\nHow long is leave?"
    seen = await answered("Leave is forty days [7].", "Leave is thirty days [1].", question, stream=stream)

    assert [each.failed for each in seen.record.assessments] == [("citations",), ()]
    assert seen.text == "Leave is thirty days [1]."
