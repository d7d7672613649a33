"""What becomes of two attempts at once."""

import asyncio

import msgspec
import pytest
from clusters import TEXT, RunningCluster, running_cluster
from harness import base, specialist

from guardian_cluster.contract.snapshot import Price, RoutingPolicy, Timeouts
from guardian_cluster.request.balancing.plan import Candidate
from guardian_cluster.simulation import Hang, ModelServer, Reset, Slow, Status

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
QUICK_HEDGE_S = 0.05


def hedging(running: RunningCluster, *, first: str, second: str) -> None:
    """Have the first endpoint asked first, and the second one as well soon after."""
    balancer = running.cluster.load_balancer
    by_id = {
        endpoint.id: Candidate(each, endpoint)
        for each in running.cluster.snapshot.base.specialists
        for endpoint in each.endpoints
    }
    balancer.choose = lambda plan, tried: next(  # pyright: ignore[reportAttributeAccessIssue]
        (by_id[name] for name in (first, second) if name not in tried), None
    )
    balancer.hedge_after_s = lambda plan, asked: QUICK_HEDGE_S  # pyright: ignore[reportAttributeAccessIssue]
    balancer.may_hedge = lambda plan, asked, tried: by_id[second]  # pyright: ignore[reportAttributeAccessIssue]


def two(one: ModelServer, other: ModelServer, **facts: object):
    return running_cluster(base(specialist("smart", one.url, other.url, **facts)))


@BOTH
async def test_a_late_answer_is_overtaken_by_a_second_one(stream: bool):
    async with ModelServer(TEXT, faults=Hang("request")) as late, ModelServer(TEXT) as quick:
        async with two(late, quick) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)
            await late.until(lambda: late.cancelled == 1)

    assert (seen.text, seen.error) == (TEXT, None)
    assert seen.outcomes == [("smart/1", "cancelled", None), ("smart/2", "ok", None)]
    assert [attempt.hedges for attempt in seen.record.attempts] == [False, True]


@BOTH
async def test_a_first_answer_that_comes_after_all_ends_the_second(stream: bool):
    slow = Slow(extra_s=0.3)
    async with ModelServer(TEXT, faults=slow) as late, ModelServer(TEXT, faults=Hang("request")) as second:
        async with two(late, second) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)
            await second.until(lambda: second.cancelled == 1)

    assert (seen.text, seen.record.endpoint) == (TEXT, "smart/1")
    assert sorted(seen.outcomes) == [("smart/1", "ok", None), ("smart/2", "cancelled", None)]


@BOTH
async def test_a_first_one_that_fails_leaves_the_answer_to_the_second(stream: bool):
    failing = Status(500) & Slow(extra_s=0.2)
    async with (
        ModelServer(TEXT, faults=failing) as first,
        ModelServer(TEXT, faults=Slow(extra_s=0.4)) as second,
    ):
        async with two(first, second) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)

    assert (seen.text, seen.record.endpoint) == (TEXT, "smart/2")
    assert [endpoint for endpoint, _, _ in seen.outcomes] == ["smart/1", "smart/2"]


@BOTH
async def test_a_second_one_that_fails_changes_nothing(stream: bool):
    async with (
        ModelServer(TEXT, faults=Slow(extra_s=0.3)) as first,
        ModelServer(faults=Status(500)) as second,
    ):
        async with two(first, second) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)

    assert (seen.text, seen.error, seen.record.endpoint) == (TEXT, None, "smart/1")
    assert ("smart/2", "failed", "upstream_error") in seen.outcomes


@BOTH
async def test_when_both_fail_the_caller_is_told(stream: bool):
    failing = Status(500) & Slow(extra_s=0.2)
    async with ModelServer(faults=failing) as first, ModelServer(faults=failing) as second:
        async with two(first, second) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)

    assert seen.code == "upstream_error"
    assert {outcome for _, outcome, _ in seen.outcomes} == {"failed"}


@BOTH
async def test_a_client_that_leaves_ends_both(stream: bool):
    async with ModelServer(faults=Hang("request")) as first, ModelServer(faults=Hang("request")) as second:
        async with two(first, second) as running:
            hedging(running, first="smart/1", second="smart/2")
            asking = asyncio.create_task(running.ask(stream=stream))
            await second.until(lambda: second.open_requests == 1)
            asking.cancel()
            for server in (first, second):
                await server.until(lambda server=server: server.cancelled == 1)
            record = await running.collected.request()
            health = running.cluster.load_balancer.health

            assert (health("smart/1").in_flight, health("smart/2").in_flight) == (0, 0)

    assert [attempt.outcome for attempt in record.attempts] == ["cancelled", "cancelled"]


@BOTH
async def test_the_deadline_ends_both(stream: bool):
    short = Timeouts(total_s=0.3)
    async with ModelServer(faults=Hang("request")) as first, ModelServer(faults=Hang("request")) as second:
        async with two(first, second, timeouts=short) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)

    assert seen.code in ("deadline_exceeded", "upstream_timeout")
    assert len(seen.record.attempts) == 2


async def test_who_has_begun_to_answer_is_not_raced_against():
    async with ModelServer(TEXT, faults=Hang(1)) as first, ModelServer(TEXT) as second:
        async with two(first, second, timeouts=Timeouts(between_chunks_s=0.3)) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=True)

    assert seen.text == TEXT
    assert [attempt.hedges for attempt in seen.record.attempts] == [False, False]


async def test_the_question_of_one_that_was_overtaken_is_paid_for():
    price = Price(input_usd=1_000_000)
    async with ModelServer(TEXT, faults=Hang("request")) as late, ModelServer(TEXT) as quick:
        async with two(late, quick, price=price) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=True)

    lost, won = seen.record.attempts
    assert lost.input_tokens > 0
    assert lost.tokens_estimated
    assert seen.record.cost_usd == pytest.approx(lost.cost_usd + won.cost_usd)


async def test_a_request_with_a_ceiling_is_not_asked_twice_at_once():
    ceiling = RoutingPolicy(max_cost_usd=1.0)
    async with ModelServer(TEXT, faults=Slow(extra_s=0.2)) as first, ModelServer(TEXT) as second:
        smart = specialist("smart", first.url, second.url, price=Price(output_usd=0.001))
        serving = msgspec.structs.replace(base(smart), routing=ceiling)
        async with running_cluster(serving) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=True)

    assert seen.outcomes == [("smart/1", "ok", None)]
    assert second.received == 0


async def test_what_a_second_one_breaks_off_is_continued():
    async with ModelServer(faults=Hang("request")) as late, ModelServer(TEXT, faults=Reset(3)) as second:
        smart = specialist("smart", late.url, second.url, fallback=("backup",))
        async with ModelServer(TEXT) as third:
            async with running_cluster(base(smart, specialist("backup", third.url))) as running:
                hedging(running, first="smart/1", second="smart/2")
                choose = running.cluster.load_balancer.choose
                backup = running.cluster.snapshot.base.specialists[1]
                running.cluster.load_balancer.choose = lambda plan, tried: (  # pyright: ignore
                    choose(plan, tried) or Candidate(backup, backup.endpoints[0])
                )
                seen = await running.ask(stream=True)

    assert (seen.text, seen.error) == (TEXT, None)
    assert seen.outcomes[-2:] == [("smart/2", "failed", "upstream_disconnected"), ("backup/1", "ok", None)]


@BOTH
async def test_a_refusal_of_the_request_ends_the_race(stream: bool):
    refusing = Status(400) & Slow(extra_s=0.15)
    async with ModelServer(faults=refusing) as first, ModelServer(TEXT, faults=Hang("request")) as second:
        async with two(first, second, timeouts=Timeouts(total_s=3.0)) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)
            await second.until(lambda: second.cancelled == 1)

    assert seen.code == "upstream_error"
    assert seen.outcomes == [("smart/1", "failed", "upstream_error"), ("smart/2", "cancelled", None)]


@BOTH
async def test_a_second_one_that_is_ended_before_it_began_is_not_in_flight(stream: bool):
    async with ModelServer(TEXT, faults=Slow(extra_s=0.15)) as first, ModelServer(TEXT) as second:
        async with two(first, second) as running:
            hedging(running, first="smart/1", second="smart/2")
            balancer, ended = running.cluster.load_balancer, asyncio.Event()
            second_of = balancer.may_hedge

            def ended_at_once(*given: object) -> object:
                others = asyncio.all_tasks()

                def end() -> None:
                    ended.set()
                    (task,) = asyncio.all_tasks() - others
                    task.cancel()

                asyncio.get_running_loop().call_soon(end)
                return second_of(*given)  # pyright: ignore[reportArgumentType]

            balancer.may_hedge = ended_at_once  # pyright: ignore[reportAttributeAccessIssue]
            seen = await running.ask(stream=stream)

    assert (seen.text, seen.outcomes, ended.is_set()) == (TEXT, [("smart/1", "ok", None)], True)
    assert [balancer.health(f"smart/{n}").in_flight for n in (1, 2)] == [0, 0]
