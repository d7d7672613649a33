"""What an answer said, put together again from the pieces in which it left."""

from typing import Any

import pytest
from clusters import TEXT, running_cluster
from harness import base, specialist
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.spoken import MAX_SPOKEN_CHARACTERS, Spoken
from guardian_cluster.simulation import Answer, ModelServer, ToolCall

CALLS = Answer(tool_calls=(ToolCall("f", '{"a": 1}'), ToolCall("g", '{"b": [2, 3]}')))


def piece(index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": None}]}


def call(index: int = 0, **fields: Any) -> dict[str, Any]:
    return piece(tool_calls=[{"index": index, **fields}])


def spoken(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
    heard = Spoken()
    for each in pieces:
        heard.take([each])
    return heard.messages()


@given(st.lists(st.text(max_size=9), max_size=9))
def test_words_are_joined_as_they_came(words: list[str]):
    messages = spoken(piece(role="assistant", content=""), *(piece(content=each) for each in words))

    said = "".join(words)
    assert messages == ([{"role": "assistant", "content": said}] if said else [])


def test_nothing_said_is_no_message():
    assert (
        spoken() == spoken(piece(role="assistant"), {"choices": []}, {"usage": {}}, piece(content=None)) == []
    )


def test_a_whole_answer_is_its_own_message():
    message = {"role": "assistant", "content": "words", "refusal": None}

    assert spoken({"choices": [{"index": 0, "message": message}]}) == [message]


def test_only_the_first_choice_is_kept():
    assert spoken(piece(1, content="other"), piece(0, content="words")) == [
        {"role": "assistant", "content": "words"}
    ]


def test_pieces_of_calls_are_joined_each_to_its_own():
    (message,) = spoken(
        call(1, id="c2", function={"name": "g", "arguments": ""}),
        call(0, id="c1", type="function", function={"name": "f", "arguments": '{"a"'}),
        call(1, function={"arguments": "{}"}),
        call(0, function={"arguments": ": 1}"}),
    )

    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }


@pytest.mark.parametrize("share", [0, 1], ids=["words", "calls"])
def test_more_than_a_conversation_keeps_is_not_kept(share: int):
    much = "x" * (MAX_SPOKEN_CHARACTERS // 2)
    part = call(function={"arguments": much}) if share else piece(content=much)

    assert spoken(part, part) != []
    assert spoken(part, part, piece(content="x")) == []


def test_what_is_too_long_is_not_held_in_memory():
    heard = Spoken()
    for _ in range(30):
        heard.take([piece(content="x" * 100_000)])

    assert heard.messages() == []
    assert sum(map(len, heard._content)) <= MAX_SPOKEN_CHARACTERS


def test_pieces_without_a_number_or_with_nothing_in_them_do_no_harm():
    assert spoken(
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        call(function=None),
        call(id="c"),
    ) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {}}],
        }
    ]


@pytest.mark.parametrize("said", [Answer(TEXT), CALLS], ids=["words", "calls"])
async def test_a_stream_says_the_same_as_the_whole_answer(said: Answer):
    streamed, whole = Spoken(), Spoken()
    async with ModelServer(said) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            body = {"model": "smart", "messages": [{"role": "user", "content": "hi"}]}
            async for chunk in running.cluster.stream_request(UserRequest(body=body)):
                streamed.take([chunk])
            response = await running.cluster.process_request(UserRequest(body=body))
            whole.take([response.answer])

    (of_stream,), (of_whole,) = streamed.messages(), whole.messages()
    assert of_stream["content"] == of_whole.get("content")
    assert functions(of_stream) == functions(of_whole)


def functions(message: dict[str, Any]) -> list[Any]:
    return [each["function"] for each in message.get("tool_calls") or ()]
