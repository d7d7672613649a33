import json
import random
from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.simulation import Answer, ModelRequest, ToolCall
from guardian_cluster.simulation.answer import token_count, tokens_of
from guardian_cluster.simulation.reply import Piece, Reply
from guardian_cluster.simulation.wire import Identity, identifier, stream_reply, whole_reply

IDENTITY = Identity("chatcmpl-1", 1_700_000_000, "m", "fp_1", "east")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
answers = st.builds(
    Answer,
    text=texts,
    reasoning=texts,
    refusal=texts,
    tool_calls=st.tuples(st.builds(ToolCall, st.just("t"), texts)),
)


def request(**body: Any) -> ModelRequest:
    body = {"messages": [{"role": "user", "content": "hi"}], **body}
    return ModelRequest(number=0, method="POST", path="/", query="", headers={}, raw=b"", body=body)


def pieces(reply: Reply) -> list[Piece]:
    return [step for step in reply.body if isinstance(step, Piece)]


def said_in(reply: Reply) -> dict[int, dict[str, str]]:
    """Join what a stream says, by choice and channel."""
    said: dict[int, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for piece in pieces(reply)[:-1]:
        for choice in json.loads(piece.data.removeprefix(b"data: "))["choices"]:
            delta = choice["delta"]
            for channel in ("content", "reasoning_content", "refusal"):
                said[choice["index"]][channel] += delta.get(channel) or ""
            for call in delta.get("tool_calls", ()):
                said[choice["index"]]["arguments"] += call["function"]["arguments"]
    return said


@given(st.lists(answers, min_size=1, max_size=3), st.integers(1, 20))
def test_a_stream_says_every_channel_in_full_for_any_chunk_size(given_answers: list[Answer], size: int):
    said = said_in(stream_reply(IDENTITY, request(stream=True), given_answers, size))

    for index, answer in enumerate(given_answers):
        assert said[index]["content"] == answer.text
        assert said[index]["reasoning_content"] == answer.reasoning
        assert said[index]["refusal"] == answer.refusal
        assert said[index]["arguments"] == answer.tool_calls[0].arguments


@given(answers)
def test_whole_and_streamed_calls_have_the_same_ids(answer: Answer):
    whole = json.loads(pieces(whole_reply(IDENTITY, request(), [answer]))[0].data)
    stream = pieces(stream_reply(IDENTITY, request(stream=True), [answer], 8))
    call_id = whole["choices"][0]["message"]["tool_calls"][0]["id"]

    assert sum(call_id.encode() in piece.data for piece in stream) == 1


def test_the_chunks_of_several_choices_come_in_turn():
    stream = pieces(stream_reply(IDENTITY, request(stream=True), [Answer("abc"), Answer("d")], 1))

    indexes = [json.loads(piece.data[6:])["choices"][0]["index"] for piece in stream[:-1]]
    assert indexes == [0, 1, 0, 1, 0, 0, 0, 1]
    assert [piece.kind for piece in stream] == [*["opening"] * 2, *["content"] * 4, *["finish"] * 2, "done"]


@given(texts)
def test_tokens_join_to_their_text(text: str):
    assert "".join(tokens_of(text)) == text
    assert token_count(text) == len(tokens_of(text))


def test_a_very_long_text_is_counted_roughly():
    assert token_count("word " * 100_000) == 125_000


def test_identifiers_follow_their_seed():
    first, again = (identifier("chatcmpl-", random.Random(4)) for _ in range(2))

    assert first == again
    assert len(first) == len("chatcmpl-") + 29
