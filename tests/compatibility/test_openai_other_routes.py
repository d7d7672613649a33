"""Embeddings, models and the gateway's own routes through the unchanged OpenAI client."""

from typing import Any

import openai
import pytest
from harness import SOLVER, base, running_gateway, specialist
from sdk_clients import HI, client_of, serving

from guardian_cluster.request.router import POLICIES
from guardian_cluster.simulation import ModelServer, embedding_of

QUESTION: Any = [{"role": "user", "content": "What is 17% of 2,350?"}]


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}], ids=str)
async def test_embeddings_are_the_models_own(asked: dict[str, Any]):
    async with serving() as smart:
        answer = await smart.client.embeddings.create(model="smart", input=["one", "two"], **asked)

    vectors = [one.embedding for one in answer.data]
    if asked.get("encoding_format") == "base64":  # the SDK decodes it only where it chose it itself
        assert all(isinstance(vector, str) for vector in vectors)
    else:
        assert vectors == [embedding_of("one"), embedding_of("two")]
    assert (answer.model, answer.usage.prompt_tokens) == ("smart", 2)
    assert smart.model.requests[0].body["encoding_format"] == asked.get("encoding_format", "base64")


async def test_dimensions_and_tokens_reach_the_model():
    async with serving() as smart:
        answer = await smart.client.embeddings.create(model="smart", input=[[1, 2], [3]], dimensions=3)

    assert [len(one.embedding) for one in answer.data] == [3, 3]
    assert smart.model.requests[0].body["input"] == [[1, 2], [3]]


async def test_headers_say_who_made_an_embedding():
    async with serving() as smart:
        raw = await smart.client.embeddings.with_raw_response.create(model="smart", input="words")

    assert raw.headers["x-guardian-specialist"] == "smart"
    assert raw.request_id == raw.headers["x-request-id"]


async def test_models_are_every_name_that_may_be_asked_for():
    async with ModelServer() as model:
        served = base(SOLVER, specialist("smart", model.url), aliases={"gpt-4o": "smart"})
        async with running_gateway(served) as gateway, client_of(gateway) as client:
            listed = [one async for one in client.models.list()]
            alias = await client.models.retrieve("gpt-4o")
            with pytest.raises(openai.NotFoundError) as raised:
                await client.models.retrieve("gpt-5")

    assert [one.id for one in listed] == [*POLICIES, "solver", "smart", "gpt-4o"]
    assert (alias.id, alias.object) == ("gpt-4o", "model")
    assert all(isinstance(one.created, int) and one.owned_by for one in listed)
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")


async def test_an_alias_is_answered_under_its_own_name():
    async with ModelServer() as model:
        served = base(specialist("smart", model.url), aliases={"gpt-4o": "smart"})
        async with running_gateway(served) as gateway, client_of(gateway) as client:
            raw = await client.chat.completions.with_raw_response.create(**(HI | {"model": "gpt-4o"}))

    assert raw.parse().model == "gpt-4o"
    assert raw.headers["x-guardian-specialist"] == "smart"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_built_in_solver_answers_like_any_model(stream: bool):
    async with running_gateway(base(SOLVER)) as gateway, client_of(gateway) as client:
        if stream:
            chunks = await client.chat.completions.create(model="auto", messages=QUESTION, stream=True)
            said = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        else:
            completion = await client.chat.completions.create(model="auto", messages=QUESTION)
            said = completion.choices[0].message.content or ""

    assert "399.5" in said


@pytest.mark.parametrize("asked", [{"n": 2}, {"logprobs": True}])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_built_in_solver_says_what_it_does_not_give(asked: dict[str, Any], stream: bool):
    async with running_gateway(base(SOLVER)) as gateway, client_of(gateway) as client:
        with pytest.raises(openai.BadRequestError) as raised:
            await client.chat.completions.create(model="solver", messages=QUESTION, stream=stream, **asked)

    assert raised.value.code == "unsupported_capability"


async def test_the_facts_of_a_request_can_be_asked_for_later():
    async with serving() as smart:
        raw = await smart.client.chat.completions.with_raw_response.create(**HI)
        facts: Any = await smart.client.get(f"/requests/{raw.request_id}", cast_to=object)
        said: Any = await smart.client.post(
            "/feedback", cast_to=object, body={"request_id": raw.request_id, "score": 1.0}
        )

    assert (facts["id"], facts["specialist"], facts["outcome"]) == (raw.request_id, "smart", "ok")
    assert said == {"object": "feedback", "request_id": raw.request_id}
