from typing import Any

import openai
import pytest
from pydantic import BaseModel
from simulation_clients import ClientOf

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.simulation import Answer, ModelServer, Says, ToolCall, embedding_of

ASK: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TOOL: Any = {"type": "function", "function": WEATHER}


class Reading(BaseModel):
    place: str
    degrees: list[int]


async def final_completion(client: openai.AsyncOpenAI, **asked: Any) -> Any:
    async with client.chat.completions.stream(**{**ASK, **asked}) as stream:
        return await stream.get_final_completion()


async def test_an_answer_carries_what_real_servers_send(client_of: ClientOf):
    async with ModelServer("All is well.", name="east", clock=ManualClock()) as server:
        raw = await client_of(server).chat.completions.with_raw_response.create(**ASK)

    completion = raw.parse()
    assert raw.headers["x-request-id"].startswith("req_")
    assert completion.id.startswith("chatcmpl-")
    assert (completion.model, completion.created) == ("small", 1_700_000_000)
    assert (completion.system_fingerprint or "").startswith("fp_")
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )
    assert completion.model_extra["x_provider"] == "east"


async def test_ids_stay_the_same_within_a_stream_and_differ_between_answers(client_of: ClientOf):
    async with ModelServer() as server:
        client = client_of(server)
        seen = [
            {chunk.id async for chunk in await client.chat.completions.create(**ASK, stream=True)}
            for _ in range(2)
        ]

    assert [len(ids) for ids in seen] == [1, 1]
    assert seen[0] != seen[1]


async def test_every_choice_has_its_own_text(client_of: ClientOf):
    async with ModelServer(Says(("first answer", "second answer"))) as server:
        client = client_of(server)
        whole = await client.chat.completions.create(**ASK, n=2)
        streamed = await final_completion(client, n=2)

    for completion in (whole, streamed):
        assert [choice.message.content for choice in completion.choices] == ["first answer", "second answer"]
        assert [choice.finish_reason for choice in completion.choices] == ["stop", "stop"]


@pytest.mark.parametrize("tool_choice", ["auto", "required"])
async def test_an_offered_tool_is_called_with_arguments_that_fit(client_of: ClientOf, tool_choice: str):
    async with ModelServer("no tools needed") as server:
        client = client_of(server)
        whole = await client.chat.completions.create(**ASK, tools=[TOOL], tool_choice=tool_choice)
        streamed = await final_completion(client, tools=[TOOL], tool_choice=tool_choice)

    for completion in (whole, streamed):
        choice = completion.choices[0]
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
        (call,) = choice.message.tool_calls
        assert (call.function.name, call.id[:5]) == ("get_weather", "call_")
        assert call.function.arguments == '{"city":"grove"}'


async def test_a_named_tool_is_the_one_called(client_of: ClientOf):
    other = {"type": "function", "function": {"name": "get_time", "parameters": {}}}
    named: Any = {"type": "function", "function": {"name": "get_time"}}
    async with ModelServer() as server:
        asked = {"tools": [TOOL, other], "tool_choice": named}
        completion = await client_of(server).chat.completions.create(**ASK, **asked)

    assert completion.choices[0].message.tool_calls[0].function.name == "get_time"


async def test_after_a_tool_has_answered_the_model_speaks(client_of: ClientOf):
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages: Any = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    async with ModelServer("It is sunny.") as server:
        client = client_of(server)
        completion = await client.chat.completions.create(model="m", messages=messages, tools=[TOOL])

    assert completion.choices[0].message.content == "It is sunny."


async def test_several_tool_calls_are_streamed_with_indexes_from_0(client_of: ClientOf):
    calls = (ToolCall("one", '{"a": 1}'), ToolCall("two", '{"b": [2, 3]}'))
    async with ModelServer(Answer(text="Let me look.", tool_calls=calls)) as server:
        completion = await final_completion(client_of(server))

    message = completion.choices[0].message
    assert message.content == "Let me look."
    said = [(call.index, call.function.name, call.function.arguments) for call in message.tool_calls]
    assert said == [(0, "one", '{"a": 1}'), (1, "two", '{"b": [2, 3]}')]
    assert len({call.id for call in message.tool_calls}) == 2


async def test_the_old_form_of_function_calls_is_answered(client_of: ClientOf):
    async with ModelServer() as server:
        client = client_of(server)
        whole = await client.chat.completions.create(**ASK, functions=[WEATHER])
        stream = await client.chat.completions.create(**ASK, functions=[WEATHER], stream=True)
        deltas = [chunk.choices[0].delta.function_call async for chunk in stream]

    message = whole.choices[0].message
    assert (whole.choices[0].finish_reason, message.function_call.name) == ("function_call", "get_weather")
    assert "".join(delta.arguments for delta in deltas if delta) == message.function_call.arguments


async def test_logprobs_cover_the_text_token_by_token(client_of: ClientOf):
    async with ModelServer("Grüße, world") as server:
        client = client_of(server)
        whole = await client.chat.completions.create(**ASK, logprobs=True, top_logprobs=3)
        streamed = await final_completion(client, logprobs=True, top_logprobs=3)

    for completion in (whole, streamed):
        tokens = completion.choices[0].logprobs.content
        assert "".join(token.token for token in tokens) == "Grüße, world"
        assert bytes(byte for token in tokens for byte in token.bytes).decode() == "Grüße, world"
        assert all(len(token.top_logprobs) == 3 and token.logprob <= 0 for token in tokens)


async def test_json_is_answered_where_json_is_asked_for(client_of: ClientOf):
    async with ModelServer("prose") as server:
        client = client_of(server)
        plain = await client.chat.completions.create(**ASK, response_format={"type": "json_object"})
        fitting = await client.chat.completions.parse(**ASK, response_format=Reading)

    assert plain.choices[0].message.content == '{"answer": "yes"}'
    assert isinstance(fitting.choices[0].message.parsed, Reading)


@pytest.mark.parametrize("asked", [True, False])
async def test_usage_ends_a_stream_only_where_asked_for(client_of: ClientOf, asked: bool):
    async with ModelServer("All is well.") as server:
        options = {"stream_options": {"include_usage": True}} if asked else {}
        stream = await client_of(server).chat.completions.create(**ASK, **options, stream=True)
        chunks = [chunk async for chunk in stream]

    assert [chunk for chunk in chunks if chunk.usage] == chunks[-1:] * asked
    assert [chunk for chunk in chunks if not chunk.choices] == chunks[-1:] * asked


async def test_reasoning_and_refusal_have_channels_of_their_own(client_of: ClientOf):
    said = Answer(reasoning="Is this allowed? No.", refusal="I cannot help with that.")
    async with ModelServer(said) as server:
        client = client_of(server)
        whole = await client.chat.completions.create(**ASK)
        stream = await client.chat.completions.create(**ASK, stream=True)
        deltas = [chunk.choices[0].delta async for chunk in stream]

    message = whole.choices[0].message
    assert (message.content, message.refusal) == (None, said.refusal)
    assert message.model_extra["reasoning_content"] == said.reasoning
    assert "".join(delta.refusal or "" for delta in deltas) == said.refusal
    assert (
        "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas) == said.reasoning
    )


async def test_unknown_fields_of_an_answer_are_sent(client_of: ClientOf):
    async with ModelServer(Answer(text="well", extra={"x_mood": "calm"})) as server:
        client = client_of(server)
        whole = await client.chat.completions.create(**ASK)
        first = await anext(aiter(await client.chat.completions.create(**ASK, stream=True)))

    assert whole.choices[0].message.model_extra == {"x_mood": "calm"}
    assert first.choices[0].delta.model_extra == {"x_mood": "calm"}


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_embeddings_are_the_same_in_both_encodings(client_of: ClientOf, encoding: Any):
    asked = {} if encoding == "base64" else {"encoding_format": encoding}  # the SDK asks for base64 by itself
    async with ModelServer() as server:
        reply = await client_of(server).embeddings.create(model="m", input=["cat", "dog"], **asked)

    assert [one.embedding for one in reply.data] == [embedding_of("cat"), embedding_of("dog")]
    assert server.requests[0].body["encoding_format"] == encoding
    assert reply.usage.total_tokens == 2


async def test_embeddings_take_token_ids_and_dimensions(client_of: ClientOf):
    async with ModelServer() as server:
        client = client_of(server)
        one = await client.embeddings.create(model="m", input=[1, 2, 3], dimensions=5)
        two = await client.embeddings.create(model="m", input=[[1, 2], [3]])

    assert [len(entry.embedding) for entry in one.data] == [5]
    assert len(two.data) == 2


async def test_models_are_listed_and_found(client_of: ClientOf):
    async with ModelServer(models=("small", "org/large")) as server:
        client = client_of(server)

        assert [model.id async for model in client.models.list()] == ["small", "org/large"]
        assert (await client.models.retrieve("small")).id == "small"
        with pytest.raises(openai.NotFoundError) as raised:
            await client.models.retrieve("huge")

    assert raised.value.code == "model_not_found"


async def test_a_wrong_key_is_refused_where_a_key_is_set(client_of: ClientOf):
    async with ModelServer(api_key="right") as server:
        assert await client_of(server, api_key="right").models.list()
        with pytest.raises(openai.AuthenticationError) as raised:
            await client_of(server, api_key="wrong").chat.completions.create(**ASK)

    assert raised.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/chat/completions", 405, "use POST"),
        ("POST", "/models", 405, "use GET"),
        ("POST", "/completions", 404, "Unknown path"),
        ("POST", "/chat/completions", 400, "no usable 'messages'"),
        ("POST", "/embeddings", 400, "no usable 'input'"),
    ],
)
async def test_a_wrong_request_gets_an_error_that_says_what_is_wrong(
    client_of: ClientOf, method: str, path: str, status: int, says: str
):
    async with ModelServer() as server:
        client = client_of(server)
        call = client.post if method == "POST" else client.get
        with pytest.raises(openai.APIStatusError, match=says) as raised:
            await call(path, cast_to=object, **({"body": {"model": "m"}} if method == "POST" else {}))

    assert raised.value.status_code == status
    assert raised.value.type == "invalid_request_error"
