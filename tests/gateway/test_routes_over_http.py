"""What the routes besides chat answer."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from gateway_client import HELLO, chat, line_to, request_of, send
from harness import SOLVER, RunningGateway, base, running_gateway, specialist

from guardian_cluster.config import load_config
from guardian_cluster.contract.records import Feedback
from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.request.router import POLICIES
from guardian_cluster.simulation import Hang, ModelServer, Pace, Says, Status

NOWHERE = specialist("smart", "http://127.0.0.1:9/v1")
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


@pytest.mark.parametrize("path", ["/health", "/status", "/health/live", "/health/liveliness"])
async def test_a_gateway_that_runs_says_so_and_asks_no_model(path: str):
    async with ModelServer() as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await send(gateway, "GET", path)

    assert (reply.status, reply.json) == (200, {"status": "ok"})
    assert (server.received, gateway.collected.requests) == (0, [])


async def test_readiness_names_what_is_served():
    async with running_gateway(base(NOWHERE, SOLVER)) as gateway:
        reply = await send(gateway, "GET", "/health/readiness")

    assert (reply.status, reply.json) == (200, {"status": "ok", "rev": 1, "specialists": ["smart", "solver"]})


async def test_a_gateway_that_drains_is_alive_and_not_ready():
    async with running_gateway(base(NOWHERE)) as gateway:
        gateway.api.draining = True
        ready, live = [await send(gateway, "GET", f"/health/{path}") for path in ("readiness", "live")]

    assert (ready.status, ready.json["status"], live.status) == (503, "draining", 200)


async def test_models_are_specialists_aliases_and_auto():
    async with running_gateway(base(NOWHERE, SOLVER, aliases={"gpt-4o": "smart"})) as gateway:
        reply = await send(gateway, "GET", "/v1/models")

    assert reply.json["object"] == "list"
    assert [model["id"] for model in reply.json["data"]] == [*POLICIES, "smart", "solver", "gpt-4o"]
    assert all(model["object"] == "model" for model in reply.json["data"])
    assert all(isinstance(model["created"], int) and model["owned_by"] for model in reply.json["data"])


@pytest.mark.parametrize("name", ["auto", "smart", "gpt-4o", "vendor%2Fmodel", "vendor/model"])
async def test_a_model_is_described(name: str):
    aliases = {"gpt-4o": "smart", "vendor/model": "smart"}
    async with running_gateway(base(NOWHERE, aliases=aliases)) as gateway:
        reply = await send(gateway, "GET", f"/v1/models/{name}")

    assert (reply.status, reply.json["id"]) == (200, name.replace("%2F", "/"))


@pytest.mark.parametrize("name", ["nobody", "", "smart/x", "%00", "x" * 5_000, "..", "%ff"])
async def test_an_unknown_model_is_404(name: str):
    async with running_gateway(base(NOWHERE)) as gateway:
        reply = await send(gateway, "GET", f"/v1/models/{name}")

    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert len(reply.body) < 1_000


@pytest.mark.parametrize(
    "path", ["/openai/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions?x=1"]
)
async def test_addresses_of_other_gateways_lead_here_too(path: str):
    async with (
        ModelServer("hello") as server,
        running_gateway(base(specialist("smart", server.url))) as gateway,
    ):
        assert (await send(gateway, "POST", path, HELLO)).text == "hello"


async def test_embeddings_are_passed_through():
    async with ModelServer() as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        body = {"model": "smart", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 4}
        reply = await send(gateway, "POST", "/v1/embeddings", body)
        record = await gateway.collected.request()

    assert (reply.status, reply.json["model"]) == (200, "smart")
    assert [type(one["embedding"]) for one in reply.json["data"]] == [str, str]
    assert server.requests[0].body["dimensions"] == 4
    assert (record.operation, record.outcome) == ("embeddings", "ok")


@pytest.mark.parametrize("sent", ["text", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
async def test_every_form_of_embeddings_input_is_taken(sent: Any):
    async with ModelServer() as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await send(gateway, "POST", "/v1/embeddings", {"model": "smart", "input": sent})

    assert (reply.status, server.requests[0].body["input"]) == (200, sent)


async def test_embeddings_that_fail_are_retried_elsewhere():
    async with ModelServer(faults=Status(500)) as faulty, ModelServer() as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",))
        async with running_gateway(base(smart, specialist("backup", healthy.url))) as gateway:
            reply = await send(gateway, "POST", "/v1/embeddings", {"model": "smart", "input": "a"})

    assert (reply.status, reply.headers["x-guardian-attempts"]) == (200, "2")


@pytest.mark.parametrize("stream", [False, True])
async def test_the_final_facts_of_a_request_can_be_asked_for(stream: bool):
    policy = WatchPolicy(deny=(DenyRule(name="house", text="two"),))
    async with ModelServer("one two three") as server:
        async with running_gateway(base(specialist("smart", server.url), watch=policy)) as gateway:
            asked = await chat(gateway, stream=stream)
            facts = (await send(gateway, "GET", f"/v1/requests/{asked.headers['x-request-id']}")).json

    assert (facts["id"], facts["outcome"]) == (asked.headers["x-request-id"], "ok")
    assert (facts["specialist"], facts["endpoint"], facts["streamed"]) == ("smart", "smart/1", stream)
    assert [attempt["outcome"] for attempt in facts["attempts"]] == ["ok"]
    assert [(verdict["rule"], verdict["action"]) for verdict in facts["verdicts"]] == [("house", "redact")]
    assert "two" not in str(facts)


@pytest.mark.parametrize("path", ["/v1/requests/", "/v1/requests/req_0", "/v1/requests/" + "x" * 5_000])
async def test_a_request_that_is_not_known_is_404(path: str):
    async with running_gateway(base(NOWHERE)) as gateway:
        reply = await send(gateway, "GET", path)

    assert (reply.status, reply.error["code"]) == (404, "not_found")


async def test_a_refused_request_has_facts_too():
    async with running_gateway(base(NOWHERE)) as gateway:
        asked = await chat(gateway, model="nobody")
        facts = (await send(gateway, "GET", f"/v1/requests/{asked.headers['x-request-id']}")).json

    assert (facts["outcome"], facts["status"], facts["error"]) == ("refused", 404, "model_not_found")


@pytest.mark.parametrize(
    "said", [{"score": 0}, {"score": 1}, {"score": 0.5, "label": "x"}, {"comment": "ü" * 4_000}]
)
async def test_feedback_is_taken_in(said: dict[str, Any]):
    clock = ManualClock()
    async with running_gateway(base(NOWHERE), clock) as gateway:
        reply = await send(gateway, "POST", "/v1/feedback", {"request_id": "req_1", **said})
        (kept,) = [report for report in gateway.collected.reports if isinstance(report, Feedback)]

    assert (reply.status, reply.json) == (200, {"object": "feedback", "request_id": "req_1"})
    assert (kept.request_id, kept.tenant, kept.received) == ("req_1", "default", clock.now())
    assert {name: getattr(kept, name) for name in said} == said


async def test_metrics_have_the_names_of_the_conventions():
    policy = WatchPolicy(deny=(DenyRule(name="house", text="two"),))
    async with ModelServer("one two three") as server:
        async with running_gateway(base(specialist("smart", server.url), watch=policy)) as gateway:
            for stream in (False, True):
                await chat(gateway, stream=stream)
            server.fault = Status(500)
            await chat(gateway)
            await gateway.collected.request(2)
            reply = await send(gateway, "GET", "/metrics")

    text = reply.body.decode()
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    for name in (
        "gen_ai_server_request_duration_seconds_bucket",
        "gen_ai_server_time_to_first_token_seconds_bucket",
        "gen_ai_client_token_usage_bucket",
        "guardian_overhead_seconds_bucket",
        'guardian_snapshot_revision{worker="1"} 1.0',
        'guardian_requests_total{guardian_specialist="smart",outcome="ok"} 2.0',
        'guardian_requests_total{guardian_specialist="smart",outcome="error"} 1.0',
        'guardian_attempts_total{endpoint="smart/1",error="",outcome="ok"} 2.0',
        'guardian_verdicts_total{action="redact",detector="deny",rule="house"} 2.0',
    ):
        assert name in text


async def test_no_word_of_a_caller_becomes_a_label():
    async with running_gateway(base(NOWHERE, max_attempts=1)) as gateway:
        for number in range(20):
            await chat(gateway, model=f"invented-{number}", user=f"invented-{number}")
            await send(gateway, "GET", f"/invented-{number}")
        text = (await send(gateway, "GET", "/metrics")).body.decode()

    assert "invented" not in text


async def test_every_response_has_an_id_of_its_own():
    async with running_gateway(base(NOWHERE)) as gateway:
        replies = [
            await send(gateway, "GET", path) for path in ("/health", "/v1/models", "/nowhere", "/metrics")
        ]

    ids = [reply.headers["x-request-id"] for reply in replies]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"req_[0-9a-f]{32}", one) for one in ids)
    assert ids == [reply.headers["request-id"] for reply in replies]


async def test_another_snapshot_is_served_from_at_once_and_requests_under_way_keep_theirs():
    async with ModelServer("old " * 8, pace=Pace(0.05, 0.02)) as old, ModelServer("new") as new:
        async with running_gateway(base(specialist("smart", old.url))) as gateway:
            under_way = asyncio.create_task(chat(gateway, stream=True))
            await old.until(lambda: old.open_requests == 1)
            gateway.apply(base(specialist("smart", new.url), specialist("added", new.url)))
            fresh = await chat(gateway, model="added")
            before = await under_way
            ready = await send(gateway, "GET", "/health/readiness")

    assert (before.text, before.events[-1], fresh.text) == ("old " * 8, "[DONE]", "new")
    assert (ready.json["rev"], ready.json["specialists"]) == (2, ["smart", "added"])


async def test_snapshots_change_under_load_and_nobody_notices():
    async with ModelServer(Says(("hello",)), pace=Pace(0.002)) as server:
        serving = base(specialist("smart", server.url), max_concurrency=500)
        async with running_gateway(serving) as gateway:

            async def ask(number: int) -> str:
                return (await chat(gateway, stream=number % 2 == 0)).text

            asking = [asyncio.create_task(ask(number)) for number in range(80)]
            while not all(task.done() for task in asking):
                gateway.apply(serving)
                await asyncio.wait(asking, timeout=0.01)

    assert [task.result() for task in asking] == ["hello"] * 80


async def test_answers_under_way_end_well_while_the_gateway_stops():
    async with ModelServer("hello " * 6, pace=Pace(0.1, 0.05)) as server:
        async with running_gateway(base(specialist("smart", server.url), drain_s=10)) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", "/v1/chat/completions", {**HELLO, "stream": True}))
                await server.until(lambda: server.open_requests == 1)
                gateway.stop.set()
                reply = await line.reply()
                assert await line.is_closed()

    assert (reply.text, reply.events[-1]) == ("hello " * 6, "[DONE]")


async def wait_until_refused(gateway: RunningGateway) -> None:
    async with asyncio.timeout(5):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await send(gateway, "GET", "/health")


async def test_new_connections_are_refused_while_the_gateway_stops():
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(base(specialist("smart", server.url), drain_s=1)) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", "/v1/chat/completions", HELLO))
                await server.until(lambda: server.open_requests == 1)
                gateway.stop.set()
                await wait_until_refused(gateway)


async def test_draining_has_an_end_and_ends_the_work_at_the_endpoint():
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(base(specialist("smart", server.url), drain_s=1)) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", "/v1/chat/completions", HELLO))
                await server.until(lambda: server.open_requests == 1)
                gateway.stop.set()
                await server.until(lambda: server.cancelled == 1)
                record = await gateway.collected.request()

    assert record.outcome == "cancelled"


@pytest.mark.parametrize(("repeated", "advice"), [({}, None), ({"x-stainless-retry-count": "0"}, None)])
async def test_a_client_may_try_once_more_what_was_tried_once(repeated: dict[str, str], advice: str | None):
    async with running_gateway(base(NOWHERE, max_attempts=1)) as gateway:
        reply = await chat(gateway, repeated)

    assert (reply.status, reply.headers.get("x-should-retry")) == (502, advice)


async def test_a_client_that_has_repeated_is_told_to_leave_it_at_that():
    async with running_gateway(base(NOWHERE, max_attempts=1)) as gateway:
        reply = await chat(gateway, {"x-stainless-retry-count": "1"})

    assert (reply.status, reply.headers["x-should-retry"]) == (502, "false")


async def test_a_client_that_knows_how_long_to_wait_may_repeat_all_the_same():
    busy = Status(429, headers=(("retry-after", "30"),))
    async with (
        ModelServer(faults=busy) as server,
        running_gateway(base(specialist("smart", server.url))) as gw,
    ):
        reply = await chat(gw, {"x-stainless-retry-count": "1"})

    assert (reply.status, reply.headers["retry-after"]) == (429, "30")
    assert "x-should-retry" not in reply.headers


@pytest.mark.parametrize(
    ("path", "body", "able"),
    [
        ("/v1/embeddings", {"input": "hello"}, "embeddings"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [PICTURE]}]}, "vision"),
    ],
)
async def test_following_the_advice_of_a_refusal_helps(
    path: str, body: dict[str, Any], able: str, tmp_path: Path
):
    async with running_gateway(base(SOLVER)) as gateway:
        refusal = await send(gateway, "POST", path, {"model": "auto", **body})
    file = tmp_path / "guardian.toml"
    file.write_text(re.search(r"(?s)\[specialist.*(?=Then run)", refusal.error["message"])[0])
    advised = load_config(file, environment={}).base()

    async with running_gateway(advised) as gateway:
        reply = await send(gateway, "POST", path, {"model": "auto", **body})

    assert refusal.status == 503
    assert getattr(advised.specialists[0].capabilities, able)
    assert reply.error["code"] == "upstream_unreachable"


async def test_an_endpoint_that_is_unreachable_is_named_by_its_id_and_its_address_in_the_log(
    caplog: pytest.LogCaptureFixture,
):
    hidden = specialist("smart", "http://user:word@127.0.0.1:9/v1?api-key=word")
    async with running_gateway(base(hidden, max_attempts=1)) as gateway:
        reply = await chat(gateway)

    said = [vars(record) for record in caplog.records if record.msg == "an endpoint cannot be reached"]
    assert reply.error["message"] == "The endpoint smart/1 cannot be reached: the connection was refused."
    assert [(each["endpoint"], each["url"].partition("/v1")[0]) for each in said] == [
        ("smart/1", "http://127.0.0.1:9")
    ]
    assert "word" not in str([(each["url"], each["reason"]) for each in said])
