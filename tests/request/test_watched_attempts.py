"""What the attempt engine does with what a watcher finds."""

from contextlib import aclosing
from typing import Any

import pytest
from clusters import TEXT, Seen, running_cluster
from harness import base, specialist

from guardian_cluster.contract.snapshot import DenyRule, Tenant, WatchPolicy
from guardian_cluster.domain.errors import AnswerBlocked
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.simulation import Answer, Empty, ModelServer, Script, Status, StreamError, ToolCall

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "s", "schema": {"type": "object", "required": ["city"]}},
}
LEAK = "one two SECRET three four"


def policy(action: Any = "redact", **settings: Any) -> WatchPolicy:
    return WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action=action),), **settings)


async def watched(
    said: Script | Answer | str,
    watch: WatchPolicy,
    *,
    stream: bool,
    backup: Script | Answer | str = TEXT,
    **fields: Any,
) -> Seen:
    async with ModelServer(said) as one, ModelServer(backup) as two:
        smart = specialist("smart", one.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", two.url), watch=watch)) as running:
            return await running.ask(stream=stream, **fields)


@BOTH
async def test_what_is_redacted_is_answered_all_the_same(stream: bool):
    seen = await watched(LEAK, policy("redact"), stream=stream)

    assert "SECRET" not in seen.text
    assert seen.text.startswith("one two ")
    assert seen.text.endswith(" three four")
    assert (seen.record.outcome, [verdict.rule for verdict in seen.record.verdicts]) == ("ok", ["house"])


@BOTH
async def test_a_long_answer_is_watched_as_a_short_one(stream: bool):
    told = Answer("word " * 5_000 + LEAK + " word" * 5_000)

    seen = await watched(told, policy("redact"), stream=stream)

    assert seen.text == told.text.replace("SECRET", "[redacted:house]")
    positions = [verdict.position for verdict in seen.record.verdicts if verdict.rule == "house"]
    assert positions == [5 * 5_000 + len("one two ")]


@BOTH
async def test_what_is_cut_ends_in_good_order_and_says_why(stream: bool):
    seen = await watched(LEAK, policy("cut"), stream=stream)

    assert (seen.text, seen.error) == ("one two ", None)
    assert (seen.record.outcome, seen.record.finish_reason) == ("cut", "content_filter")
    assert seen.outcomes == [("smart/1", "cut", None)]


async def test_a_cut_ends_the_request_at_the_endpoint():
    async with ModelServer(LEAK + " and so on" * 10_000) as server:
        async with running_cluster(base(specialist("smart", server.url), watch=policy("cut"))) as running:
            await running.ask(stream=True)
            await server.until(lambda: server.cancelled == 1)


@BOTH
async def test_a_retry_is_answered_from_elsewhere_while_nothing_is_out(stream: bool):
    seen = await watched("SECRET at once", policy("retry"), stream=stream)

    assert (seen.text, seen.error) == (TEXT, None)
    assert seen.outcomes == [("smart/1", "failed", "answer_blocked"), ("backup/1", "ok", None)]
    assert [(verdict.rule, verdict.action) for verdict in seen.record.verdicts] == [("house", "retry")]


async def test_a_retry_after_content_is_continued_elsewhere():
    seen = await watched(LEAK, policy("retry"), stream=True)

    assert (seen.text, seen.error, seen.record.finish_reason) == (TEXT, None, "stop")
    assert seen.outcomes == [("smart/1", "failed", "answer_blocked"), ("backup/1", "ok", None)]


async def test_a_retry_after_content_ends_the_stream_as_cut_where_nobody_can_go_on():
    seen = await watched(LEAK, policy("retry"), stream=True, backup=LEAK)

    assert "SECRET" not in seen.text
    assert seen.text.startswith("one two")
    assert (seen.record.outcome, seen.record.finish_reason) == ("cut", "content_filter")


@BOTH
async def test_an_answer_that_everybody_breaks_is_withheld(stream: bool):
    seen = await watched("SECRET", policy("retry"), stream=stream, backup="SECRET too")

    assert isinstance(seen.error, AnswerBlocked)
    assert (seen.error.http_status, seen.error.code) == (400, "answer_blocked")
    assert "SECRET" not in seen.error.message
    assert seen.chunks == []


@BOTH
async def test_a_withheld_answer_is_no_fault_of_its_endpoint(stream: bool):
    async with ModelServer("SECRET") as server:
        async with running_cluster(base(specialist("smart", server.url), watch=policy("retry"))) as running:
            await running.ask(stream=stream)

            assert running.cluster.load_balancer.health("smart/1").success.failures == 0


@BOTH
async def test_an_empty_answer_may_be_let_through(stream: bool):
    async with ModelServer(faults=Empty()) as server:
        async with running_cluster(
            base(specialist("smart", server.url), watch=WatchPolicy(on_empty="observe"))
        ) as running:
            seen = await running.ask(stream=stream)

    assert (seen.text, seen.error) == ("", None)
    assert [verdict.rule for verdict in seen.record.verdicts] == ["empty"]


@BOTH
async def test_empty_answers_from_everybody_are_an_error(stream: bool):
    async with ModelServer(faults=Empty()) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=stream)

    assert (seen.code, server.received) == ("upstream_empty", 3)
    assert seen.error is not None
    assert seen.error.http_status == 502


@BOTH
async def test_a_tool_call_is_no_empty_answer(stream: bool):
    seen = await watched(Answer(tool_calls=(ToolCall("f", '{"a": 1}'),)), WatchPolicy(), stream=stream)

    assert (seen.error, seen.outcomes) == (None, [("smart/1", "ok", None)])


async def test_a_whole_answer_that_breaks_its_schema_is_answered_from_elsewhere():
    seen = await watched(
        Answer('{"town": 1}'),
        WatchPolicy(),
        stream=False,
        backup=Answer('{"city": "Bern"}'),
        response_format=SCHEMA,
    )

    assert seen.text == '{"city": "Bern"}'
    assert [attempt.endpoint for attempt in seen.record.attempts] == ["smart/1", "backup/1"]


async def test_what_was_found_before_an_attempt_broke_off_is_recorded():
    async with ModelServer(LEAK + TEXT, faults=StreamError(6)) as server:
        async with running_cluster(base(specialist("smart", server.url), watch=policy())) as running:
            seen = await running.ask(stream=True)

    assert (seen.code, "[redacted:house]" in seen.text) == ("upstream_error", True)
    assert [(verdict.rule, verdict.action) for verdict in seen.record.verdicts] == [("house", "redact")]


async def test_what_was_found_before_a_caller_left_is_recorded():
    async with ModelServer(LEAK + " and so on" * 10_000) as server:
        async with running_cluster(base(specialist("smart", server.url), watch=policy())) as running:
            body = {"model": "smart", "messages": [{"role": "user", "content": "hi"}]}
            async with aclosing(running.cluster.stream_request(UserRequest(body=body))) as chunks:
                async for chunk in chunks:
                    if "[redacted:house]" in str(chunk):
                        break
            record = await running.collected.request()

    assert (record.outcome, [verdict.rule for verdict in record.verdicts]) == ("cancelled", ["house"])


async def test_what_only_the_end_of_a_stream_shows_is_observed():
    seen = await watched(Answer('{"town": 1}'), WatchPolicy(), stream=True, response_format=SCHEMA)

    assert (seen.text, seen.error) == ('{"town": 1}', None)
    assert seen.outcomes == [("smart/1", "ok", None)]
    assert [(verdict.rule, verdict.action) for verdict in seen.record.verdicts] == [
        ("format-schema", "observe")
    ]


async def test_a_whole_answer_is_withheld_for_what_its_end_shows():
    seen = await watched(Answer('{"town": 1}'), WatchPolicy(), stream=False, response_format=SCHEMA)

    assert [(verdict.rule, verdict.action) for verdict in seen.record.verdicts][:1] == [
        ("format-schema", "retry")
    ]


async def test_a_loop_for_which_an_answer_was_withheld_is_recorded():
    seen = await watched("well " * 200, WatchPolicy(on_repetition="retry"), stream=False)

    assert (seen.text, seen.error) == (TEXT, None)
    assert [(verdict.rule, verdict.action) for verdict in seen.record.verdicts] == [("repetition", "retry")]


async def test_a_loop_that_was_cut_for_a_retry_is_recorded_with_what_was_done():
    seen = await watched("well " * 200, WatchPolicy(on_repetition="retry"), stream=True, backup="well " * 200)

    assert seen.record.outcome == "cut"
    assert [(verdict.rule, verdict.action) for verdict in seen.record.verdicts] == [("repetition", "retry")]


async def test_a_tenants_own_policy_counts():
    async with ModelServer(LEAK) as server:
        tenants = [Tenant(name="strict", watch=policy("cut"))]
        async with running_cluster(base(specialist("smart", server.url), tenants=tenants)) as running:
            body = {"model": "smart", "messages": [{"role": "user", "content": "hi"}]}
            strict = await running.cluster.process_request(UserRequest(body=body, tenant="strict"))
            other = await running.cluster.process_request(UserRequest(body=body))

    assert (strict.text, other.text) == ("one two ", LEAK)


@BOTH
@pytest.mark.parametrize("fault", [Status(400, "no SECRET here"), Status(500, "no SECRET here")])
async def test_the_words_of_an_endpoints_error_are_watched(fault: Any, stream: bool):
    async with ModelServer(faults=fault) as server:
        async with running_cluster(
            base(specialist("smart", server.url), watch=policy(), max_attempts=1)
        ) as running:
            seen = await running.ask(stream=stream)

    assert seen.error is not None
    assert "SECRET" not in str(seen.error.body())
    assert "here" in str(seen.error.body())


async def test_the_words_of_an_error_within_a_stream_are_watched():
    async with ModelServer(TEXT, faults=StreamError(2, "no SECRET here", code="SECRET")) as server:
        async with running_cluster(base(specialist("smart", server.url), watch=policy())) as running:
            seen = await running.ask(stream=True)

    assert seen.error is not None
    assert "SECRET" not in str(seen.error.body())
