import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import ChatRequest, Message, UserRequest
from guardian_cluster.request.usage import Usage
from guardian_cluster.specialists.http import as_chunk, parse, parse_all
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch

TOOL_CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOKEN = {"token": "hi", "logprob": -0.1, "bytes": [104, 105], "top_logprobs": [{"token": "hi"}]}
PART: dict[str, Any] = {
    "role": "assistant",
    "content": "hello",
    "reasoning_content": "hm",
    "reasoning": "hm",
    "refusal": "no",
    "tool_calls": [TOOL_CALL],
    "function_call": {"name": "f", "arguments": "{}"},
    "audio": {"id": "a", "transcript": "hello", "data": "AAAA"},
    "annotations": [{"type": "url_citation"}],
}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": PART,
            "delta": PART,
            "logprobs": {"content": [TOKEN], "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "system_fingerprint": "fp",
}
HOSTILE: list[Any] = [None, True, -1, 0, 2**63, 10**400, 1.5, 1e308, "", "x", "\0\u202e", [], [None], [1]]
HOSTILE += [["x"]]
HOSTILE += [[[]], [{}], {}, {"": None}, {"x": {"y": [1]}}, {"index": "0"}, {"text": 5}, [{"text": 5}]]
WATCHED = CompiledPolicy(WatchPolicy(deny=(DenyRule(name="d", text="hello secret"),), canaries=("canary-1",)))


json_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
names = st.sampled_from(["choices", "delta", "message", "content", "tool_calls", "function", "usage", "x"])


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, item in inner for place in places(item, (*path, key))]


def put(value: Any, path: tuple[Any, ...], hostile: Any) -> Any:
    if not path:
        return hostile
    copied = list(value) if isinstance(value, list) else dict(value)
    copied[path[0]] = put(value[path[0]], path[1:], hostile)
    return copied


def pass_through(payload: bytes, *, streamed: bool) -> None:
    """Take a payload the way it takes behind the network: read, watched, counted."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": streamed}
    request = UserRequest(body=body)
    view = ChatRequest(model="m", messages=[Message(role="user", content="hi")], stream=streamed)
    watch, usage = Watch(WATCHED, view), Usage()
    chunk = as_chunk(parse(payload)) if streamed else parse(payload)
    usage.take(watch.feed([chunk]), request)
    watch.finish(may_retry=True)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("place", places(ANSWER), ids=lambda place: ".".join(map(str, place)))
def test_a_hostile_type_anywhere_is_an_answer_or_a_failed_attempt_and_nothing_else(
    place: tuple[Any, ...], streamed: bool
):
    for hostile in HOSTILE:
        pass_or_fail(json.dumps(put(ANSWER, place, hostile)).encode(), streamed=streamed)


def pass_or_fail(payload: bytes, *, streamed: bool) -> None:
    """Let a payload pass, or fail the attempt; anything else it raises fails the test."""
    codes: list[str] = []
    try:
        pass_through(payload, streamed=streamed)
    except AttemptFailed as failure:
        codes.append(failure.code)
    assert set(codes) <= {"upstream_malformed", "upstream_error"}


@given(st.recursive(json_leaves, containers, max_leaves=12), st.booleans())
def test_any_json_is_an_answer_or_a_failed_attempt(value: Any, streamed: bool):
    pass_or_fail(json.dumps(value).encode(), streamed=streamed)


@given(st.binary(max_size=60), st.integers(0, 400), st.booleans())
def test_bytes_broken_anywhere_are_an_answer_or_a_failed_attempt(inserted: bytes, place: int, streamed: bool):
    whole = json.dumps(ANSWER).encode()
    pass_or_fail(whole[:place] + inserted + whole[place + len(inserted) :], streamed=streamed)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{" * 100_000,
        b'{"choices":' + b"[" * 100_000,
        b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"choices": [{"delta": {"content": "\xe2\x82"}}]}',
        b'{"choices": [{"delta": {"content": "\\ud800"}}]}',
        b'{"usage": {"prompt_tokens": 1' + b"0" * 5_000 + b"}}",
    ],
    ids=lambda payload: payload[:24].decode("latin-1"),
)
def test_what_is_no_object_is_a_failed_attempt(payload: bytes):
    with pytest.raises(AttemptFailed) as caught:
        parse(payload)

    assert caught.value.code == "upstream_malformed"
    assert len(caught.value.message) < 1_000


def test_fields_that_are_not_known_may_be_anything():
    choice = {"index": 0, "delta": {"x": 1, "role": "r"}, "y": {}}
    strange = {"x_field": [{"deep": [1, None]}], "choices": [choice]}

    assert parse(json.dumps(strange).encode()) == strange


def test_what_was_good_before_a_broken_payload_is_kept():
    batch, end = parse_all([b'{"id": "1"}', b"{broken", b'{"id": "2"}'])

    assert batch == [{"id": "1"}]
    assert isinstance(end, AttemptFailed)


def test_nothing_is_read_behind_the_end():
    assert parse_all([b'{"id": "1"}', b"[DONE]", b"{broken"]) == ([{"id": "1"}], True)


def test_a_whole_answer_becomes_one_chunk_of_a_stream():
    chunk = as_chunk(json.loads(json.dumps(ANSWER)))

    (choice,) = chunk["choices"]
    assert chunk["object"] == "chat.completion.chunk"
    assert "message" not in choice
    assert (choice["delta"]["content"], choice["finish_reason"]) == ("hello", "stop")
    assert choice["delta"]["tool_calls"][0]["index"] == 0
