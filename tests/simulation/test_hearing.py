"""Hearing: the same answer however its bytes are cut, and no bytes that raise."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.simulation.answer import ToolCall
from guardian_cluster.simulation.hearing import Hearing
from guardian_cluster.simulation.observation import Heard

STREAM = (
    b": a comment\r\n"
    b'data: {"id":"a","model":"m","created":1,"choices":[{"index":0,"delta":{"content":"Fa\xc3\xa7ade, "}}]}\r\n\r\n'
    b'event: message\ndata: {"id":"a","choices":[{"index":0,"delta":\ndata: {"content":"well"}},\n'
    b'data: {"index":1,"delta":{"content":"another choice"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":'
    b'{"name":"weigh","arguments":"{\\"a\\""}}]}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"guardian":{"attempts":[]}}\n\n'
    b"data: [DONE]\n\n"
    b'data: {"choices":[{"index":0,"delta":{"content":"after the end"}}]}\n\n'
)


def heard(pieces: list[bytes], content_type: str = "text/event-stream; charset=utf-8") -> Heard:
    hearing = Hearing(Heard(status=200, headers={"content-type": content_type}))
    for piece in pieces:
        hearing.take(piece)
    hearing.end()
    return hearing.heard


def test_a_stream_is_heard_as_a_client_hears_it():
    found = heard([STREAM])

    assert found.text == "Façade, well"
    assert found.tool_calls == (ToolCall("weigh", '{"a":1}'),)
    assert (found.finish_reason, found.done, found.malformed) == ("stop", True, None)
    assert (found.ids, found.models, found.created) == (("a",), ("m",), (1,))
    assert found.facts == {"attempts": []}


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_it_is_the_same_however_it_is_cut(cuts: list[int]):
    places = [0, *sorted(cuts), len(STREAM)]

    pieces = [STREAM[start:end] for start, end in pairwise(places)]

    assert heard(pieces) == heard([STREAM])


@given(
    st.lists(st.binary(max_size=60), max_size=8),
    st.sampled_from(["text/event-stream", "application/json", ""]),
)
def test_no_bytes_raise(pieces: list[bytes], content_type: str):
    assert heard(pieces, content_type).status == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "index",
                    "error",
                    "guardian",
                    "id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["text/event-stream", "application/json"]))
def test_no_json_of_any_shape_raises(value: object, content_type: str):
    body = json.dumps(value).encode()

    found = heard([b"data: " + body + b"\n\n" if content_type == "text/event-stream" else body], content_type)

    assert isinstance(found.text, str)


@given(JSON)
def test_no_call_of_any_shape_raises(value: object):
    body = json.dumps(
        {"choices": [{"message": {"content": value, "tool_calls": [{"index": value, "function": value}]}}]}
    )

    assert len(heard([body.encode()], "application/json").tool_calls) == 1
