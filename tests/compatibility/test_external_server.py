"""A real OpenAI-compatible server that is not part of this repository, unchanged behind the gateway.

Skipped unless GUARDIAN_EXTERNAL_URL (with `/v1`) and GUARDIAN_EXTERNAL_MODEL name one; its key, if it wants
one, is GUARDIAN_EXTERNAL_KEY. Nothing is assumed about what its model says: random weights will do.
"""

import os
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import msgspec
import openai
import pytest
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import Endpoint, WatchPolicy

URL = os.environ.get("GUARDIAN_EXTERNAL_URL", "")
MODEL = os.environ.get("GUARDIAN_EXTERNAL_MODEL", "")
KEY = os.environ.get("GUARDIAN_EXTERNAL_KEY", "none")

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        not (URL and MODEL), reason="set GUARDIAN_EXTERNAL_URL and GUARDIAN_EXTERNAL_MODEL to a server"
    ),
]

ASK: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 16,
    "temperature": 0,
    "seed": 1,
}
COUNTED: Any = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
async def gateway() -> AsyncGenerator[RunningGateway, None]:
    endpoint = Endpoint(id="real/1", url=URL, model=MODEL, api_key=Secret(KEY))
    real = msgspec.structs.replace(specialist("real", URL), endpoints=(endpoint,))
    # A model with random weights may well say nothing or the same over and over.
    watch = WatchPolicy(on_empty="observe", on_repetition="observe")
    async with running_gateway(base(real, watch=watch)) as running:
        yield running


@pytest.fixture
async def through(gateway: RunningGateway) -> AsyncGenerator[openai.AsyncOpenAI, None]:
    async with openai.AsyncOpenAI(base_url=gateway.url, api_key="key", max_retries=0, timeout=60.0) as client:
        yield client


@pytest.fixture
async def direct() -> AsyncGenerator[openai.AsyncOpenAI, None]:
    async with openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=60.0) as client:
        yield client


async def chunks_of(client: openai.AsyncOpenAI, model: str, **asked: Any) -> list[Any]:
    stream = await client.chat.completions.create(model=model, **ASK, **(asked or {"stream": True}))
    return [chunk async for chunk in stream]


def shape(value: object) -> object:
    """Return the form of a JSON value: its names and types.

    Some servers count tokens in a stream unasked; the gateway passes counts on where they were asked for.
    """
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if key != "usage"}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def shapes(objects: Iterable[Any]) -> set[str]:
    return {str(shape(one.to_dict(mode="json"))) for one in objects}


async def test_a_whole_answer_has_the_form_that_the_server_gave_it(
    direct: openai.AsyncOpenAI, through: openai.AsyncOpenAI
):
    expected = await direct.chat.completions.create(model=MODEL, **ASK)
    seen = await through.chat.completions.create(model="real", **ASK)

    assert shapes([seen]) == shapes([expected])
    assert seen.model == "real"
    assert seen.choices[0].message.role == "assistant"
    assert seen.choices[0].finish_reason in ("stop", "length")


async def test_a_stream_has_the_form_that_the_server_gave_it(
    direct: openai.AsyncOpenAI, through: openai.AsyncOpenAI
):
    expected = await chunks_of(direct, MODEL)
    seen = await chunks_of(through, "real")

    assert shapes(seen) == shapes(expected)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in seen)
    assert [chunk.choices[0].finish_reason for chunk in seen if chunk.choices[0].finish_reason]
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in seen}) == 1


async def test_the_same_words_are_said(direct: openai.AsyncOpenAI, through: openai.AsyncOpenAI):
    expected = await chunks_of(direct, MODEL)
    seen = await chunks_of(through, "real")

    assert [chunk.choices[0].delta.content for chunk in seen] == [
        chunk.choices[0].delta.content for chunk in expected
    ]


async def test_tokens_are_counted_whole_and_streamed(through: openai.AsyncOpenAI):
    whole = await through.chat.completions.create(model="real", **ASK)
    last = (await chunks_of(through, "real", **COUNTED))[-1]

    assert whole.usage is not None
    assert whole.usage.prompt_tokens > 0
    assert 0 < whole.usage.completion_tokens <= ASK["max_tokens"]
    assert last.choices == []
    assert last.usage.prompt_tokens > 0
    assert last.usage.completion_tokens > 0
    assert last.model_extra["guardian"]["outcome"] == "ok"


async def test_models_are_the_gateways_own(through: openai.AsyncOpenAI):
    listed = [model.id async for model in through.models.list()]

    assert listed == ["auto", "real"]
    assert (await through.models.retrieve("real")).id == "real"


async def test_what_the_server_refuses_is_an_error_and_not_a_hang(through: openai.AsyncOpenAI):
    with pytest.raises(openai.APIStatusError) as raised:
        await through.chat.completions.create(model="real", **(ASK | {"temperature": "hot"}))

    assert raised.value.message
    assert raised.value.request_id
