"""The unchanged langchain-openai through the gateway."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import openai
import pytest
from cases import CountsAtFinish
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr
from sdk_clients import TEXT, Serving, serving

from guardian_cluster.simulation import embedding_of


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str, days: int) -> str:
    """Tell the weather."""
    return f"{city}: rain for {days} days."


@pytest.fixture
async def smart() -> AsyncGenerator[Serving, None]:
    async with serving() as smart:
        yield smart


@pytest.fixture
async def settings(smart: Serving) -> AsyncGenerator[dict[str, Any], None]:
    """What every client is set to. It is given connections, for those it would make are never closed."""
    async with openai.DefaultAsyncHttpxClient() as connections:
        with openai.DefaultHttpxClient() as others:
            yield {
                "model": "smart",
                "base_url": smart.gateway.url,
                "api_key": SecretStr("key"),
                "max_retries": 0,
                "http_async_client": connections,
                "http_client": others,
            }


async def gathered(model: Any, asked: Any) -> AIMessageChunk:
    """Return the sum of a stream's chunks, as chains make it."""
    total: Any = None
    async for chunk in model.astream(asked):
        total = chunk if total is None else total + chunk
    return total


async def test_a_whole_answer(settings: dict[str, Any]):
    answer = await ChatOpenAI(**settings).ainvoke("Hello")

    assert answer.content == TEXT
    assert answer.response_metadata["model_name"] == "smart"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] > 0


async def test_a_whole_answer_in_a_thread(settings: dict[str, Any]):
    answer = await asyncio.to_thread(ChatOpenAI(**settings).invoke, "Hello")

    assert answer.content == TEXT


async def test_a_streamed_answer(settings: dict[str, Any]):
    answer = await gathered(ChatOpenAI(**settings), "Hello")

    assert answer.content == TEXT
    assert answer.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize("fault", [None, CountsAtFinish()], ids=str)
async def test_streamed_counts_add_up(smart: Serving, settings: dict[str, Any], fault: CountsAtFinish | None):
    smart.model.fault = fault
    directly = {**settings, "base_url": smart.model.url}

    expected = await gathered(ChatOpenAI(**directly, stream_usage=True), "Hello")
    seen = await gathered(ChatOpenAI(**settings, stream_usage=True), "Hello")

    assert seen.usage_metadata == expected.usage_metadata
    assert seen.content == TEXT


async def test_a_tool_is_called_and_its_result_is_answered(smart: Serving, settings: dict[str, Any]):
    model = ChatOpenAI(**settings).bind_tools([get_weather])

    asked = await model.ainvoke("Weather?")
    call = asked.tool_calls[0]
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    answered = await model.ainvoke([HumanMessage("Weather?"), asked, result])

    assert call["name"] == "get_weather"
    assert answered.content == TEXT
    assert smart.model.requests[1].messages[-1]["content"] == result.content


async def test_a_tool_call_is_streamed(settings: dict[str, Any]):
    whole = await ChatOpenAI(**settings).bind_tools([get_weather]).ainvoke("Weather?")

    streamed = await gathered(ChatOpenAI(**settings).bind_tools([get_weather]), "Weather?")

    assert [(call["name"], call["args"]) for call in streamed.tool_calls] == [
        (call["name"], call["args"]) for call in whole.tool_calls
    ]
    assert whole.tool_calls


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_an_answer_has_the_structure_asked_for(settings: dict[str, Any], method: Any):
    structured = ChatOpenAI(**settings).with_structured_output(Person, method=method)

    person = await structured.ainvoke("Who?")

    assert isinstance(person, Person)
    assert person.age >= 0


async def test_embeddings_without_a_tokeniser_from_the_network(settings: dict[str, Any]):
    embeddings = OpenAIEmbeddings(**settings, check_embedding_ctx_length=False)

    assert await embeddings.aembed_documents(["one", "two"]) == [embedding_of("one"), embedding_of("two")]
    assert await embeddings.aembed_query("three") == embedding_of("three")
