"""The OpenAPI document says what the gateway does: schemathesis asks every route for it, and for more."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import schemathesis
from harness import RunningGateway, base, running_gateway, specialist
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import ignored_auth

from guardian_cluster.contract.snapshot import ApiKey
from guardian_cluster.gateway.openapi import document
from guardian_cluster.simulation import ModelServer

KEY = "sk-gc-admin-secret"
HEADERS = {"authorization": f"Bearer {KEY}"}


def served(ready: "Future[tuple[RunningGateway, asyncio.AbstractEventLoop, asyncio.Event]]") -> None:
    """Run a gateway with a simulated model in a loop of its own: schemathesis asks from this thread."""

    async def run() -> None:
        done = asyncio.Event()
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        admin = ApiKey(id="admin", sha256=digest, tenant="default", role="admin", created=0)
        async with ModelServer("All is well.", keeps_requests=False) as server:
            serving = base(specialist("smart", server.url), keys=[admin])
            async with running_gateway(serving) as gateway:
                ready.set_result((gateway, asyncio.get_running_loop(), done))
                await done.wait()

    asyncio.run(run())


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    ready: Future[tuple[RunningGateway, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=served, args=(ready,))
    thread.start()
    gateway, loop, done = ready.result(timeout=10)
    yield gateway.origin
    loop.call_soon_threadsafe(done.set)
    thread.join(timeout=10)


schema = schemathesis.openapi.from_dict(json.loads(document()))
# A header that nobody knows is no mistake (RFC 9110, section 5.1): it is passed over.
schema.config.generation.update(allow_extra_parameters=False)


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Let half of the requests name a model that is there, or only the search for one would be tested."""
    if isinstance(body, dict) and isinstance(body.get("model"), str) and len(body["model"]) % 2:
        return {**body, "model": "smart"}
    return body


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """The same for the route that describes a model."""
    if path_parameters and len(str(path_parameters.get("model", ""))) % 2:
        return {**path_parameters, "model": "smart"}
    return path_parameters


@schema.parametrize()
@settings(max_examples=50, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_schemathesis_finds_nothing(case: schemathesis.Case, origin: str):
    # Its own check of keys takes out one of the two headers that carry them and believes that no key is left.
    case.call_and_validate(base_url=origin, headers=HEADERS, excluded_checks=[ignored_auth])


@schema.parametrize()
@settings(max_examples=3, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_a_key_is_asked_for_where_the_document_says_so(case: schemathesis.Case, origin: str):
    case.headers.pop("x-api-key", None)
    reply = case.call(base_url=origin)

    is_keyed = bool(case.operation.definition.raw["security"])
    assert (reply.status_code == 401) == is_keyed


async def test_every_route_is_described_and_nothing_else():
    async with running_gateway(base()) as gateway:
        routes = {
            (path, method.lower()) for path, methods in gateway.api.routes().items() for method in methods
        }

    described = {
        (path.partition("{")[0], method)
        for path, operations in json.loads(document())["paths"].items()
        for method in operations
    }
    assert described == routes


def test_every_reference_leads_somewhere():
    described = json.loads(document())

    def references(value: Any) -> Iterator[str]:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if key == "$ref":
                yield inner
            elif isinstance(inner, (dict, list)):
                yield from references(inner)

    for reference in set(references(described)):
        found = described
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        assert found


def test_the_document_is_made_once():
    assert document() is document()
