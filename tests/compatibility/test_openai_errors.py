"""Errors as the unchanged OpenAI client sees them: their class, and what it can tell its user."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from harness import SOLVER, RunningGateway, base, running_gateway, specialist
from sdk_clients import HI, client_of, serving

from guardian_cluster.contract.snapshot import ApiKey, Capabilities, DenyRule, Limits, WatchPolicy
from guardian_cluster.keys import digest
from guardian_cluster.simulation import Answer, CleanCut, Empty, Fault, Hang, ModelServer, Status, StreamError

SECRET = "sk-gc-a-secret"

WRONG: list[tuple[dict[str, Any], type[openai.APIStatusError], str | None, str | None]] = [
    ({"messages": []}, openai.BadRequestError, "empty_array", "messages"),
    ({"messages": "Hello"}, openai.BadRequestError, "invalid_type", "messages"),
    ({"n": 10**18}, openai.BadRequestError, "invalid_value", "n"),
    ({"model": "nobody"}, openai.NotFoundError, "model_not_found", "model"),
]
"""What is asked for, and the error, its code and its param."""

PASSED_ON: list[tuple[Fault, type[openai.APIStatusError], int, str | None]] = [
    (Status(400, code="context_length_exceeded"), openai.BadRequestError, 400, "context_length_exceeded"),
    (Status(401), openai.InternalServerError, 502, "upstream_credentials_rejected"),
    (Status(402), openai.InternalServerError, 502, "upstream_unpaid"),
    (Status(403), openai.InternalServerError, 502, "upstream_credentials_rejected"),
    (Status(404), openai.InternalServerError, 502, "upstream_not_found"),
    (Status(405), openai.InternalServerError, 502, "upstream_not_found"),
    (Status(409), openai.ConflictError, 409, None),
    (Status(422), openai.UnprocessableEntityError, 422, None),
    (Status(429, code="rate_limit_exceeded"), openai.RateLimitError, 429, "rate_limit_exceeded"),
    (Status(500), openai.InternalServerError, 500, None),
    (Status(503), openai.InternalServerError, 503, None),
    (Empty(), openai.InternalServerError, 502, "upstream_empty"),
]


async def raised_by(client: openai.AsyncOpenAI, **asked: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as raised:
        await client.chat.completions.create(**(HI | asked))
    return raised.value


async def read(stream: Any) -> list[Any]:
    return [chunk async for chunk in stream]


@pytest.mark.parametrize(("asked", "kind", "code", "param"), WRONG)
async def test_a_wrong_request_is_explained(
    asked: dict[str, Any], kind: type[openai.APIStatusError], code: str | None, param: str | None
):
    async with serving() as smart:
        error = await raised_by(smart.client, **asked)

    assert type(error) is kind
    assert (error.code, error.param) == (code, param)
    assert isinstance(error.body, dict)
    assert error.body.keys() == {"message", "type", "param", "code"}
    assert error.request_id
    assert smart.model.received == 0


@pytest.mark.parametrize(("fault", "kind", "status", "code"), PASSED_ON, ids=str)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_failure_before_content_has_a_status(
    fault: Fault, kind: type[openai.APIStatusError], status: int, code: str | None, stream: bool
):
    async with serving(faults=fault, limits={"max_attempts": 1}) as smart:
        error = await raised_by(smart.client, stream=stream)

    assert (type(error), error.status_code, error.code) == (kind, status, code)
    assert error.request_id
    assert error.request_id.startswith("req_")


@asynccontextmanager
async def keyed(**facts: Any) -> AsyncGenerator[tuple[RunningGateway, openai.AsyncOpenAI], None]:
    """Run a gateway with one key, whose facts these are."""
    key = ApiKey(id="a", sha256=digest(SECRET), tenant="default", created=0.0, **facts)
    async with ModelServer() as model:
        serving_now = base(specialist("smart", model.url), specialist("other", model.url), keys=[key])
        async with running_gateway(serving_now) as gateway, client_of(gateway, api_key=SECRET) as client:
            yield gateway, client


async def test_a_wrong_key_is_an_authentication_error():
    async with keyed() as (_, client):
        error = await raised_by(client.with_options(api_key="sk-wrong"))

    assert (type(error), error.code) == (openai.AuthenticationError, "invalid_api_key")


async def test_a_key_may_not_use_what_it_is_not_allowed():
    async with keyed(models=("other",)) as (_, client):
        error = await raised_by(client)
        listed = [model.id async for model in client.models.list()]

    assert (type(error), error.param, listed) == (openai.PermissionDeniedError, "model", ["other"])


async def test_a_key_over_its_limit_is_told_how_long_to_wait():
    async with keyed(limits=Limits(requests_per_minute=1)) as (_, client):
        first = await client.chat.completions.with_raw_response.create(**HI)
        error = await raised_by(client)

    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert (type(error), error.code) == (openai.RateLimitError, "requests_per_minute_exceeded")
    assert 0 < int(error.response.headers["retry-after-ms"]) <= 60_000
    assert 0 < int(error.response.headers["retry-after"]) <= 60


async def test_a_request_that_nobody_can_serve_says_what_is_missing():
    async with running_gateway(base(SOLVER)) as gateway, client_of(gateway, max_retries=2) as client:
        error = await raised_by(client, model="auto", messages=[{"role": "user", "content": "Write a poem."}])

    assert (type(error), error.status_code, error.code) == (
        openai.InternalServerError,
        503,
        "no_model_configured",
    )
    assert "guardian serve --config" in error.message
    assert len(gateway.collected.requests) == 1


async def test_what_a_specialist_cannot_do_is_a_bad_request():
    async with serving(smart={"capabilities": Capabilities(tools=False)}) as smart:
        error = await raised_by(smart.client, tools=[{"type": "function", "function": {"name": "f"}}])

    assert (type(error), error.code) == (openai.BadRequestError, "unsupported_capability")


async def test_a_withheld_answer_is_a_bad_request_with_a_code():
    watch = WatchPolicy(canaries=("canary",), on_canary="retry")
    async with serving(Answer(text="the canary sings"), limits={"watch": watch}) as smart:
        error = await raised_by(smart.client)

    assert (type(error), error.code) == (openai.BadRequestError, "answer_blocked")
    assert "sings" not in str(error.body)


async def test_an_error_after_content_names_its_code_and_request():
    async with serving(faults=StreamError(3)) as smart:
        raw = await smart.client.chat.completions.with_raw_response.create(**HI, stream=True)
        stream: Any = raw.parse()
        said = [await anext(stream) for _ in range(3)]
        with pytest.raises(openai.APIError) as raised:
            await read(stream)

    assert said[2].choices[0].delta.content
    assert type(raised.value) is openai.APIError
    assert raised.value.code == "engine_failed"
    assert raw.request_id
    assert raw.request_id in raised.value.message


async def test_the_stream_wrapper_raises_the_error_too():
    async with serving(faults=CleanCut(3)) as smart:
        with pytest.raises(openai.APIError, match=r"before it was complete\. \(request id: req_") as raised:
            async with smart.client.chat.completions.stream(**HI) as stream:
                await stream.get_final_completion()

    assert raised.value.code == "upstream_incomplete"


async def test_a_deadline_is_a_gateway_timeout_that_is_not_tried_again():
    async with serving(faults=Hang(), max_retries=2) as smart:
        error = await raised_by(smart.client, extra_headers={"x-guardian-timeout-ms": "100"})

    assert (type(error), error.status_code, error.code) == (
        openai.InternalServerError,
        504,
        "deadline_exceeded",
    )
    assert (len(smart.gateway.collected.requests), smart.model.received) == (1, 1)


async def test_a_client_that_waits_no_longer_ends_the_work():
    async with serving(faults=Hang()) as smart:
        patient = {"x-guardian-timeout-ms": "10000"}
        with pytest.raises(openai.APITimeoutError):
            await smart.client.chat.completions.create(**HI, timeout=0.2, extra_headers=patient)
        await smart.model.until(lambda: smart.model.open_requests == 0)
        record = await smart.gateway.collected.request()

    assert (smart.model.cancelled, record.outcome) == (1, "cancelled")


async def test_nothing_listens_there():
    async with running_gateway(base()) as gateway:
        client = client_of(gateway)
    async with client:
        with pytest.raises(openai.APIConnectionError):
            await asyncio.wait_for(client.models.list(), 10)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_answer_that_was_withheld_shows_its_verdict(stream: bool):
    watch = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="retry"),))
    async with ModelServer("SECRET") as model:
        async with running_gateway(
            base(specialist("smart", model.url), watch=watch, max_attempts=2)
        ) as gateway:
            async with client_of(gateway) as client:
                error = await raised_by(client, stream=stream)

    assert (error.status_code, error.code) == (400, "answer_blocked")
    assert error.response.headers["x-guardian-verdict"] == "deny:retry=2"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_error_is_not_being_watched_any_more(stream: bool):
    async with serving(faults=Status(500), limits={"max_attempts": 1}) as smart:
        error = await raised_by(smart.client, stream=stream)

    assert error.response.headers["x-guardian-verdict"] == "ok"


async def test_a_stream_from_elsewhere_is_watched_although_another_answer_was_withheld():
    async with ModelServer(faults=Empty()) as empty, ModelServer("One two three.") as model:
        smart = specialist("smart", empty.url, fallback=("backup",))
        async with running_gateway(base(smart, specialist("backup", model.url))) as gateway:
            async with client_of(gateway) as client:
                raw = await client.chat.completions.with_raw_response.create(**HI, stream=True)
                await read(raw.parse())

    assert raw.headers["x-guardian-specialist"] == "backup"
    assert raw.headers["x-guardian-verdict"] == "watching"
