"""What becomes of a request when endpoints fail, streamed and whole alike."""

import asyncio
from typing import Any

import pytest
from clusters import TEXT, RunningCluster, Seen, running_cluster
from harness import QUICK, base, specialist

from guardian_cluster.contract.snapshot import Price, Timeouts
from guardian_cluster.request.balancing.plan import Candidate, Demand
from guardian_cluster.simulation import (
    NAMED_FAULTS,
    BreakOff,
    CleanCut,
    Drip,
    Empty,
    Fault,
    Hang,
    Malformed,
    ModelServer,
    NoDone,
    NoFinish,
    Raw,
    Reset,
    Schedule,
    Status,
    StreamError,
    TruncatedText,
    first,
)

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

BEFORE_CONTENT = {
    "refuse": "upstream_unreachable",
    "tls-failure": "upstream_disconnected",
    "reset-before-headers": "upstream_disconnected",
    "reset-after-headers": "upstream_disconnected",
    "rate-limited": "upstream_rate_limited",
    "rate-limited-retry-after": "upstream_rate_limited",
    "server-error": "upstream_error",
    "server-error-burst": "upstream_error",
    "bad-gateway-page": "upstream_error",
    "unauthorized": "upstream_credentials_rejected",
    "not-found": "upstream_not_found",
    "malformed-json": "upstream_malformed",
    "soft-error": "upstream_error",
    "empty": "upstream_empty",
}
AFTER_CONTENT = {
    "reset-mid-stream": "upstream_disconnected",
    "malformed-mid-stream": "upstream_malformed",
    "truncated-utf8": "upstream_malformed",
    "half-body": "upstream_disconnected",
    "clean-cut": "upstream_incomplete",
    "stream-error": "upstream_error",
}
HARMLESS = ["degraded-5x", "flapping", "no-done", "repetition"]
HANGING = ["hang-before-headers", "hang-after-headers", "slow-drip"]


def patience_for(fault: Fault | Schedule) -> Timeouts:
    """Return short limits where a fault is one of time, else such that no busy machine meets them."""
    return QUICK if isinstance(fault, Hang | Drip) else Timeouts()


async def with_a_backup(
    fault: Fault | Schedule, *, stream: bool, said: str = TEXT, continuation: str = "prompt", **fields: Any
) -> Seen:
    """Ask a specialist whose only endpoint has the fault, and which has a healthy stand-in."""
    facts: dict[str, Any] = {"timeouts": patience_for(fault), "continuation": continuation}
    async with ModelServer(said, faults=fault) as faulty, ModelServer(said) as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",), **facts)
        async with running_cluster(base(smart, specialist("backup", healthy.url))) as running:
            return await running.ask(stream=stream, **fields)


async def alone(fault: Fault | Schedule, *, stream: bool, said: str = TEXT, **facts: Any) -> Seen:
    """Ask a specialist whose only endpoint has the fault."""
    async with ModelServer(said, faults=fault) as faulty:
        smart = specialist("smart", faulty.url, **{"timeouts": patience_for(fault), **facts})
        async with running_cluster(base(smart, max_attempts=1)) as running:
            return await running.ask(stream=stream)


def assert_healed(seen: Seen, code: str) -> None:
    assert (seen.text, seen.error) == (TEXT, None)
    assert seen.outcomes == [("smart/1", "failed", code), ("backup/1", "ok", None)]
    assert (seen.record.outcome, seen.record.specialist, seen.record.status) == ("ok", "backup", 200)


@BOTH
@pytest.mark.parametrize("name", BEFORE_CONTENT)
async def test_a_fault_before_content_is_answered_from_elsewhere(name: str, stream: bool):
    assert_healed(await with_a_backup(NAMED_FAULTS[name], stream=stream), BEFORE_CONTENT[name])


@pytest.mark.parametrize("name", AFTER_CONTENT)
async def test_a_whole_answer_that_breaks_anywhere_is_answered_from_elsewhere(name: str):
    assert_healed(await with_a_backup(NAMED_FAULTS[name], stream=False), AFTER_CONTENT[name])


@pytest.mark.parametrize("name", HANGING)
async def test_a_stream_that_does_not_begin_is_answered_from_elsewhere(name: str):
    assert_healed(await with_a_backup(NAMED_FAULTS[name], stream=True), "upstream_timeout")


async def test_a_stream_that_is_called_something_else_is_answered_from_elsewhere():
    assert_healed(await with_a_backup(NAMED_FAULTS["wrong-content-type"], stream=True), "upstream_malformed")


@pytest.mark.parametrize("name", AFTER_CONTENT)
async def test_a_stream_that_breaks_off_is_continued_elsewhere(name: str):
    seen = await with_a_backup(NAMED_FAULTS[name], stream=True)

    assert_healed(seen, AFTER_CONTENT[name])
    continued_at = seen.record.attempts[1].continues_at
    assert continued_at is not None
    assert 0 < continued_at < len(TEXT)
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in seen.chunks}) == 1


async def test_a_stream_that_falls_silent_is_continued_elsewhere():
    assert_healed(await with_a_backup(NAMED_FAULTS["hang-mid-stream"], stream=True), "upstream_timeout")


@pytest.mark.parametrize("name", AFTER_CONTENT)
async def test_a_fault_after_content_ends_the_stream_with_an_error_where_nobody_may_go_on(name: str):
    seen = await with_a_backup(NAMED_FAULTS[name], stream=True, continuation="off")

    assert seen.code == AFTER_CONTENT[name]
    assert TEXT.startswith(seen.text)
    assert 0 < len(seen.text) < len(TEXT)
    assert seen.outcomes == [("smart/1", "failed", AFTER_CONTENT[name])]
    assert (seen.record.outcome, seen.record.error) == ("error", AFTER_CONTENT[name])


async def test_a_stream_that_falls_silent_ends_with_an_error_where_nobody_may_go_on():
    seen = await with_a_backup(NAMED_FAULTS["hang-mid-stream"], stream=True, continuation="off")

    assert (seen.code, seen.text) == ("upstream_timeout", TEXT[:24])
    assert seen.error is not None
    assert seen.error.http_status == 504


@BOTH
@pytest.mark.parametrize("name", HARMLESS)
async def test_what_is_complete_is_answered_at_the_first_attempt(name: str, stream: bool):
    seen = await with_a_backup(NAMED_FAULTS[name], stream=stream)

    assert seen.text.startswith(TEXT)
    assert seen.outcomes == [("smart/1", "ok", None)]


async def test_a_finish_reason_without_done_is_complete():
    seen = await alone(NoDone(), stream=True)

    assert (seen.text, seen.error, seen.record.finish_reason) == (TEXT, None, "stop")


@pytest.mark.parametrize("place", ["headers", 0, 1, 5, 99])
async def test_an_end_in_good_order_without_a_finish_reason_is_an_error(place: Any):
    seen = await alone(CleanCut(place), stream=True)

    assert seen.code == "upstream_incomplete"
    assert TEXT.startswith(seen.text)


async def test_done_without_a_finish_reason_is_an_error():
    assert (await alone(NoFinish(), stream=True)).code == "upstream_incomplete"


async def test_a_whole_answer_without_a_finish_reason_is_an_error():
    assert (await alone(CleanCut(1), stream=False)).code == "upstream_incomplete"


async def test_an_empty_finish_reason_is_none():
    chunk = '{"choices": [{"index": 0, "delta": {"content": "%s"}, "finish_reason": "%s"}]}'
    said = [("one ", ""), ("two", ""), ("", "stop")]
    body = "".join(f"data: {chunk % part}\n\n" for part in said) + "data: [DONE]\n\n"
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"

    seen = await alone(Raw((head + body).encode()), stream=True)

    assert (seen.text, seen.error, seen.record.finish_reason) == ("one two", None, "stop")


@BOTH
async def test_the_answers_identity_is_constant_whoever_answers(stream: bool):
    seen = await with_a_backup(Reset("headers"), stream=stream, stream_options={"include_usage": True})

    assert len({(chunk["id"], chunk["created"]) for chunk in seen.chunks}) == 1
    assert {chunk["model"] for chunk in seen.chunks} == {"smart"}


@BOTH
async def test_attempts_are_bounded(stream: bool):
    async with ModelServer(faults=Status(500)) as server:
        smart = specialist("smart", server.url)
        async with running_cluster(base(smart, max_attempts=3)) as running:
            seen = await running.ask(stream=stream)

    assert (server.received, len(seen.record.attempts)) == (3, 3)
    assert seen.error is not None
    assert (seen.error.http_status, seen.error.should_retry) == (500, False)


@BOTH
async def test_one_attempt_leaves_retrying_to_the_client(stream: bool):
    seen = await alone(Status(500), stream=stream)

    assert seen.error is not None
    assert seen.error.should_retry is None


@BOTH
@pytest.mark.parametrize(("status", "seen_as"), [(401, 502), (403, 502), (404, 502), (418, 400), (500, 500)])
async def test_statuses_of_endpoints_become_the_callers(status: int, seen_as: int, stream: bool):
    seen = await alone(Status(status), stream=stream)

    assert seen.error is not None
    assert seen.error.http_status == {418: 502}.get(status, seen_as)
    assert seen.record.status == seen.error.http_status


@BOTH
@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_the_caller_did_wrong_is_asked_once(status: int, stream: bool):
    seen = await with_a_backup(Status(status, code="context_length_exceeded"), stream=stream)

    assert seen.error is not None
    assert (seen.error.http_status, len(seen.record.attempts)) == (status, 1)
    assert seen.error.body()["error"]["code"] == "context_length_exceeded"


@BOTH
async def test_the_same_endpoint_is_asked_again_after_a_pause(stream: bool):
    async with ModelServer(TEXT, faults=first(1, Status(503))) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=stream)

    attempts_ms = sum(attempt.duration_ms for attempt in seen.record.attempts)
    assert seen.outcomes == [("smart/1", "failed", "upstream_error"), ("smart/1", "ok", None)]
    assert seen.record.duration_ms - attempts_ms >= 24  # half of the first pause


@BOTH
@pytest.mark.parametrize("status", [302, 402, 405, 410, 451])
async def test_what_only_the_operator_can_mend_is_answered_from_elsewhere(status: int, stream: bool):
    seen = await with_a_backup(Status(status), stream=stream)

    assert (seen.text, seen.error) == (TEXT, None)
    assert [(attempt.endpoint, attempt.outcome) for attempt in seen.record.attempts] == [
        ("smart/1", "failed"),
        ("backup/1", "ok"),
    ]


@BOTH
@pytest.mark.parametrize("status", [302, 400, 401, 402, 404, 405, 413, 422])
async def test_what_a_repetition_cannot_mend_is_asked_once_and_says_so(status: int, stream: bool):
    async with ModelServer(faults=Status(status)) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=stream)

    assert seen.error is not None
    assert (server.received, seen.error.should_retry) == (1, False)


@BOTH
async def test_a_429_is_the_clients_to_wait_for(stream: bool):
    seen = await alone(Status(429), stream=stream)

    assert seen.error is not None
    assert (seen.error.http_status, seen.error.should_retry) == (429, None)


async def test_a_model_that_falls_silent_is_a_timeout_by_its_type_too():
    seen = await alone(NAMED_FAULTS["hang-mid-stream"], stream=True)

    assert seen.error is not None
    assert (seen.error.http_status, seen.error.body()["error"]["type"]) == (504, "timeout")


@BOTH
async def test_another_endpoint_is_asked_at_once(stream: bool):
    seen = await with_a_backup(Status(503, retry_after="2"), stream=stream)

    assert seen.text == TEXT
    assert seen.record.duration_ms < 1_000


@BOTH
async def test_the_pause_an_endpoint_asks_for_is_kept(stream: bool):
    async with ModelServer(
        TEXT, faults=first(1, Status(429, headers=(("retry-after-ms", "150"),)))
    ) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=stream)

    assert seen.text == TEXT
    assert seen.record.duration_ms >= 150


@BOTH
async def test_a_pause_between_attempts_is_no_overhead(stream: bool):
    pause = Status(503, headers=(("retry-after-ms", "600"),))
    async with ModelServer(TEXT, faults=first(1, pause)) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=stream)

    assert seen.record.duration_ms >= 600
    assert seen.record.overhead_ms < 400


@BOTH
async def test_a_long_pause_is_left_to_the_client(stream: bool):
    async with ModelServer(TEXT, faults=Status(429, retry_after="30")) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=stream)

    assert server.received == 1
    assert seen.error is not None
    assert (seen.error.http_status, seen.error.retry_after_s, seen.error.should_retry) == (429, 30.0, None)


async def test_failed_endpoints_of_a_specialist_are_not_asked_twice_while_others_wait():
    async with ModelServer(TEXT, faults=Status(500)) as one, ModelServer(TEXT, faults=Status(500)) as two:
        async with ModelServer(TEXT) as three:
            smart = specialist("smart", one.url, two.url, three.url)
            async with running_cluster(base(smart, max_attempts=3)) as running:
                answers = [await running.ask(stream=False) for _ in range(10)]

    assert [seen.text for seen in answers] == [TEXT] * 10
    assert max(one.received, two.received) <= 2


@BOTH
async def test_a_stand_in_that_is_not_able_is_not_asked(stream: bool):
    async with ModelServer(faults=Status(500)) as faulty, ModelServer(TEXT) as healthy:
        smart = specialist("smart", faulty.url, fallback=("small",))
        small = specialist("small", healthy.url, context_length=1)
        async with running_cluster(base(smart, small, max_attempts=2)) as running:
            seen = await running.ask(stream=stream, messages=[{"role": "user", "content": "long " * 20}])

    assert healthy.received == 0
    assert [attempt.endpoint for attempt in seen.record.attempts] == ["smart/1", "smart/1"]


@BOTH
async def test_a_failed_answers_counts_are_not_the_next_ones(stream: bool):
    async with ModelServer("x", faults=Empty()) as faulty, ModelServer(TEXT) as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",))
        backup = specialist("backup", healthy.url, stream_usage=False)
        async with running_cluster(base(smart, backup)) as running:
            seen = await running.ask(stream=stream)

    assert seen.record.tokens_estimated is stream  # the backup's stream carries none
    assert seen.record.output_tokens > 0


@BOTH
async def test_no_endpoint_is_left_marked_as_busy(stream: bool):
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            for fault in (None, Status(500), BreakOff(1), Malformed(1), StreamError(1), TruncatedText(1)):
                server.fault = fault
                await running.ask(stream=stream)

            assert running.cluster.load_balancer.health("smart/1").in_flight == 0


def occupy(running: RunningCluster, name: str) -> None:
    """Give a specialist's endpoint a request that does not end."""
    (busy,) = [each for each in running.cluster.snapshot.base.specialists if each.name == name]
    running.cluster.load_balancer.begin(Candidate(busy, busy.endpoints[0]), Demand())


async def costs(running: RunningCluster, stream: bool) -> tuple[int, int, float]:
    record = (await running.ask(stream=stream)).record
    return record.input_tokens, record.output_tokens, record.cost_usd


@BOTH
async def test_what_the_model_counted_is_what_it_costs(stream: bool):
    async with ModelServer(TEXT) as server:
        smart = specialist("smart", server.url, price=Price(input_usd=1_000, output_usd=100_000))
        async with running_cluster(base(smart)) as running:
            tokens_in, tokens_out, cost_usd = await costs(running, stream)

    assert min(tokens_in, tokens_out) > 0
    assert cost_usd == pytest.approx(tokens_in * 1e-3 + tokens_out * 0.1)


async def test_a_stream_without_counts_is_estimated():
    seen = await alone(Fault(), stream=True, stream_usage=False)

    assert seen.record.tokens_estimated
    assert seen.record.output_tokens == -(-len(TEXT) // 4)


async def test_half_a_stream_is_estimated_too():
    seen = await alone(Reset(3), stream=True, price=Price(output_usd=1_000_000))

    assert seen.record.tokens_estimated
    assert seen.record.output_tokens == 24 // 4
    assert seen.record.cost_usd == pytest.approx(6.0)


async def test_the_time_for_all_is_not_begun_anew_by_a_retry():
    slow = Timeouts(first_token_s=0.2, between_chunks_s=0.2, total_s=0.3)
    async with ModelServer(faults=NAMED_FAULTS["hang-before-headers"]) as server:
        async with running_cluster(
            base(specialist("smart", server.url, server.url, timeouts=slow))
        ) as running:
            seen = await running.ask(stream=True)

    assert seen.code == "deadline_exceeded"
    assert seen.record.duration_ms < 1_000


async def test_a_stand_in_that_has_become_busy_is_not_asked():
    hung = Timeouts(first_token_s=0.3)
    async with ModelServer(faults=Hang("request")) as faulty, ModelServer(TEXT) as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",), timeouts=hung)
        serving = base(smart, specialist("backup", healthy.url, max_concurrency=1), max_attempts=2)
        async with running_cluster(serving) as running:
            asking = asyncio.create_task(running.ask(stream=True))
            await faulty.until(lambda: faulty.open_requests == 1)
            occupy(running, "backup")
            seen = await asking

    assert (seen.code, healthy.received) == ("upstream_timeout", 0)
    assert seen.outcomes == [("smart/1", "failed", "upstream_timeout")]


async def test_the_next_that_is_free_is_asked_instead_of_one_that_has_become_busy():
    hung = Timeouts(first_token_s=0.3)
    async with ModelServer(faults=Hang("request")) as faulty, ModelServer(TEXT) as healthy:
        smart = specialist("smart", faulty.url, fallback=("full", "free"), timeouts=hung)
        full = specialist("full", healthy.url, max_concurrency=1)
        async with running_cluster(base(smart, full, specialist("free", healthy.url))) as running:
            asking = asyncio.create_task(running.ask(stream=True))
            await faulty.until(lambda: faulty.open_requests == 1)
            occupy(running, "full")
            seen = await asking

    assert seen.outcomes == [("smart/1", "failed", "upstream_timeout"), ("free/1", "ok", None)]
