"""Who tries again, and how often: the client's retries and the gateway's must not multiply."""

from typing import Any

import openai
import pytest
from sdk_clients import HI, TEXT, Serving, serving

from guardian_cluster.simulation import Fault, Refuse, Status, StreamError, first, in_turn

ONCE = {"max_attempts": 1}
SOON = (("retry-after-ms", "20"),)


def attempts(smart: Serving) -> tuple[int, int]:
    """Return how often the client asked the gateway, and the gateway the model."""
    return len(smart.gateway.collected.requests), smart.model.received


async def fails(smart: Serving, **asked: Any) -> openai.APIError:
    with pytest.raises(openai.APIError) as raised:
        async for _ in await smart.client.chat.completions.create(**HI, stream=True, **asked):
            pass
    return raised.value


async def test_after_the_gateways_own_retries_the_client_does_not_try_again():
    async with serving(faults=Status(500), max_retries=2) as smart:
        error = await fails(smart)

    assert isinstance(error, openai.InternalServerError)
    assert error.response.headers["x-should-retry"] == "false"
    assert attempts(smart) == (1, 3)


async def test_a_model_that_cannot_be_reached_is_not_tried_again_by_the_client():
    async with serving(faults=Refuse(), max_retries=2) as smart:
        error = await fails(smart)

    assert isinstance(error, openai.InternalServerError)
    assert (error.status_code, error.code) == (502, "upstream_unreachable")
    assert attempts(smart) == (1, 0)


async def test_where_the_gateway_tried_once_the_client_tries_as_it_likes():
    async with serving(faults=first(1, Status(500, headers=SOON)), limits=ONCE, max_retries=2) as smart:
        completion = await smart.client.chat.completions.create(**HI)

    assert completion.choices[0].message.content == TEXT
    assert attempts(smart) == (2, 2)


async def test_a_client_waits_as_exactly_as_the_model_asks():
    async with serving(faults=Status(429, headers=SOON), limits=ONCE, max_retries=2) as smart:
        error = await fails(smart)

    assert isinstance(error, openai.RateLimitError)
    assert [error.response.headers[name] for name in ("retry-after-ms", "retry-after")] == ["20", "1"]
    assert attempts(smart) == (3, 3)


async def test_a_wait_longer_than_the_client_honours_is_cut_to_what_it_does():
    async with serving(faults=Status(429, retry_after="3600"), max_retries=0) as smart:
        error = await fails(smart)

    assert isinstance(error, openai.RateLimitError)
    assert error.response.headers["retry-after-ms"] == "120000"
    assert attempts(smart) == (1, 1)


@pytest.mark.parametrize("fault", [Status(400), Status(422)], ids=str)
async def test_nobody_tries_again_what_is_wrong_with_the_request(fault: Fault):
    async with serving(faults=fault, max_retries=2) as smart:
        await fails(smart)

    assert attempts(smart) == (1, 1)


@pytest.mark.parametrize("status", [302, 401, 402, 403, 404, 405, 410, 451])
async def test_nobody_tries_again_what_only_the_operator_can_mend(status: int):
    async with serving(faults=Status(status), max_retries=2) as smart:
        error = await fails(smart)

    assert isinstance(error, openai.InternalServerError)
    assert error.response.headers["x-should-retry"] == "false"
    assert attempts(smart) == (1, 1)


async def test_the_client_does_not_try_again_after_content():
    async with serving(faults=StreamError(3), max_retries=2) as smart:
        await fails(smart)

    asked_by_client, asked_by_gateway = attempts(smart)
    assert asked_by_client == 1
    assert asked_by_gateway <= 4  # and that is to go on with the answer, not to begin another


async def test_a_failure_before_content_is_mended_without_the_client_seeing_it():
    broken = in_turn(Status(503), StreamError("headers"))
    async with serving(faults=broken) as smart:
        raw = await smart.client.chat.completions.with_raw_response.create(**HI, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in raw.parse()])

    assert said == TEXT
    assert raw.headers["x-guardian-attempts"] == "3"
    assert attempts(smart) == (1, 3)
