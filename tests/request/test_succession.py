"""Who is asked next: only who may and can, never too often, and nobody is given up for one who is not there."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
from clusters import TEXT, RunningCluster, Seen, running_cluster
from harness import base, specialist
from test_race import hedging, two

from guardian_cluster.contract.snapshot import BalancingPolicy, Base, Capabilities, Tenant, Timeouts
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.balancing.plan import Candidate
from guardian_cluster.request.execution import Execution
from guardian_cluster.simulation import Fault, Hang, ModelServer, Reset, Slow, Stall, Status

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
NAMED = pytest.mark.parametrize("model", ["smart", "auto"], ids=["by-name", "by-auto"])
ACME = pytest.mark.parametrize(
    "acme",
    [Tenant(name="acme", specialists=("smart",)), Tenant(name="acme", requires=("eu",))],
    ids=["by-name", "by-label"],
)
TOOLS = {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]}
JSON = {"response_format": {"type": "json_object"}}
NO_RETRIES = BalancingPolicy(retry_share=0.0)
PAUSE_S = 0.6
GIVEN_UP_AFTER_S = 0.15


@asynccontextmanager
async def servers(*faults: Fault | None, says: str = TEXT) -> AsyncGenerator[list[ModelServer]]:
    """Run one server for each fault."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(ModelServer(says, faults=fault)) for fault in faults]


async def ask_as(running: RunningCluster, tenant: str, *, stream: bool, model: str) -> None:
    """Put a tenant's request, whatever comes of it."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    request = UserRequest(body=body, tenant=tenant)
    try:
        if stream:
            async for _ in running.cluster.stream_request(request):
                pass
        else:
            await running.cluster.process_request(request)
    except GuardianError:
        pass


def without_retries(serving: Base) -> Base:
    return msgspec.structs.replace(serving, balancing=NO_RETRIES)


def given_up_after_a_short_silence(running: RunningCluster) -> None:
    """Have a stream given up after a short silence, where somebody can go on with it."""
    balancer = running.cluster.load_balancer
    balancer.stall_after_s = lambda candidate: GIVEN_UP_AFTER_S  # pyright: ignore[reportAttributeAccessIssue]


def line(first: ModelServer, *others: ModelServer, **facts: Any) -> list[Any]:
    """Return a specialist and the fallbacks behind it, each with these facts."""
    names = tuple(f"b{number}" for number in range(1, len(others) + 1))
    backups = [specialist(name, each.url, **facts) for name, each in zip(names, others, strict=True)]
    return [specialist("smart", first.url, fallback=names), *backups]


@ACME
@BOTH
@NAMED
async def test_an_equal_that_the_tenant_does_not_allow_is_not_asked(acme: Tenant, stream: bool, model: str):
    async with servers(Status(500), None) as (own, foreign):
        smart = specialist("smart", own.url, equals=("foreign",), labels=("eu",))
        other = specialist("foreign", foreign.url, labels=("us",), equals=("smart",))
        async with running_cluster(base(smart, other, tenants=[acme])) as running:
            await ask_as(running, "acme", stream=stream, model=model)

    assert (foreign.received, own.received > 0) == (0, True)


@BOTH
@NAMED
@pytest.mark.parametrize("needs", [TOOLS, JSON], ids=["tools", "json"])
async def test_an_equal_that_cannot_do_what_is_asked_is_not_asked(
    stream: bool, model: str, needs: dict[str, Any]
):
    async with servers(Status(500), None, says='{"a": 1}') as (own, other):
        smart = specialist("smart", own.url, equals=("plain",))
        plain = specialist("plain", other.url, capabilities=Capabilities(tools=False, json=False))
        async with running_cluster(base(smart, plain)) as running:
            seen = await running.ask(stream=stream, model=model, **needs)

    assert (other.received, own.received > 0, seen.code) == (0, True, "upstream_error")


@ACME
@BOTH
async def test_an_equal_that_the_tenant_allows_answers_too(acme: Tenant, stream: bool):
    acme = msgspec.structs.replace(acme, specialists=("smart", "twin") if acme.specialists else ())
    async with servers(Status(500), None) as (own, twin):
        smart = specialist("smart", own.url, equals=("twin",), labels=("eu",))
        serving = base(smart, specialist("twin", twin.url, labels=("eu",)), tenants=[acme])
        async with running_cluster(serving) as running:
            for _ in range(6):
                await ask_as(running, "acme", stream=stream, model="smart")

    assert {record.outcome for record in running.collected.requests} == {"ok"}
    assert twin.received >= 1


async def ask_impatiently(serving: Base) -> Seen:
    async with running_cluster(serving) as running:
        given_up_after_a_short_silence(running)
        return await running.ask(stream=True)


async def test_a_silence_is_not_waited_out_where_another_can_go_on():
    async with servers(Stall(3, PAUSE_S), None) as (pausing, backup):
        seen = await ask_impatiently(base(*line(pausing, backup), max_attempts=6))

    assert seen.text == TEXT
    assert seen.outcomes == [("smart/1", "failed", "upstream_timeout"), ("b1/1", "ok", None)]


async def test_a_silence_is_waited_out_where_nobody_may_go_on():
    async with servers(Stall(3, PAUSE_S), None) as (pausing, backup):
        seen = await ask_impatiently(base(*line(pausing, backup, continuation="off"), max_attempts=6))

    assert (seen.text, seen.outcomes) == (TEXT, [("smart/1", "ok", None)])


async def test_a_silence_is_waited_out_inside_a_fence():
    code = "Here it is:\n```python\nprint(1)\nprint(2)\nprint(3)\n```\nThat is all."
    async with servers(Stall(5, PAUSE_S), None, says=code) as (pausing, backup):
        seen = await ask_impatiently(base(*line(pausing, backup), max_attempts=6))

    assert (seen.text, backup.received) == (code, 0)


async def test_a_silence_is_waited_out_while_nobody_has_room():
    async with servers(Stall(3, PAUSE_S), None) as (pausing, backup):
        async with running_cluster(base(*line(pausing, backup))) as running:
            given_up_after_a_short_silence(running)
            resting = running.cluster.load_balancer.health("b1/1")
            resting.not_before = float("inf")
            seen = await running.ask(stream=True)

    assert (seen.text, backup.received) == (TEXT, 0)


async def test_a_silence_is_waited_out_where_retries_are_used_up():
    async with servers(Reset(3), Stall(4, PAUSE_S), None) as (broken, pausing, idle):
        serving = without_retries(base(*line(broken, pausing, idle)))
        seen = await ask_impatiently(serving)

    assert (seen.text, idle.received) == (TEXT, 0)
    assert seen.outcomes == [("smart/1", "failed", "upstream_disconnected"), ("b1/1", "ok", None)]


async def test_a_silence_is_waited_out_where_an_answer_was_gone_on_with_often_enough():
    words = " ".join(f"word{number}" for number in range(20)) + "."
    faults = (Reset(3), Reset(5), Reset(7), Stall(9, PAUSE_S), None)
    async with servers(*faults, says=words) as (first, *others):
        seen = await ask_impatiently(base(*line(first, *others), max_attempts=6))

    assert (seen.text, others[-1].received) == (words, 0)
    assert [outcome for _, outcome, _ in seen.outcomes] == ["failed"] * 3 + ["ok"]


@pytest.mark.parametrize(
    ("limits", "policy", "attempts"),
    [({}, BalancingPolicy(), 2), ({}, NO_RETRIES, 1), ({"max_attempts": 1}, BalancingPolicy(), 1)],
    ids=["somebody-left", "no-retries", "no-attempts"],
)
async def test_words_that_are_held_are_thrown_away_for_a_silence_only_where_another_may_begin(
    limits: dict[str, Any], policy: BalancingPolicy, attempts: int, monkeypatch: pytest.MonkeyPatch
):
    prepare = Execution.__init__
    monkeypatch.setattr(
        Execution, "__init__", lambda *given, **facts: prepare(*given, **{**facts, "is_held": True})
    )
    async with servers(Stall(3, PAUSE_S), Stall(3, PAUSE_S)) as (one, other):
        serving = base(specialist("smart", one.url, other.url), **{"max_attempts": 2, **limits})
        async with running_cluster(msgspec.structs.replace(serving, balancing=policy)) as running:
            given_up_after_a_short_silence(running)
            seen = await running.ask(stream=True)

    assert (seen.text, len(seen.outcomes)) == (TEXT, attempts)


async def test_a_refusal_to_go_on_is_not_taken_for_one_of_the_callers_request():
    async with servers(Reset(3), Status(400), None) as (broken, refusing, well):
        async with running_cluster(base(*line(broken, refusing, well), max_attempts=5)) as running:
            seen = await running.ask(stream=True)

    assert (seen.text, seen.error) == (TEXT, None)
    assert [endpoint for endpoint, _, _ in seen.outcomes] == ["smart/1", "b1/1", "b2/1"]


@BOTH
async def test_a_refusal_of_the_callers_request_is_not_put_to_others(stream: bool):
    async with servers(Status(400), None) as (refusing, well):
        async with running_cluster(base(*line(refusing, well), max_attempts=5)) as running:
            seen = await running.ask(stream=stream)

    assert (seen.code, well.received) == ("upstream_error", 0)


@BOTH
@pytest.mark.parametrize("refuses", [0, 1], ids=["first", "second"])
async def test_who_refused_for_good_in_a_race_is_not_asked_again(stream: bool, refuses: int):
    slow = Slow(extra_s=0.3), Slow(extra_s=0.1)
    faults = [Status(401 if number == refuses else 500) & slow[number] for number in range(2)]
    async with servers(*faults) as asked, two(*asked, max_concurrency=None) as running:
        balancer = running.cluster.load_balancer
        choose = balancer.choose
        hedging(running, first="smart/1", second="smart/2")
        forced = balancer.choose
        balancer.choose = lambda plan, tried: (choose if tried else forced)(plan, tried)  # pyright: ignore
        seen = await running.ask(stream=stream)

    assert asked[refuses].received == 1
    assert asked[1 - refuses].received > 1
    assert seen.code == "upstream_error"


@BOTH
@pytest.mark.parametrize("most", [1, 2, 3])
async def test_no_more_attempts_are_made_than_allowed_second_ones_included(stream: bool, most: int):
    failing = Status(500) & Slow(extra_s=0.15)
    async with servers(failing, failing) as (one, other):
        smart = specialist("smart", one.url, other.url)
        async with running_cluster(base(smart, max_attempts=most)) as running:
            hedging(running, first="smart/1", second="smart/2")
            seen = await running.ask(stream=stream)

    assert 1 <= len(seen.outcomes) <= most
    assert one.received + other.received == len(seen.outcomes)
    assert any(attempt.hedges for attempt in seen.record.attempts) is (most > 1)


@pytest.mark.parametrize(("same_tier", "asked"), [(True, 1), (False, 0)], ids=["equal", "fallback"])
async def test_a_second_one_is_asked_at_once_only_in_the_same_tier(same_tier: bool, asked: int):
    async with servers(Slow(extra_s=0.4), None) as (late, other):
        stands_in = {"equals" if same_tier else "fallback": ("other",)}
        smart = specialist("smart", late.url, **stands_in)
        async with running_cluster(base(smart, specialist("other", other.url))) as running:
            balancer = running.cluster.load_balancer
            for _ in range(100):
                balancer.note_request()  # a tenth of which may be asked twice
            only = Candidate(smart, smart.endpoints[0])
            balancer.choose = lambda plan, tried: only  # pyright: ignore[reportAttributeAccessIssue]
            balancer.hedge_after_s = lambda plan, first: 0.05  # pyright: ignore[reportAttributeAccessIssue]
            seen = await running.ask(stream=True)

    assert (seen.text, other.received) == (TEXT, asked)


async def test_nobody_is_waited_for_who_is_not_there():
    short = Timeouts(between_chunks_s=0.2)
    async with servers(Hang(3)) as (hanging,):
        async with running_cluster(base(specialist("smart", hanging.url, timeouts=short))) as running:
            waits: list[object] = []
            room = running.cluster.load_balancer.room
            running.cluster.load_balancer.room = (  # pyright: ignore[reportAttributeAccessIssue]
                lambda *given: (waits.append(given), room(*given))[1]
            )
            seen = await running.ask(stream=True)

    assert (waits, hanging.received, seen.code) == ([], 1, "upstream_timeout")
    assert seen.record.duration_ms < 1_500


@BOTH
async def test_where_all_were_failing_before_one_attempt_is_made(stream: bool):
    async with servers(Status(500), Status(500), Status(500)) as (one, other, third):
        smart = specialist("smart", one.url, other.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", third.url), max_attempts=4)) as running:
            for _ in range(4):
                await running.ask(stream=stream)
            before = sum([each.received for each in (one, other, third)])
            seen = await running.ask(stream=stream)

    assert len(running.collected.requests[0].attempts) > 1
    assert len(seen.outcomes) == 1
    assert sum([each.received for each in (one, other, third)]) - before == 1


@BOTH
async def test_the_first_attempt_at_a_fallback_needs_no_budget(stream: bool):
    async with servers(Status(500), None) as (failing, backup):
        async with running_cluster(without_retries(base(*line(failing, backup)))) as running:
            seen = await running.ask(stream=stream)

    assert (seen.text, seen.error) == (TEXT, None)
    assert seen.outcomes == [("smart/1", "failed", "upstream_error"), ("b1/1", "ok", None)]


@BOTH
async def test_a_further_attempt_in_the_same_tier_needs_one(stream: bool):
    async with servers(Status(500), Status(500)) as (one, other):
        smart = specialist("smart", one.url, other.url)
        async with running_cluster(without_retries(base(smart, max_attempts=3))) as running:
            seen = await running.ask(stream=stream)

    assert (len(seen.outcomes), seen.code) == (1, "upstream_error")
