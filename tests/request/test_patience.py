"""How long models are waited for, and what happens then."""

import asyncio
from typing import Any

import pytest
from clusters import TEXT, running_cluster
from harness import base, specialist
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import Timeouts
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.patience import first_limit_s
from guardian_cluster.simulation import Hang, ModelServer, Pace, Slow, Stall

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def limits(**seconds: float) -> Timeouts:
    return Timeouts(**{"first_token_s": 5.0, "between_chunks_s": 5.0, "total_s": 10.0, **seconds})


async def ask(
    server: ModelServer, timeouts: Timeouts, *, stream: bool, timeout_s: float | None = None
) -> Any:
    smart = specialist("smart", server.url, timeouts=timeouts)
    async with running_cluster(base(smart, max_attempts=1)) as running:
        return await running.ask(stream=stream, timeout_s=timeout_s)


@pytest.mark.parametrize("place", ["request", "headers", 0])
async def test_a_stream_has_to_begin_in_time(place: Any):
    async with ModelServer(TEXT, faults=Hang(place)) as server:
        seen = await ask(server, limits(first_token_s=0.1), stream=True)
        await server.until(lambda: server.cancelled == 1)

    assert (seen.code, seen.error.http_status) == ("upstream_timeout", 504)
    assert "did not begin to answer for 0.1 s" in seen.error.message


async def test_an_opening_without_words_is_no_beginning():
    async with ModelServer(TEXT, faults=Stall(0, 5.0)) as server:  # the role is sent, then nothing
        seen = await ask(server, limits(first_token_s=0.1), stream=True)

    assert seen.code == "upstream_timeout"


async def test_a_stream_may_not_fall_silent():
    async with ModelServer(TEXT, faults=Hang(2)) as server:
        seen = await ask(server, limits(between_chunks_s=0.3), stream=True)
        await server.until(lambda: server.cancelled == 1)

    # Of the 16 characters that came, two may begin a secret of the form `fo1_`.
    assert (seen.text, seen.code) == (TEXT[:14], "upstream_timeout")
    assert "fell silent for 0.3 s" in seen.error.message


async def test_a_slow_stream_that_goes_on_is_let_go_on():
    async with ModelServer(TEXT * 3, pace=Pace(0.05, 0.05)) as server:
        seen = await ask(server, limits(first_token_s=0.5, between_chunks_s=0.5), stream=True)

    assert (seen.text, seen.error) == (TEXT * 3, None)
    assert seen.record.duration_ms > 500  # longer in all than either limit


@BOTH
async def test_the_time_for_all_ends_an_answer_under_way(stream: bool):
    async with ModelServer(TEXT * 20, pace=Pace(0.02, 0.05)) as server:
        seen = await ask(server, limits(total_s=0.2), stream=stream)
        await server.until(lambda: server.cancelled == 1)

    assert (seen.code, seen.error.http_status, seen.error.should_retry) == ("deadline_exceeded", 504, False)
    assert seen.record.duration_ms < 2_000


@BOTH
async def test_the_callers_own_limit_counts_where_it_is_shorter(stream: bool):
    async with ModelServer(faults=Hang("request")) as server:
        seen = await ask(server, limits(), stream=stream, timeout_s=0.1)
        await server.until(lambda: server.cancelled == 1)

    assert (seen.code, seen.error.should_retry) == ("deadline_exceeded", False)


@BOTH
async def test_the_callers_own_limit_does_not_lengthen_the_operators(stream: bool):
    async with ModelServer(faults=Hang("request")) as server:
        seen = await ask(server, limits(total_s=0.1), stream=stream, timeout_s=1e9)

    assert seen.code == "deadline_exceeded"


async def test_a_whole_answer_has_all_the_time_there_is():
    async with ModelServer(TEXT, faults=Slow(extra_s=0.2)) as server:
        seen = await ask(server, limits(first_token_s=0.05, between_chunks_s=0.05), stream=False)

    assert (seen.text, seen.error) == (TEXT, None)


async def test_a_reader_that_takes_its_time_is_not_the_models_silence():
    async with ModelServer(TEXT) as server:
        smart = specialist("smart", server.url, timeouts=limits(between_chunks_s=0.4))
        async with running_cluster(base(smart)) as running:
            request = UserRequest(body={"model": "smart", "messages": [{"role": "user", "content": "hi"}]})
            said = ""
            async for chunk in running.cluster.stream_request(request):
                await asyncio.sleep(0.1)  # what is under test is time: seven chunks take more than the limit
                said += chunk["choices"][0]["delta"].get("content") or ""

    assert said == TEXT


@BOTH
async def test_what_waited_for_the_model_is_no_overhead(stream: bool):
    async with ModelServer(TEXT, pace=Pace(0.3, 0.02)) as server:
        seen = await ask(server, limits(), stream=stream)

    assert seen.record.duration_ms > 300
    assert seen.record.overhead_ms < 250


async def test_the_time_to_the_first_word_is_recorded():
    async with ModelServer(TEXT, pace=Pace(0.1, 0.05)) as server:
        seen = await ask(server, limits(), stream=True)

    assert 100 <= seen.record.first_token_ms < seen.record.duration_ms - 150
    assert 100 <= seen.record.attempts[0].first_token_ms <= seen.record.first_token_ms


@BOTH
async def test_a_request_that_is_cancelled_ends_at_the_endpoint(stream: bool):
    async with ModelServer(faults=Hang("headers")) as server:
        smart = specialist("smart", server.url, timeouts=limits())
        async with running_cluster(base(smart)) as running:
            asking = asyncio.create_task(running.ask(stream=stream))
            await server.until(lambda: server.open_requests == 1)
            asking.cancel()
            await server.until(lambda: server.cancelled == 1)
            record = await running.collected.request()

            assert running.cluster.load_balancer.health("smart/1").in_flight == 0

    assert (record.outcome, [attempt.outcome for attempt in record.attempts]) == ("cancelled", ["cancelled"])


async def test_an_endpoint_that_hangs_is_not_asked_by_the_next_one():
    async with ModelServer(faults=Hang("request")) as hung, ModelServer(TEXT) as healthy:
        smart = specialist("smart", hung.url, healthy.url, timeouts=limits(total_s=0.4))
        async with running_cluster(base(smart)) as running:
            answers = [await running.ask(stream=False) for _ in range(8)]

    assert hung.received == 1
    assert [seen.text for seen in answers] == [TEXT] * 8


async def test_a_callers_impatience_is_no_fault_of_the_endpoint():
    async with ModelServer(faults=Hang("request")) as server:
        async with running_cluster(base(specialist("smart", server.url, timeouts=limits()))) as running:
            await running.ask(stream=False, timeout_s=0.05)

            assert running.cluster.load_balancer.health("smart/1").success.failures == 0


async def test_nobody_is_asked_when_the_time_is_over_before_it_begins():
    async with ModelServer(TEXT) as server:
        smart = specialist("smart", server.url)
        async with running_cluster(base(smart)) as running:
            request = UserRequest(
                body={"model": "smart", "messages": [{"role": "user", "content": "hi"}]}, timeout_s=1e-9
            )
            with pytest.raises(GuardianError) as caught:
                await running.cluster.process_request(request)

    assert caught.value.http_status == 504


@pytest.mark.parametrize(
    ("streamed", "left_s", "others", "limit_s"),
    [
        (False, 600.0, True, 300.0),
        (False, 300.0, True, 150.0),
        (False, 600.0, False, 600.0),
        (True, 600.0, True, 60.0),
        (True, 30.0, True, 15.0),
        (True, 30.0, False, 60.0),
    ],
)
def test_an_attempt_leaves_time_for_another_endpoint(
    streamed: bool, left_s: float, others: bool, limit_s: float
):
    timeouts = Timeouts(first_token_s=60.0, total_s=600.0)

    assert first_limit_s(timeouts, left_s, streamed=streamed, others=others) == limit_s


@given(st.floats(0, 1e6), st.booleans(), st.booleans())
def test_no_attempt_has_more_than_the_specialist_allows(left_s: float, streamed: bool, others: bool):
    timeouts = Timeouts(first_token_s=60.0, total_s=600.0)

    limit_s = first_limit_s(timeouts, left_s, streamed=streamed, others=others)

    assert limit_s <= (60.0 if streamed else 600.0)
    assert not others or limit_s <= left_s / 2


@BOTH
async def test_an_endpoint_that_hangs_leaves_time_for_another_within_the_callers_limit(stream: bool):
    async with ModelServer(faults=Hang("request")) as hung, ModelServer(TEXT) as healthy:
        smart = specialist("smart", hung.url, timeouts=limits(), fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", healthy.url))) as running:
            seen = await running.ask(stream=stream, timeout_s=1.0)
            failures = running.cluster.load_balancer.health("smart/1").success.failures

    assert seen.outcomes == [("smart/1", "failed", "upstream_timeout"), ("backup/1", "ok", None)]
    assert failures == 0  # half a second was the caller's limit, not the operator's


async def test_the_only_endpoint_of_a_whole_answer_is_not_cut_short_to_be_asked_again():
    async with ModelServer(TEXT, faults=Slow(extra_s=0.7)) as server:
        smart = specialist("smart", server.url, timeouts=limits(total_s=1.2))
        async with running_cluster(base(smart, max_attempts=3)) as running:
            seen = await running.ask(stream=False)

    assert (seen.text, seen.outcomes) == (TEXT, [("smart/1", "ok", None)])


async def test_an_endpoint_that_used_its_share_up_is_not_asked_again():
    async with ModelServer(faults=Hang("request")) as one, ModelServer(faults=Hang("request")) as two:
        smart = specialist("smart", one.url, timeouts=limits(total_s=0.4), fallback=("backup",))
        serving = base(smart, specialist("backup", two.url), max_attempts=4)
        async with running_cluster(serving) as running:
            seen = await running.ask(stream=False)

    assert (one.received, two.received) == (1, 1)
    assert seen.code == "deadline_exceeded"


async def test_a_reader_that_takes_its_time_is_no_overhead():
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            request = UserRequest(body={"model": "smart", "messages": [{"role": "user", "content": "hi"}]})
            async for _ in running.cluster.stream_request(request):
                await asyncio.sleep(0.1)  # what is under test is time: five chunks or more
            record = await running.collected.request()

    assert record.duration_ms > 300
    assert record.overhead_ms < 150
