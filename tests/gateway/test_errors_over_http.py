"""Every error, on every route, in OpenAI's shape and with a message that says what to do."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from gateway_client import HELLO, chat, head_of, line_to, request_of, send
from harness import SOLVER, RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.snapshot import BalancingPolicy, Capabilities
from guardian_cluster.gateway.app import Service
from guardian_cluster.gateway.auth import Keyring
from guardian_cluster.simulation import Hang, ModelServer

CHAT, EMBEDDINGS, FEEDBACK = "/v1/chat/completions", "/v1/embeddings", "/v1/feedback"
NOWHERE = specialist("smart", "http://127.0.0.1:9/v1")
ROUTES = [
    ("POST", CHAT),
    ("POST", EMBEDDINGS),
    ("POST", FEEDBACK),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/smart"),
    ("GET", "/v1/requests/req_1"),
    ("GET", "/metrics"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/liveliness"),
    ("GET", "/health/readiness"),
]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nowhere() -> AsyncGenerator[RunningGateway]:
    """A gateway whose only model is not there; it serves every test that changes nothing in it."""
    async with running_gateway(base(NOWHERE)) as gateway:
        yield gateway


def messages(content: Any) -> dict[str, Any]:
    return {"model": "smart", "messages": [{"role": "user", "content": content}]}


BAD_BODIES: list[tuple[str, Any, str, str | None]] = [
    (CHAT, b"", "invalid_json", None),
    (CHAT, b"{", "invalid_json", None),
    (CHAT, b"[]", "invalid_type", None),
    (CHAT, b"null", "invalid_type", None),
    (CHAT, b'"text"', "invalid_type", None),
    (CHAT, b"\xff\xfe", "invalid_json", None),
    (CHAT, b'{"model": "\xff", "messages": []}', "invalid_json", None),
    (CHAT, b'{"\xff": 1, "model": "smart", "messages": []}', "invalid_json", None),
    (CHAT, b'{"model": "\\ud800", "messages": []}', "invalid_json", None),
    (CHAT, b'\xef\xbb\xbf{"model": "smart"}', "invalid_json", None),
    (CHAT, {}, "missing_required_parameter", "model"),
    (CHAT, {"model": "smart"}, "missing_required_parameter", "messages"),
    (CHAT, {"messages": HELLO["messages"]}, "missing_required_parameter", "model"),
    (CHAT, {**HELLO, "model": ""}, "invalid_request", "model"),
    (CHAT, {**HELLO, "model": 7}, "invalid_type", "model"),
    (CHAT, {**HELLO, "model": None}, "invalid_type", "model"),
    (CHAT, {**HELLO, "messages": []}, "empty_array", "messages"),
    (CHAT, {**HELLO, "messages": None}, "invalid_type", "messages"),
    (CHAT, {**HELLO, "messages": "hi"}, "invalid_type", "messages"),
    (CHAT, {**HELLO, "messages": {}}, "invalid_type", "messages"),
    (CHAT, {**HELLO, "messages": ["hi"]}, "invalid_type", "messages[0]"),
    (CHAT, {**HELLO, "messages": [{}]}, "invalid_type", "messages[0]"),
    (CHAT, {**HELLO, "messages": [{"role": 7}]}, "invalid_type", "messages[0].role"),
    (CHAT, messages(7), "invalid_type", "messages[0].content"),
    (CHAT, messages([7]), "invalid_type", "messages[0].content[0]"),
    (CHAT, messages([{}]), "invalid_type", "messages[0].content[0]"),
    (CHAT, messages([{"type": "text", "text": 7}]), "invalid_type", "messages[0].content[0].text"),
    (CHAT, {**HELLO, "stream": "yes"}, "invalid_type", "stream"),
    (CHAT, {**HELLO, "n": 0}, "invalid_value", "n"),
    (CHAT, {**HELLO, "n": -1}, "invalid_value", "n"),
    (CHAT, {**HELLO, "n": 129}, "invalid_value", "n"),
    (CHAT, {**HELLO, "n": 10**18}, "invalid_value", "n"),
    (CHAT, {**HELLO, "n": 10**400}, "invalid_type", "n"),
    (CHAT, {**HELLO, "n": 1.5}, "invalid_type", "n"),
    (CHAT, {**HELLO, "max_tokens": "many"}, "invalid_type", "max_tokens"),
    (CHAT, {**HELLO, "tools": "f"}, "invalid_type", "tools"),
    (CHAT, {**HELLO, "tools": [7]}, "invalid_type", "tools[0]"),
    (CHAT, {**HELLO, "response_format": "json"}, "invalid_type", "response_format"),
    (CHAT, {**HELLO, "stream_options": []}, "invalid_type", "stream_options"),
    (CHAT, {**HELLO, "logprobs": 5}, "invalid_type", "logprobs"),
    (EMBEDDINGS, b"{", "invalid_json", None),
    (EMBEDDINGS, b'{"model": "smart", "input": "\xff"}', "invalid_json", None),
    (EMBEDDINGS, {"model": "smart"}, "missing_required_parameter", "input"),
    (EMBEDDINGS, {"model": "smart", "input": {}}, "invalid_type", "input"),
    (EMBEDDINGS, {"model": "smart", "input": [None]}, "invalid_type", "input[0]"),
    (EMBEDDINGS, {"model": "", "input": "hi"}, "invalid_request", "model"),
    (EMBEDDINGS, {"model": "smart", "input": ""}, "empty_input", "input"),
    (EMBEDDINGS, {"model": "smart", "input": []}, "empty_input", "input"),
    (FEEDBACK, b"{", "invalid_json", None),
    (FEEDBACK, b'{"request_id": "\xff"}', "invalid_json", None),
    (FEEDBACK, {}, "missing_required_parameter", "request_id"),
    (FEEDBACK, {"request_id": "r"}, "invalid_request", "score"),
    (FEEDBACK, {"request_id": "", "score": 1}, "invalid_type", "request_id"),
    (FEEDBACK, {"request_id": "r", "score": 2}, "invalid_type", "score"),
    (FEEDBACK, {"request_id": "r", "score": "good"}, "invalid_type", "score"),
    (FEEDBACK, {"request_id": "r", "label": "x" * 201}, "invalid_type", "label"),
    (FEEDBACK, {"request_id": "r", "scroe": 1}, "invalid_type", None),
]


@pytest.mark.parametrize(("path", "body", "code", "param"), BAD_BODIES, ids=lambda value: repr(value)[:60])
async def test_a_bad_body_is_400_and_names_the_field(
    nowhere: RunningGateway, path: str, body: Any, code: str, param: str | None
):
    reply = await send(nowhere, "POST", path, body)

    assert reply.status == 400
    assert (reply.error["type"], reply.error["code"], reply.error["param"]) == (
        "invalid_request_error",
        code,
        param,
    )
    assert len(reply.body) < 2_000
    assert reply.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("path", [CHAT, EMBEDDINGS])
async def test_an_unknown_model_is_404_with_the_nearest_name(nowhere: RunningGateway, path: str):
    reply = await send(nowhere, "POST", path, {**HELLO, "input": "hi", "model": "smrat"})

    assert (reply.status, reply.error["code"], reply.error["param"]) == (404, "model_not_found", "model")
    assert "did you mean `smart`?" in reply.error["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_nobody_able_is_503_with_the_next_command(stream: bool):
    async with running_gateway(base(SOLVER)) as gateway:
        reply = await chat(gateway, model="auto", stream=stream)

    assert (reply.status, reply.error["code"]) == (503, "no_model_configured")
    assert "guardian serve --config guardian.toml" in reply.error["message"]
    assert reply.headers["x-should-retry"] == "false"


async def test_a_specialist_that_lacks_what_is_needed_is_400():
    plain = specialist("plain", "http://127.0.0.1:9/v1", capabilities=Capabilities(tools=False))
    async with running_gateway(base(plain)) as gateway:
        reply = await chat(gateway, model="plain", tools=[{"type": "function", "function": {"name": "f"}}])

    assert (reply.status, reply.error["code"]) == (400, "unsupported_capability")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/nothing", "/chat/completions", "/v2/models", "//", "/%00"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_404(nowhere: RunningGateway, method: str, path: str):
    reply = await send(nowhere, method, path, {} if method == "POST" else None)

    assert (reply.status, reply.error["type"], reply.error["code"]) == (404, "not_found_error", "not_found")
    assert "/v1/chat/completions" in reply.error["message"]


@pytest.mark.parametrize(("right", "path"), ROUTES)
async def test_a_wrong_method_is_405_and_says_which_is_right(nowhere: RunningGateway, right: str, path: str):
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - {right}:
        reply = await send(nowhere, method, path)

        assert (reply.status, reply.error["code"]) == (405, "method_not_allowed")
        assert right in reply.headers["allow"].split(", ")
        assert right in reply.error["message"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_head_answers_like_get_without_a_body(nowhere: RunningGateway, method: str, path: str):
    async with line_to(nowhere) as line:
        await line.send(head_of("HEAD", path))
        reply = await line.reply(head_only=True)
        await line.send(head_of("GET", "/health"))
        following = await line.reply()

    expected = 405 if method == "POST" else 404 if path.startswith("/v1/requests") else 200
    assert reply.status == expected
    assert following.json == {"status": "ok"}  # nothing of a body stood in between


@pytest.mark.parametrize("path", [CHAT, EMBEDDINGS, FEEDBACK])
async def test_a_body_that_says_it_is_too_large_is_413_unread(path: str):
    async with running_gateway(base(NOWHERE, max_body_bytes=1_000)) as gateway, line_to(gateway) as line:
        await line.send(head_of("POST", path, {"content-length": "70000"}))
        reply = await line.reply()

    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert "bytes" in reply.error["message"]


@pytest.mark.parametrize("path", [CHAT, EMBEDDINGS, FEEDBACK])
async def test_a_body_that_turns_out_too_large_is_413(path: str):
    piece = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    async with running_gateway(base(NOWHERE, max_body_bytes=1_000)) as gateway, line_to(gateway) as line:
        await line.send(head_of("POST", path, {"transfer-encoding": "chunked"}) + piece * 8)
        reply = await line.reply()

    assert (reply.status, reply.error["code"]) == (413, "request_too_large")


async def test_a_client_that_sends_all_before_it_reads_sees_the_413_too():
    async with running_gateway(base(NOWHERE, max_body_bytes=1_000)) as gateway, line_to(gateway) as line:
        await line.send(request_of("POST", CHAT, b"x" * 5_000_000))
        reply = await line.reply()

    assert (reply.status, reply.error["code"]) == (413, "request_too_large")


async def test_a_body_of_the_largest_size_passes():
    content = json.dumps(HELLO).encode()
    async with ModelServer() as server:
        serving = base(specialist("smart", server.url), max_body_bytes=len(content))
        async with running_gateway(serving) as gateway:
            assert (await send(gateway, "POST", CHAT, content)).status == 200
            assert (await send(gateway, "POST", CHAT, content + b" ")).status == 413


async def test_a_large_body_passes():
    words = "word " * 600_000
    async with (
        ModelServer("Noted.") as server,
        running_gateway(base(specialist("smart", server.url))) as gateway,
    ):
        reply = await chat(gateway, messages=[{"role": "user", "content": words}])

    assert reply.text == "Noted."
    assert server.requests[0].prompt == words


@pytest.mark.parametrize("path", [CHAT, EMBEDDINGS])
async def test_a_gateway_at_its_limit_says_when_to_come_back(path: str):
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(base(specialist("smart", server.url), max_concurrency=1)) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", CHAT, HELLO))
                await server.until(lambda: server.open_requests == 1)
                reply = await send(gateway, "POST", path, {**HELLO, "input": "hi"})

    assert (reply.status, reply.error["code"]) == (429, "gateway_busy")
    assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("1", "1000")
    assert server.received == 1


@pytest.mark.parametrize(
    "path", ["/health", "/health/live", "/health/liveliness", "/health/readiness", "/metrics"]
)
async def test_a_gateway_at_its_limit_is_alive(path: str):
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(base(specialist("smart", server.url), max_concurrency=1)) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", CHAT, HELLO))
                await server.until(lambda: server.open_requests == 1)
                reply = await send(gateway, "GET", path)

    assert reply.status == 200


async def test_a_specialist_at_its_limit_is_429():
    async with ModelServer(faults=Hang("request")) as server:
        full = base(specialist("smart", server.url, max_concurrency=1))
        impatient = msgspec.structs.replace(full, balancing=BalancingPolicy(wait_s=0.1))
        async with running_gateway(impatient) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", CHAT, HELLO))
                await server.until(lambda: server.open_requests == 1)
                reply = await chat(gateway)

    assert (reply.status, reply.error["code"]) == (429, "specialist_busy")
    assert 1 <= int(reply.headers["retry-after"]) <= 120


async def test_a_fault_of_the_gateway_itself_is_500_and_gives_nothing_away(caplog: pytest.LogCaptureFixture):
    async with running_gateway(base(NOWHERE)) as gateway:
        broken = Service(snapshot=gateway.cluster.snapshot, workflow=None, keyring=Keyring(base()))  # type: ignore[arg-type]
        gateway.gateway.serve(broken)
        reply = await send(gateway, "GET", "/v1/models")
        following = await send(gateway, "GET", "/health")

    assert (reply.status, reply.error["type"], reply.error["code"]) == (500, "server_error", "internal_error")
    assert reply.headers["x-request-id"] in reply.error["message"]
    assert "NoneType" not in reply.body.decode()
    assert "NoneType" in caplog.text
    assert following.status == 200
