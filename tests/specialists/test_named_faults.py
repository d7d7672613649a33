"""Every fault that has a name, through either transport: the same failure, or the same answer."""

import asyncio
from collections.abc import Callable

import pytest

from guardian_cluster.contract.snapshot import Endpoint, Specialist, Variant
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.simulation import ModelServer
from guardian_cluster.simulation.catalogue import NAMED_FAULTS, UNRESOLVED_URL
from guardian_cluster.specialists.aiohttp_transport import AiohttpTransport
from guardian_cluster.specialists.http import HttpSpecialist
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.specialist import Chunk, Context, Task
from guardian_cluster.specialists.transport import Transport

Make = Callable[[], Transport]
PATIENCE_S = 0.3

STREAMED = {
    "refuse": "upstream_unreachable",
    "tls-failure": "upstream_unreachable",
    "unresolved": "upstream_unreachable",
    "reset-before-headers": "upstream_disconnected",
    "reset-after-headers": "upstream_disconnected",
    "reset-mid-stream": "upstream_disconnected",
    "hang-before-headers": "hangs",
    "hang-after-headers": "hangs",
    "hang-mid-stream": "hangs",
    "slow-drip": "hangs",
    "degraded-5x": "answers",
    "rate-limited": "upstream_rate_limited",
    "rate-limited-retry-after": "upstream_rate_limited",
    "server-error": "upstream_error",
    "server-error-burst": "upstream_error",
    "bad-gateway-page": "upstream_error",
    "flapping": "answers",
    "unauthorized": "upstream_credentials_rejected",
    "not-found": "upstream_not_found",
    "malformed-json": "upstream_malformed",
    "malformed-mid-stream": "upstream_malformed",
    "truncated-utf8": "upstream_malformed",
    "half-body": "upstream_disconnected",
    "clean-cut": "answers",
    "no-finish": "answers",
    "no-done": "answers",
    "soft-error": "upstream_error",
    "stream-error": "upstream_error",
    "wrong-content-type": "upstream_malformed",
    "empty": "answers",
    "repetition": "answers",
    "giant": "upstream_answer_too_large",
}
"""What comes of each; whether an answer is complete, or makes sense, is for others to say."""

WHOLE = {**STREAMED, "wrong-content-type": "answers"}
"""The same where the answer comes in one body."""


async def outcome(make: Make, name: str, *, stream: bool) -> str:
    """Return what an attempt at a server with the fault ends with."""
    transport = make()
    async with ModelServer("one two three four five six seven") as server:
        server.fault = NAMED_FAULTS.get(name)
        url = UNRESOLVED_URL if name == "unresolved" else server.url
        url = url.replace("http:", "https:") if name == "tls-failure" else url
        asked = HttpSpecialist("s", transport, SystemClock(), max_answer_bytes=2_000_000)
        try:
            async with asyncio.timeout(PATIENCE_S if STREAMED[name] == "hangs" else 20):
                await asked.execute(*task_for(url, stream=stream), feed)
        except AttemptFailed as failure:
            return failure.code
        except TimeoutError:
            return "hangs"
        finally:
            await transport.close()
    return "answers"


def task_for(url: str, *, stream: bool) -> tuple[Task, Context, Endpoint]:
    endpoint = Endpoint(id="s/1", url=url, model="simulated-1")
    variant = Variant(id="v")
    specialist = Specialist(name="s", variants=(variant,), endpoints=(endpoint,))
    body = {"model": "s", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    request = UserRequest(body=body)
    return (
        Task(request=request, specialist=specialist, variant=variant),
        Context(messages=body["messages"]),
        endpoint,
    )


async def feed(batch: list[Chunk], *, is_short: bool = False) -> bool:
    return True


@pytest.mark.parametrize("make", [HttptoolsTransport, AiohttpTransport])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("name", STREAMED)
async def test_a_fault_is_the_same_failure_through_every_transport(make: Make, stream: bool, name: str):
    expected = (STREAMED if stream else WHOLE)[name]

    assert await outcome(make, name, stream=stream) == expected


def test_every_named_fault_is_tried():
    assert set(NAMED_FAULTS) | {"unresolved"} == set(STREAMED) == set(WHOLE)
