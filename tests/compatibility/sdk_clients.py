"""The unchanged SDK, set to a gateway with one specialist whose model is simulated."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import openai
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.simulation import Answer, Fault, ModelServer, Schedule, Script

HI: dict[str, Any] = {"model": "smart", "messages": [{"role": "user", "content": "Hello"}]}
TEXT = "The quick brown fox jumps over the lazy dog."
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Köln"]}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


@dataclass(frozen=True)
class Serving:
    """A gateway that serves, its model, and a client of it."""

    gateway: RunningGateway
    model: ModelServer
    client: openai.AsyncOpenAI


@asynccontextmanager
async def serving(
    said: Script | Answer | str = TEXT,
    *,
    faults: Fault | Schedule | None = None,
    smart: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncGenerator[Serving]:
    """Serve `smart`, whose model says this; `options` are the client's."""
    async with ModelServer(said, faults=faults) as model:
        named: Specialist = specialist("smart", model.url, **(smart or {}))
        async with (
            running_gateway(base(named, **(limits or {}))) as gateway,
            client_of(gateway, **options) as client,
        ):
            yield Serving(gateway, model, client)


def client_of(gateway: RunningGateway, **options: Any) -> openai.AsyncOpenAI:
    """Return a client that does not retry unless it is told to."""
    return openai.AsyncOpenAI(
        **{"base_url": gateway.url, "api_key": "key", "max_retries": 0, "timeout": 10.0, **options}
    )
