import pytest
from simulation_clients import ClientOf

from guardian_cluster.simulation import (
    Answer,
    Empty,
    FalseUsage,
    Giant,
    ModelServer,
    Repeats,
    ToolCall,
)

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("said", [Answer("well"), Answer(tool_calls=(ToolCall("t"),))])
async def test_an_empty_answer_says_nothing_and_stops(client_of: ClientOf, said: Answer):
    async with ModelServer(said, faults=Empty()) as server:
        client = client_of(server)
        whole = (await client.chat.completions.create(**HI)).choices[0]
        chunks = [chunk async for chunk in await client.chat.completions.create(**HI, stream=True)]

    assert (whole.message.content, whole.message.tool_calls, whole.finish_reason) == ("", None, "stop")
    assert not any(chunk.choices[0].delta.content for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_a_loop_follows_the_text_until_the_limit(client_of: ClientOf):
    async with ModelServer("One, two", faults=Repeats(", three", times=50)) as server:
        choice = (await client_of(server).chat.completions.create(**HI)).choices[0]

    assert choice.message.content == "One, two" + ", three" * 50
    assert choice.finish_reason == "length"


def test_a_giant_answer_has_its_length_and_no_loop():
    text = Giant(100_000).change_answer(Answer("short")).text

    lines = text.splitlines()
    assert len(text) == 100_000
    assert len(set(lines)) == len(lines)


async def test_a_giant_answer_arrives(client_of: ClientOf):
    async with ModelServer(faults=Giant(3_000_000)) as server:
        completion = await client_of(server).chat.completions.create(**HI)

    assert len(completion.choices[0].message.content or "") == 3_000_000


async def test_a_server_may_lie_about_its_usage(client_of: ClientOf):
    async with ModelServer(faults=FalseUsage(prompt_tokens=0, completion_tokens=10**12)) as server:
        usage = (await client_of(server).chat.completions.create(**HI)).usage

    assert usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (0, 10**12, 10**12)
