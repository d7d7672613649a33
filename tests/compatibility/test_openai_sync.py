"""The unchanged synchronous OpenAI client, in a thread of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from sdk_clients import HI, TEXT, WEATHER, serving

from guardian_cluster.request.router import POLICIES
from guardian_cluster.simulation import Status


class Person(BaseModel):
    name: str
    age: int


async def asked(ask: Callable[[openai.OpenAI], Any], **facts: Any) -> Any:
    """Return what a synchronous client gets."""
    async with serving(**facts) as smart:

        def call() -> Any:
            settings = {"api_key": "key", "max_retries": 0, "timeout": 10.0}
            with openai.OpenAI(base_url=smart.gateway.url, **settings) as client:
                return ask(client)

        return await asyncio.to_thread(call)


async def test_a_whole_answer():
    completion = await asked(lambda client: client.chat.completions.create(**HI))

    assert (completion.choices[0].message.content, completion.model) == (TEXT, "smart")


async def test_a_streamed_answer():
    def words(client: openai.OpenAI) -> str:
        with client.chat.completions.create(**HI, stream=True) as stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert await asked(words) == TEXT


async def test_the_stream_wrapper_accumulates():
    def final(client: openai.OpenAI) -> Any:
        with client.chat.completions.stream(**HI, tools=[WEATHER]) as stream:
            kinds = [event.type for event in stream]
            return kinds, stream.get_final_completion()

    kinds, completion = await asked(final)

    assert kinds[-1] == "tool_calls.function.arguments.done"
    assert completion.choices[0].message.tool_calls[0].function.parsed_arguments["city"] == "Köln"


async def test_parse_gives_the_object_asked_for():
    completion = await asked(lambda client: client.chat.completions.parse(**HI, response_format=Person))

    assert isinstance(completion.choices[0].message.parsed, Person)


async def test_a_response_can_be_read_as_it_comes():
    def lines(client: openai.OpenAI) -> list[str]:
        create = client.chat.completions.with_streaming_response.create
        with create(**HI, stream=True) as response:
            return [response.headers["x-guardian-specialist"], *response.iter_lines()]

    seen = [line for line in await asked(lines) if line]

    assert (seen[0], seen[-1]) == ("smart", "data: [DONE]")


async def test_embeddings_and_models():
    def both(client: openai.OpenAI) -> tuple[int, list[str]]:
        vector = client.embeddings.create(model="smart", input="words").data[0].embedding
        return len(vector), [model.id for model in client.models.list()]

    assert await asked(both) == (8, [*POLICIES, "smart"])


async def test_an_error_has_its_class():
    def failing(client: openai.OpenAI) -> openai.APIStatusError:
        with pytest.raises(openai.UnprocessableEntityError) as raised:
            client.chat.completions.create(**HI)
        return raised.value

    error = await asked(failing, faults=Status(422, "No.", code="not_so"))

    assert (error.status_code, error.code, error.body["message"]) == (422, "not_so", "No.")  # type: ignore[index]
