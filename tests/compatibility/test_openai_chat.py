"""The unchanged asynchronous OpenAI client: answers whole, streamed, parsed and accumulated."""

import json
from typing import Any

import openai
from openai.lib.streaming.chat import ContentDoneEvent, FunctionToolCallArgumentsDoneEvent
from pydantic import BaseModel
from sdk_clients import HI, TEXT, WEATHER, serving

from guardian_cluster.simulation import Answer, Pace, Says, ToolCall

TWO_CALLS = Answer(
    text="I look it up.",
    tool_calls=(
        ToolCall("get_weather", '{"city":"Köln","days":2}'),
        ToolCall("get_weather", '{"city":"Köln","days":3}'),
    ),
)
COUNTED: Any = {"stream": True, "stream_options": {"include_usage": True}}


class Person(BaseModel):
    name: str
    age: int


async def test_a_whole_answer():
    async with serving() as smart:
        completion = await smart.client.chat.completions.create(**HI)

    assert completion.choices[0].message.content == TEXT
    assert (completion.model, completion.choices[0].finish_reason) == ("smart", "stop")
    assert completion.usage is not None
    assert (
        completion.usage.total_tokens
        == completion.usage.prompt_tokens + completion.usage.completion_tokens
        > 0
    )


async def test_a_streamed_answer():
    async with serving() as smart:
        chunks = [chunk async for chunk in await smart.client.chat.completions.create(**HI, stream=True)]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


async def test_the_last_chunk_has_the_counts_and_the_final_facts():
    async with serving() as smart:
        raw = await smart.client.chat.completions.with_raw_response.create(**HI, **COUNTED)
        chunks = [chunk async for chunk in raw.parse()]

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    facts: Any = chunks[-1].model_extra
    assert facts["guardian"]["id"] == raw.request_id
    assert (facts["guardian"]["outcome"], facts["guardian"]["specialist"]) == ("ok", "smart")
    assert facts["guardian"]["output_tokens"] == chunks[-1].usage.completion_tokens


async def test_the_stream_wrapper_accumulates_content_and_tool_calls():
    async with (
        serving(TWO_CALLS) as smart,
        smart.client.chat.completions.stream(**HI, tools=[WEATHER]) as stream,
    ):
        events = [event async for event in stream]
        final = await stream.get_final_completion()

    message = final.choices[0].message
    assert message.content == "I look it up."
    assert [call.function.parsed_arguments for call in message.tool_calls or ()] == [
        {"city": "Köln", "days": 2},
        {"city": "Köln", "days": 3},
    ]
    assert [event.content for event in events if isinstance(event, ContentDoneEvent)] == ["I look it up."]
    done = [event.index for event in events if isinstance(event, FunctionToolCallArgumentsDoneEvent)]
    assert (done, final.choices[0].finish_reason) == ([0, 1], "tool_calls")


async def test_parse_gives_the_object_asked_for():
    async with serving() as smart:
        completion = await smart.client.chat.completions.parse(**HI, response_format=Person)

    parsed = completion.choices[0].message.parsed
    assert isinstance(parsed, Person)
    assert Person.model_validate_json(completion.choices[0].message.content or "") == parsed


async def test_the_stream_wrapper_parses_the_object_asked_for():
    async with (
        serving() as smart,
        smart.client.chat.completions.stream(**HI, response_format=Person) as stream,
    ):
        completion = await stream.get_final_completion()

    assert isinstance(completion.choices[0].message.parsed, Person)


async def test_a_tool_is_called_and_its_result_is_answered():
    async with serving() as smart:
        asked = await smart.client.chat.completions.create(**HI, tools=[WEATHER], tool_choice="auto")
        call: Any = (asked.choices[0].message.tool_calls or [])[0]
        result: Any = {"role": "tool", "tool_call_id": call.id, "content": "Rain."}
        history = [*HI["messages"], asked.choices[0].message, result]
        answered = await smart.client.chat.completions.create(
            model="smart", messages=history, tools=[WEATHER]
        )

    assert json.loads(call.function.arguments)["city"] == "Köln"
    assert answered.choices[0].message.content == TEXT
    assert smart.model.requests[1].messages[-1] == result


async def test_the_choice_of_a_tool_reaches_the_model():
    choices: list[Any] = ["none", "required", {"type": "function", "function": {"name": "get_weather"}}]
    async with serving() as smart:
        for choice in choices:
            await smart.client.chat.completions.create(**HI, tools=[WEATHER], tool_choice=choice)

    assert [request.body["tool_choice"] for request in smart.model.requests] == choices


async def test_several_choices_with_log_probabilities():
    async with serving(Says(("Yes.", "No."))) as smart:
        completion = await smart.client.chat.completions.create(**HI, n=2, logprobs=True, top_logprobs=2)

    assert [choice.message.content for choice in completion.choices] == ["Yes.", "No."]
    for choice in completion.choices:
        assert choice.logprobs is not None
        tokens = choice.logprobs.content or []
        assert "".join(token.token for token in tokens) == choice.message.content
        assert [len(token.top_logprobs) for token in tokens] == [2] * len(tokens)


async def test_several_choices_streamed():
    async with serving(Says(("Yes, surely.", "No, never."))) as smart:
        said = {0: "", 1: ""}
        async for chunk in await smart.client.chat.completions.create(**HI, n=2, stream=True):
            for choice in chunk.choices:
                said[choice.index] += choice.delta.content or ""

    assert said == {0: "Yes, surely.", 1: "No, never."}


async def test_a_picture_reaches_the_model_as_it_was_sent():
    picture: Any = {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
    }
    content: Any = [{"type": "text", "text": "What is this?"}, picture]
    async with serving() as smart:
        await smart.client.chat.completions.create(
            model="smart", messages=[{"role": "user", "content": content}]
        )

    assert smart.model.requests[0].messages == [{"role": "user", "content": content}]


async def test_headers_say_who_answered():
    async with serving() as smart:
        raw = await smart.client.chat.completions.with_raw_response.create(**HI)

    names = ("specialist", "endpoint", "variant", "attempts", "verdict")
    assert [raw.headers[f"x-guardian-{name}"] for name in names] == ["smart", "smart/1", "v1", "1", "ok"]
    assert float(raw.headers["x-guardian-overhead-ms"]) > 0
    assert raw.headers["x-request-id"] == raw.request_id == raw.parse()._request_id


async def test_a_response_can_be_read_as_it_comes():
    async with serving() as smart:
        create = smart.client.chat.completions.with_streaming_response.create
        async with create(**HI, stream=True) as response:
            lines = [line async for line in response.iter_lines() if line]

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-guardian-verdict"] == "watching"
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: {") for line in lines[:-1])


async def test_a_stream_may_be_left_early():
    async with serving(Answer(text=TEXT * 5_000)) as smart:
        async with await smart.client.chat.completions.create(**HI, stream=True) as stream:
            async for _ in stream:
                break
        await smart.model.until(lambda: smart.model.open_requests == 0)
        record = await smart.gateway.collected.request()

    assert (smart.model.cancelled, record.outcome) == (1, "cancelled")


async def test_a_stream_may_take_longer_than_its_client_waits_for_a_piece():
    async with serving(timeout=0.4) as smart:
        smart.model.pace = Pace(between_chunks_s=0.1)  # 0.5 s in all
        chunks = [chunk async for chunk in await smart.client.chat.completions.create(**HI, stream=True)]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT


async def test_the_other_spelling_of_the_address_works():
    async with serving() as smart:
        other = openai.AsyncOpenAI(base_url=f"{smart.gateway.origin}/openai/v1", api_key="key", max_retries=0)
        async with other:
            completion = await other.chat.completions.create(**HI)
            models = await other.models.list()

    assert completion.choices[0].message.content == TEXT
    assert "smart" in [model.id for model in models.data]
