"""Clients of simulated servers: the unchanged SDK, closed after each test."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import openai
import pytest
from simulation_clients import ClientOf

from guardian_cluster.simulation import ModelServer


@pytest.fixture
async def client_of() -> AsyncIterator[ClientOf]:
    async with AsyncExitStack() as closing:

        def client_of(server: ModelServer, **options: Any) -> openai.AsyncOpenAI:
            settings = {"api_key": "key", "max_retries": 0, "timeout": 5.0, **options}
            client = openai.AsyncOpenAI(base_url=server.url, **settings)
            closing.push_async_callback(client.close)
            return client

        yield client_of
