"""What an answer is said to have used."""

from typing import Any

import msgspec
import pytest
from clusters import TEXT, running_cluster
from harness import base, specialist
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import DenyRule, Price, RoutingPolicy, WatchPolicy
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.usage import MOST_TOKENS, Usage, affordable_tokens
from guardian_cluster.simulation import FalseUsage, ModelServer, Raw

COUNTS = {"stream_options": {"include_usage": True}}


async def counted(server: ModelServer, **fields: Any) -> tuple[list[Any], Any]:
    """Return the usage fields of a stream's chunks as its caller saw them, and the record."""
    smart = specialist("smart", server.url, price=Price(output_usd=1.0), **fields.pop("facts", {}))
    async with running_cluster(base(smart)) as running:
        seen = await running.ask(stream=True, **fields)
    assert seen.error is None
    return [chunk["usage"] for chunk in seen.chunks if chunk.get("usage")], seen.record


async def test_counts_come_at_the_end_where_they_were_asked_for():
    async with ModelServer(TEXT) as server:
        usages, record = await counted(server, **COUNTS)

    assert [usage["completion_tokens"] for usage in usages] == [record.output_tokens]
    assert not record.tokens_estimated


async def test_counts_do_not_come_where_they_were_not_asked_for():
    async with ModelServer(TEXT) as server:
        usages, record = await counted(server)

    assert usages == []
    assert record.output_tokens > 0  # they were asked for all the same
    assert server.requests[0].includes_usage


async def test_the_last_chunk_carries_the_final_facts():
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=True, **COUNTS)

    last = seen.chunks[-1]
    assert last["choices"] == []
    assert last["guardian"]["id"] == seen.record.id
    assert (last["guardian"]["outcome"], last["guardian"]["specialist"]) == ("ok", "smart")
    assert last["guardian"]["attempts"][0]["endpoint"] == "smart/1"


async def test_a_model_that_does_not_count_is_estimated_and_the_record_says_so():
    async with ModelServer(TEXT) as server:
        usages, record = await counted(server, facts={"stream_usage": False})

    assert usages == []
    assert record.tokens_estimated
    assert record.output_tokens == -(-len(TEXT) // 4)


def stream_of(*events: str) -> Raw:
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return Raw((head + "".join(f"data: {event}\n\n" for event in (*events, "[DONE]"))).encode())


SAID = '{"id": "1", "choices": [{"index": 0, "delta": {"content": "four"}, "finish_reason": null}]}'
FINISHED = '{"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]%s}'


@pytest.mark.parametrize("usage", ["", ', "usage": null', ', "usage": {}'])
async def test_a_usage_chunk_without_counts_is_replaced_by_an_estimate(usage: str):
    empty = f'{{"id": "1", "choices": []{usage}}}'
    async with ModelServer(faults=stream_of(SAID, FINISHED % "", empty)) as server:
        usages, record = await counted(server, **COUNTS)

    assert [usage["completion_tokens"] for usage in usages] == [1]
    assert record.tokens_estimated


async def test_counts_in_the_chunk_that_finishes_are_said_once():
    counts = ', "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}'
    async with ModelServer(faults=stream_of(SAID, FINISHED % counts)) as server:
        usages, record = await counted(server, **COUNTS)

    assert [usage["completion_tokens"] for usage in usages] == [3]
    assert (record.input_tokens, record.output_tokens) == (2, 3)


LIES = [-5, 2**26 + 1, 2**70, 10**30, 10**400]
ESTIMATE = -(-len(TEXT) // 4)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("claimed", LIES)
async def test_a_servers_impossible_counts_do_no_harm(claimed: int, stream: bool):
    async with ModelServer(TEXT, faults=FalseUsage(claimed, claimed)) as server:
        smart = specialist("smart", server.url, price=Price(input_usd=1, output_usd=1))
        async with running_cluster(base(smart)) as running:
            seen = await running.ask(stream=stream, **(COUNTS if stream else {}))

    assert (seen.text, seen.error) == (TEXT, None)
    assert (seen.record.output_tokens, seen.record.tokens_estimated) == (ESTIMATE, True)
    assert 0 < seen.record.cost_usd < 1e-3


@pytest.mark.parametrize("claimed", LIES)
async def test_impossible_counts_do_not_reach_the_caller_of_a_stream(claimed: int):
    async with ModelServer(TEXT, faults=FalseUsage(3, claimed)) as server:
        usages, record = await counted(server, **COUNTS)

    assert [usage["completion_tokens"] for usage in usages] == [record.output_tokens] == [ESTIMATE]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("asked", "answered"), [(0, 5), (5, 0)])
async def test_what_is_counted_as_none_beside_the_other_is_estimated(asked: int, answered: int, stream: bool):
    async with ModelServer(TEXT, faults=FalseUsage(asked, answered)) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=stream, **(COUNTS if stream else {}))

    assert seen.record.tokens_estimated
    assert seen.record.input_tokens == (asked or 1)
    assert seen.record.output_tokens == (answered or ESTIMATE)


COUNTED = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@given(COUNTED, COUNTED, st.integers(0, 10**9))
def test_whatever_a_server_counts_the_counts_are_bounded(asked: Any, answered: Any, said: int):
    request = UserRequest(body={"model": "smart", "messages": [{"role": "user", "content": "why?"}]})
    usage = Usage()
    usage.take([{"choices": [], "usage": {"prompt_tokens": asked, "completion_tokens": answered}}], request)
    usage.conclude(request, said)

    assert type(usage.input_tokens) is type(usage.output_tokens) is int
    assert 0 <= usage.input_tokens <= MOST_TOKENS
    assert 0 <= usage.output_tokens <= max(MOST_TOKENS, said)
    assert usage.counted is not usage.is_estimated or not (usage.input_tokens or usage.output_tokens)


@pytest.mark.parametrize(
    ("left_usd", "choices", "tokens"), [(0.01, 1, 999), (0.01, 2, 499), (1e-9, 1, 1), (0.0, 1, 1)]
)
def test_an_answer_may_be_as_long_as_what_is_left_pays_for(left_usd: float, choices: int, tokens: int):
    request = UserRequest(
        body={"model": "smart", "n": choices, "messages": [{"role": "user", "content": "why?"}]}
    )

    assert affordable_tokens(request, Price(input_usd=10.0, output_usd=10.0), left_usd) == tokens
    assert affordable_tokens(request, Price(input_usd=10.0), left_usd) is None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_ceiling_bounds_what_an_endpoint_is_asked_for(stream: bool):
    async with ModelServer(TEXT) as server:
        smart = specialist("smart", server.url, price=Price(output_usd=10.0))
        serving = msgspec.structs.replace(base(smart), routing=RoutingPolicy(max_cost_usd=0.005))
        async with running_cluster(serving) as running:
            await running.ask(stream=stream)
            await running.ask(stream=stream, max_tokens=7)

    bodies = [request.body for request in server.requests]
    assert bodies[0]["max_completion_tokens"] == 500
    assert (bodies[1]["max_tokens"], "max_completion_tokens" in bodies[1]) == (7, False)


async def test_a_second_attempt_may_cost_what_the_first_left():
    watch = WatchPolicy(deny=(DenyRule(name="any", text="secret", action="retry"),))
    price = Price(output_usd=10.0)
    async with ModelServer("secret", faults=FalseUsage(0, 200)) as first, ModelServer(TEXT) as second:
        members = [
            specialist("smart", first.url, price=price, fallback=("other",)),
            specialist("other", second.url, price=price),
        ]
        serving = msgspec.structs.replace(
            base(*members, watch=watch), routing=RoutingPolicy(max_cost_usd=0.005)
        )
        async with running_cluster(serving) as running:
            await running.ask(stream=False)

    sent = [server.requests[0].body["max_completion_tokens"] for server in (first, second)]
    assert sent == [500, 300]
