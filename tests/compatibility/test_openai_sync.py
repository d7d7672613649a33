"""The unchanged synchronous OpenAI client, in a thread of its own."""

import asyncio
from collections.abc import Callable

import openai
from sdk_clients import HI, TEXT, WEATHER, serving

from guardian_cluster.simulation import Status


async def asked[T](ask: Callable[[openai.OpenAI], T], **facts: object) -> T:
    """Return what a synchronous client gets."""
    async with serving(**facts) as smart:  # type: ignore[arg-type]

        def call() -> T:
            with openai.OpenAI(
                base_url=smart.gateway.url, api_key="key", max_retries=0, timeout=10.0
            ) as client:
                return ask(client)

        return await asyncio.to_thread(call)
