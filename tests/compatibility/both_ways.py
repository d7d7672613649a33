"""One call put to a model directly and through the gateway: what its client sees, what the model is asked."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import aiohttp
import openai
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.simulation import Answer, Fault, ModelServer, Pace, Script

MODEL = "simulated-1"
SPECIALIST = "smart"
"""The name the gateway's client asks for; the specialist's endpoint serves MODEL."""

PATIENCE_S = 10.0

Seen = dict[str, Any]
"""JSON values by the place where they were seen."""


@dataclass(frozen=True)
class Case:
    """A call and how the model behaves."""

    name: str
    call: dict[str, Any] = field(
        default_factory=dict[str, Any]
    )  # besides the model and, if not given, the messages
    said: Script | Answer | str = "The quick brown fox jumps over the lazy dog."
    fault: Fault | None = None
    operation: Literal["chat", "embeddings"] = "chat"

    def __str__(self) -> str:
        return self.name

    def body(self, model: str) -> dict[str, Any]:
        asked = {"messages": [{"role": "user", "content": "Tell me."}]} if self.operation == "chat" else {}
        return {"model": model, **asked, **self.call}

    @property
    def path(self) -> str:
        return "/chat/completions" if self.operation == "chat" else "/embeddings"


class BothWays:
    """The two ways to a model, with clients that are made once, for making one takes longer than a call."""

    def __init__(
        self, gateway: RunningGateway, client: openai.AsyncOpenAI, session: aiohttp.ClientSession
    ) -> None:
        self._gateway = gateway
        self._client = client
        self._session = session

    async def direct(self, case: Case) -> Seen:
        """Return what is seen without a gateway."""
        seen: Seen = {}
        async with model_of(case) as model:
            seen["sdk"] = await self._by_sdk(case, model.url, MODEL)
            seen["asked"] = model.requests[0].body
        async with model_of(case) as model:
            seen["wire"] = await self._on_the_wire(case, model.url, MODEL)
        return seen

    async def through(self, case: Case, watch: WatchPolicy) -> Seen:
        """Return what is seen with the gateway in between, watching by this policy."""
        seen: Seen = {}
        async with model_of(case) as model:
            self._gateway.apply(base(specialist(SPECIALIST, model.url), watch=watch))
            seen["sdk"] = await self._by_sdk(case, self._gateway.url, SPECIALIST)
            seen["asked"] = model.requests[0].body
        async with model_of(case) as model:
            self._gateway.apply(base(specialist(SPECIALIST, model.url), watch=watch))
            seen["wire"] = await self._on_the_wire(case, self._gateway.url, SPECIALIST)
        return seen

    async def _by_sdk(self, case: Case, url: str, model: str) -> Seen:
        """Return every object the SDK gave, with unset fields left out, and the error that ended them."""
        objects: list[Any] = []
        seen: Seen = {"objects": objects, "error": None}
        try:
            async for one in _answers(
                self._client.with_options(base_url=url), case.body(model), case.operation
            ):
                objects.append(one.to_dict(mode="json"))
                seen["request_id"] = getattr(one, "_request_id", None)
        except openai.APIError as error:
            seen["error"] = _api_error(error)
        except ValueError as error:  # what the SDK lets through of a line that is no JSON
            seen["error"] = {"class": type(error).__name__}
        return seen

    async def _on_the_wire(self, case: Case, url: str, model: str) -> Seen:
        """Return status, body and those headers that clients act on."""
        async with self._session.post(url + case.path, json=case.body(model)) as response:
            text, is_complete = await _read(response)
            named = ("retry-after", "retry-after-ms", "x-should-retry")
            return {
                "status": response.status,
                "is_complete": is_complete,
                "type": response.headers["content-type"].lower(),
                "headers": {name: response.headers[name] for name in named if name in response.headers},
                "events": _events(text) if response.content_type == "text/event-stream" else [_json(text)],
            }


@asynccontextmanager
async def both_ways() -> AsyncGenerator[BothWays, None]:
    """Run a gateway and clients for any number of cases."""
    async with (
        running_gateway(base()) as gateway,
        openai.AsyncOpenAI(base_url=gateway.url, api_key="key", max_retries=0, timeout=PATIENCE_S) as client,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session,
    ):
        yield BothWays(gateway, client, session)


def model_of(case: Case) -> ModelServer:
    """Return a server that gives the same answers, ids and times each time it is made."""
    pace = Pace(characters_per_chunk=5)
    return ModelServer(case.said, faults=case.fault, pace=pace, rng=Random(7), clock=ManualClock())


async def _answers(client: openai.AsyncOpenAI, body: dict[str, Any], operation: str) -> AsyncIterator[Any]:
    if operation == "embeddings":
        yield await client.embeddings.create(**body)
    elif body.get("stream"):
        async for chunk in await client.chat.completions.create(**body):
            yield chunk
    else:
        yield await client.chat.completions.create(**body)


def _api_error(error: openai.APIError) -> Seen:
    facts = {"class": type(error).__name__, "message": error.message, "body": error.body}
    facts |= {name: getattr(error, name) for name in ("code", "param", "type")}
    if isinstance(error, openai.APIStatusError):
        facts |= {"status": error.status_code, "request_id": error.request_id}
    return facts


async def _read(response: aiohttp.ClientResponse) -> tuple[str, bool]:
    """Return the body as far as it came, and whether it came to its end."""
    parts: list[bytes] = []
    with suppress(aiohttp.ClientError):
        async for part in response.content.iter_any():
            parts.append(part)  # noqa: PERF401  what came before an error is kept
    return b"".join(parts).decode(errors="replace"), response.content.exception() is None


def _events(stream: str) -> list[Any]:
    """Return the payload of every event, comments and other fields left out."""
    lines = [line.removesuffix("\r") for line in stream.split("\n")]
    return [_json(line.removeprefix("data:").strip()) for line in lines if line.startswith("data:")]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
