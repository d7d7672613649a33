"""LLMGuardianCluster as a library user meets it."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from clusters import TEXT, running_cluster
from harness import SOLVER, base, specialist

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import DenyRule, Snapshot, WatchPolicy
from guardian_cluster.domain.errors import AttemptFailed, InvalidRequest, NotFound
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.errors import ConfigError
from guardian_cluster.request.response import ProcessedResponse
from guardian_cluster.simulation import Echoes, Giant, Hang, ModelServer, Pace, Says, Status


def request(model: str = "smart", **fields: Any) -> UserRequest:
    return UserRequest(body={"model": model, "messages": [{"role": "user", "content": "hi"}], **fields})


async def test_a_request_is_answered_from_a_configuration_file(tmp_path: Path):
    async with ModelServer("Hello.") as server:
        file = tmp_path / "guardian.toml"
        file.write_text(f'[specialist.smart]\nurl = "{server.url}"\nmodel = "simulated-1"\n')
        async with LLMGuardianCluster.from_config(file) as cluster:
            response = await cluster.process_request(request())

            assert cluster.recent.get(response.request_id) == response.record

    assert isinstance(response, ProcessedResponse)
    assert response.text == "Hello."


def test_a_wrong_configuration_is_refused_before_anything_starts(tmp_path: Path):
    file = tmp_path / "guardian.toml"
    file.write_text("[specialist.smart]\n")

    with pytest.raises(ConfigError):
        LLMGuardianCluster.from_config(file)


async def test_a_response_carries_what_its_specialist_did():
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            response = await running.cluster.process_request(request())

    (result,) = response.results
    metadata = result.execution_metadata
    assert (metadata.specialist, metadata.endpoint, metadata.variant) == ("smart", "smart/1", "v1")
    assert metadata.attempts == 1
    assert metadata.duration_ms >= metadata.waited_ms > 0
    assert result.result is response.answer
    assert result.monitoring_report.characters == len(TEXT)


async def test_a_whole_answer_is_given_although_the_body_asks_for_a_stream():
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            body = request(stream=True, stream_options={"include_usage": True})
            response = await running.cluster.process_request(body)

    assert response.text == TEXT
    assert not response.record.streamed
    assert not {"stream", "stream_options"} & server.requests[0].body.keys()


async def test_a_stream_is_given_although_the_body_asks_for_none():
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            chunks = [chunk async for chunk in running.cluster.stream_request(request())]

    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == TEXT
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


async def test_several_choices_are_all_there():
    async with ModelServer(Says(("one", "two", "three"))) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            response = await running.cluster.process_request(request(n=3))

    assert [choice["message"]["content"] for choice in response.answer["choices"]] == ["one", "two", "three"]


@pytest.mark.parametrize("said", ["word " * 10, "word " * 50_000])
async def test_a_reader_that_stops_early_ends_the_work(said: str):
    async with ModelServer(said, pace=Pace(0.001, 0.001)) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            async with asyncio.timeout(5), aclosing(running.cluster.stream_request(request())) as chunks:
                async for chunk in chunks:
                    assert chunk["model"] == "smart"
                    break
            await server.until(lambda: server.cancelled == 1)
            record = await running.collected.request()

    assert record.outcome == "cancelled"


async def test_a_reader_that_stops_while_a_batch_waits_ends_the_work():
    async with ModelServer("x", faults=Giant(500_000), pace=Pace(characters_per_chunk=1_000)) as server:
        async with ModelServer(TEXT) as other:
            serving = base(specialist("smart", server.url), specialist("other", other.url))
            async with running_cluster(serving) as running:
                chunks = running.cluster.stream_request(request())
                await anext(chunks)
                for _ in range(5):  # meanwhile more arrives than is read
                    await running.ask(stream=True, model="other")
                async with asyncio.timeout(5):
                    await chunks.aclose()
                await server.until(lambda: server.open_requests == 0)


async def test_a_cancelled_reader_ends_the_work():
    async with ModelServer(faults=Hang(1)) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            reading = asyncio.create_task(running.ask(stream=True))
            await server.until(lambda: server.open_requests == 1)
            reading.cancel()
            async with asyncio.timeout(5):
                await asyncio.gather(reading, return_exceptions=True)
            await server.until(lambda: server.cancelled == 1)


async def test_a_stream_that_fails_raises_after_what_it_gave():
    async with ModelServer(TEXT, faults=Hang(2, seconds=0)) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=True)

    assert isinstance(seen.error, AttemptFailed)
    assert seen.text == TEXT[:14]  # of the 16 characters that came, two may begin a secret of the form `fo1_`


async def test_requests_side_by_side_keep_apart():
    async with ModelServer(Echoes()) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            asked = [[{"role": "user", "content": f"marker-{n} " * 5}] for n in range(60)]
            asking = [running.ask(stream=n % 2 == 0, messages=asked[n]) for n in range(60)]
            answers = await asyncio.gather(*asking)

    assert [seen.text for seen in answers] == [messages[0]["content"] for messages in asked]


async def test_embeddings_are_passed_through():
    async with ModelServer() as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            body = {"model": "smart", "input": ["a", "b"], "dimensions": 3}
            response = await running.cluster.process_request(UserRequest(body=body, operation="embeddings"))

    assert [len(one["embedding"]) for one in response.answer["data"]] == [3, 3]
    assert (response.answer["model"], response.text) == ("smart", "")
    assert response.record.operation == "embeddings"
    assert response.record.input_tokens > 0


async def test_the_solver_answers_without_any_model():
    async with running_cluster(base(SOLVER)) as running:
        question = [{"role": "user", "content": "What is 17% of 2,350?"}]
        whole = await running.ask(stream=False, model="auto", messages=question)
        streamed = await running.ask(stream=True, model="auto", messages=question)

    assert "399.5" in whole.text
    assert streamed.text == whole.text
    assert (whole.record.specialist, whole.record.cost_usd) == ("solver", 0.0)


async def test_the_solver_uses_no_tokens_in_either_form():
    counted = {"stream_options": {"include_usage": True}}
    async with running_cluster(base(SOLVER)) as running:
        question = [{"role": "user", "content": "What is 17% of 2,350?"}]
        whole = await running.ask(stream=False, model="solver", messages=question)
        streamed = await running.ask(stream=True, model="solver", messages=question, **counted)

    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert whole.chunks[-1]["usage"] == streamed.chunks[-1]["usage"] == nothing
    assert [chunk.get("usage") for chunk in streamed.chunks].count(nothing) == 1
    for record in (whole.record, streamed.record):
        assert (record.input_tokens, record.output_tokens, record.tokens_estimated) == (0, 0, False)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_model_is_recorded_as_refused(stream: bool):
    async with running_cluster(base(specialist("smart", "http://127.0.0.1:9/v1"))) as running:
        seen = await running.ask(stream=stream, model="smrat")

    assert isinstance(seen.error, NotFound)
    assert "did you mean `smart`?" in seen.error.message
    assert (seen.record.outcome, seen.record.status, seen.record.specialist) == ("refused", 404, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "smart"},
        {"model": "", "messages": [{"role": "user", "content": "hi"}]},
        {"model": "smart", "messages": []},
        {"model": "smart", "messages": "hi"},
        {"model": 7, "messages": [{"role": "user", "content": "hi"}]},
        {"model": "smart", "messages": [{"role": "user", "content": "hi"}], "n": 0},
        {"model": "smart", "messages": [{"role": "user", "content": "hi"}], "n": 10**18},
    ],
)
def test_what_is_no_request_cannot_be_made_into_one(body: dict[str, Any]):
    with pytest.raises(InvalidRequest) as caught:
        UserRequest(body=body)

    assert caught.value.param is not None


async def test_another_snapshot_is_served_from_at_once():
    async with ModelServer("old") as old, ModelServer("new") as new:
        async with running_cluster(base(specialist("smart", old.url))) as running:
            before = await running.ask(stream=False)
            running.apply(base(specialist("smart", new.url)))
            after = await running.ask(stream=False)

    assert (before.text, after.text) == ("old", "new")
    assert (before.record.rev, after.record.rev) == (1, 2)


async def test_a_request_under_way_keeps_the_snapshot_it_began_with():
    async with ModelServer("old " * 10, pace=Pace(0.01, 0.01)) as old, ModelServer("new") as new:
        async with running_cluster(base(specialist("smart", old.url))) as running:
            chunks = running.cluster.stream_request(request())
            said = [await anext(chunks)]
            running.apply(base(specialist("other", new.url)))
            said += [chunk async for chunk in chunks]
            record = await running.collected.request()

    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in said) == "old " * 10
    assert (record.outcome, record.rev) == ("ok", 1)


async def test_a_snapshot_that_cannot_be_served_leaves_the_last_one():
    async with ModelServer("still here") as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            policy = WatchPolicy(deny=(DenyRule(name="nothing", text=""),))
            with pytest.raises(ValueError, match="deny rule"):
                running.apply(base(specialist("smart", "http://127.0.0.1:9/v1"), watch=policy))
            seen = await running.ask(stream=False)

    assert (seen.text, running.cluster.snapshot.rev) == ("still here", 1)


async def test_an_endpoint_that_keeps_failing_is_reported_once_and_so_is_its_recovery():
    async with ModelServer(TEXT, faults=Status(500)) as server:
        smart = specialist("smart", server.url)
        async with running_cluster(base(smart, max_attempts=1)) as running:
            for _ in range(5):
                await running.ask(stream=False)
            server.fault = None
            for _ in range(2):
                await running.ask(stream=False)

    events = [report for report in running.collected.reports if isinstance(report, GatewayEvent)]
    told = [(event.kind, event.subject) for event in events if event.kind.startswith("endpoint")]
    assert told == [("endpoint_failing", "smart/1"), ("endpoint_recovered", "smart/1")]


async def test_a_cluster_without_a_sink_remembers_its_requests():
    async with ModelServer(TEXT) as server:
        snapshot = Snapshot(rev=1, base=base(specialist("smart", server.url)))
        async with LLMGuardianCluster(snapshot) as cluster:
            response = await cluster.process_request(request())

            assert cluster.recent.get(response.request_id) == response.record
