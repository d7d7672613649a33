"""What is put to an endpoint and what is read from it, over a real connection."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import Endpoint, Specialist, Variant
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import EmbeddingsRequest, Operation, UserRequest
from guardian_cluster.simulation import (
    EventForm,
    Giant,
    Malformed,
    ModelServer,
    Pace,
    Raw,
    SoftError,
    Status,
    StreamError,
    TruncatedText,
    WrongContentType,
)
from guardian_cluster.specialists.effort import MAX_DECODED_BYTES, UNCOUNTED_BYTES
from guardian_cluster.specialists.http import HttpSpecialist, is_short, parse_embeddings, slices
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.specialist import Chunk, Context, Task

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]


class Caller:
    """Puts requests to one endpoint and keeps the batches that come back."""

    def __init__(self, server: ModelServer, *, max_answer_bytes: int = 10_000_000, **facts: Any) -> None:
        self.batches: list[list[Chunk]] = []
        self.wanted = 10**9
        self.turns = 0
        self.turns_at: list[int] = []
        key = facts.pop("api_key", None)
        self.endpoint = Endpoint(id="s/1", url=server.url, model="simulated-1", api_key=key)
        self.variant = facts.pop("variant", Variant(id="v"))
        self.specialist = Specialist(name="s", variants=(self.variant,), endpoints=(self.endpoint,), **facts)
        self.max_answer_bytes = max_answer_bytes

    async def ask(self, operation: Operation = "chat", most: int | None = None, **fields: Any) -> None:
        body = {"model": "s", **({"messages": HELLO} if operation == "chat" else {}), **fields}
        view = EmbeddingsRequest(model="s", input="a") if operation == "embeddings" else None
        request = UserRequest(body=body, operation=operation, view=view)
        task = Task(
            request=request, specialist=self.specialist, variant=self.variant, most_output_tokens=most
        )
        transport = HttptoolsTransport()
        asked = HttpSpecialist("s", transport, SystemClock(), max_answer_bytes=self.max_answer_bytes)
        try:
            await asked.execute(task, Context(messages=body.get("messages")), self.endpoint, self._feed)
        finally:
            await transport.close()

    async def fails(self, **fields: Any) -> AttemptFailed:
        with pytest.raises(AttemptFailed) as caught:
            await self.ask(**fields)
        return caught.value

    async def _feed(self, batch: list[Chunk], *, is_short: bool = False) -> bool:
        self.batches.append(batch)
        self.turns_at.append(self.turns)
        return len(self.batches) < self.wanted

    async def count_turns(self) -> None:
        """Count the turns that others get on the event loop."""
        while True:
            self.turns += 1
            await asyncio.sleep(0)

    @property
    def text(self) -> str:
        choices = [choice for batch in self.batches for chunk in batch for choice in chunk["choices"]]
        parts = [choice.get("message") or choice.get("delta") or {} for choice in choices]
        return "".join(part.get("content") or "" for part in parts)


async def test_the_model_is_the_endpoints_and_unknown_fields_pass():
    async with ModelServer() as server:
        await Caller(server).ask(temperature=0.5, x_own={"a": [1]})

    assert server.requests[0].body == {
        "model": "simulated-1",
        "messages": HELLO,
        "temperature": 0.5,
        "x_own": {"a": [1]},
    }


async def test_a_variants_parameters_count_where_the_request_names_none():
    variant = Variant(id="v", parameters={"temperature": 0.1, "top_p": 0.9})
    async with ModelServer() as server:
        await Caller(server, variant=variant).ask(temperature=0.7)

    assert (server.requests[0].body["temperature"], server.requests[0].body["top_p"]) == (0.7, 0.9)


@pytest.mark.parametrize(
    ("asked", "configured"),
    [
        ("max_tokens", "max_completion_tokens"),
        ("max_completion_tokens", "max_tokens"),
        ("max_tokens", "max_tokens"),
    ],
)
async def test_both_names_of_the_token_limit_are_one_and_the_callers_counts(asked: str, configured: str):
    variant = Variant(id="v", parameters={configured: 900, "top_p": 0.9})
    async with ModelServer() as server:
        await Caller(server, variant=variant).ask(**{asked: 5})

    sent = server.requests[0].body
    assert {name: sent[name] for name in sent if name.startswith("max_")} == {asked: 5}
    assert sent["top_p"] == 0.9


@pytest.mark.parametrize(
    ("asked", "configured", "sent"),
    [
        ({}, {}, {"max_completion_tokens": 50}),
        ({"max_tokens": 900}, {}, {"max_tokens": 50}),
        ({"max_tokens": 5}, {}, {"max_tokens": 5}),
        (
            {"max_tokens": 900, "max_completion_tokens": 900},
            {},
            {"max_tokens": 50, "max_completion_tokens": 50},
        ),
        ({}, {"max_tokens": 900}, {"max_tokens": 50}),
        ({}, {"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": None}, {}, {"max_tokens": 50}),
    ],
)
async def test_an_answer_is_asked_for_only_as_long_as_it_is_paid_for(
    asked: dict[str, Any], configured: dict[str, Any], sent: dict[str, Any]
):
    async with ModelServer() as server:
        await Caller(server, variant=Variant(id="v", parameters=configured)).ask(most=50, **asked)

    body = server.requests[0].body
    assert {name: body[name] for name in body if name.startswith("max_")} == sent


async def test_a_token_limit_that_the_caller_does_not_name_is_the_variants():
    async with ModelServer() as server:
        await Caller(server, variant=Variant(id="v", parameters={"max_tokens": 900})).ask()

    assert server.requests[0].body["max_tokens"] == 900


async def test_a_variants_parameters_are_not_sent_to_embeddings():
    async with ModelServer() as server:
        await Caller(server, variant=Variant(id="v", parameters={"temperature": 0.1})).ask(
            "embeddings", input=["a"]
        )

    assert server.requests[0].body == {"model": "simulated-1", "input": ["a"]}


async def test_a_variants_instructions_stand_before_the_messages():
    async with ModelServer() as server:
        await Caller(server, variant=Variant(id="v", instructions="Be brief.")).ask()

    assert server.requests[0].messages == [{"role": "system", "content": "Be brief."}, *HELLO]


@pytest.mark.parametrize(("key", "sent"), [(Secret("sk-1"), "Bearer sk-1"), (Secret(""), None), (None, None)])
async def test_the_endpoints_own_key_is_sent(key: Secret | None, sent: str | None):
    async with ModelServer() as server:
        await Caller(server, api_key=key).ask()

    assert server.requests[0].headers.get("authorization") == sent


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False, "x": 1}}])
async def test_token_counts_are_asked_for_in_streams(options: dict[str, Any]):
    async with ModelServer() as server:
        await Caller(server).ask(stream=True, **options)

    assert server.requests[0].includes_usage
    assert server.requests[0].body["stream_options"].get("x") == options.get("stream_options", {}).get("x")


async def test_an_endpoint_that_refuses_stream_options_is_not_sent_any():
    async with ModelServer() as server:
        await Caller(server, stream_usage=False).ask(stream=True)

    assert "stream_options" not in server.requests[0].body


async def test_embeddings_pass_through():
    async with ModelServer() as server:
        caller = Caller(server)
        await caller.ask("embeddings", input=["a", "b"])

    assert server.requests[0].path == "/v1/embeddings"
    assert [one["index"] for one in caller.batches[0][0]["data"]] == [0, 1]


VECTORS = '{"object": "list", "data": [{"index": 0, "embedding": [0.10]}], "model": "x", "usage": {"prompt_tokens": 2}}'


async def test_embeddings_stay_encoded_for_who_asked_encoded():
    async with ModelServer(faults=raw("application/json", VECTORS)) as server:
        caller = Caller(server)
        await caller.ask("embeddings", input=msgspec.Raw(b'["a"]'))

    answer = caller.batches[0][0]
    assert bytes(answer.pop("data")) == b'[{"index": 0, "embedding": [0.10]}]'
    assert answer == {"object": "list", "model": "x", "usage": {"prompt_tokens": 2}}


@pytest.mark.parametrize("sent", [["a"], msgspec.Raw(b'["a"]')], ids=["decoded", "encoded"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{}", "upstream_malformed"),
        ("[]", "upstream_malformed"),
        ('{"data": null}', "upstream_malformed"),
        ('{"data": {}}', "upstream_malformed"),
        ('{"data": [1,}', "upstream_malformed"),
        ('{"data": [], "usage": 1}', "upstream_malformed"),
        ('{"data": ' + "[" * 100_000 + "]" * 100_000 + "}", "upstream_malformed"),
        ('{"error": {"message": "no"}}', "upstream_error"),
    ],
)
async def test_what_holds_no_embeddings_is_a_failure(sent: Any, body: str, code: str):
    async with ModelServer(faults=raw("application/json", body)) as server:
        caller = Caller(server)
        with pytest.raises(AttemptFailed) as caught:
            await caller.ask("embeddings", input=sent)

    assert (caught.value.code, caller.batches) == (code, [])


def test_embeddings_that_are_no_text_are_a_failure():
    with pytest.raises(AttemptFailed) as caught:
        parse_embeddings(b'{"data": ["\xff"]}', encoded=True)

    assert caught.value.code == "upstream_malformed"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_arrives_in_full(stream: bool):
    async with ModelServer("one two three four five six seven") as server:
        caller = Caller(server)
        await caller.ask(stream=stream)

    assert caller.text == "one two three four five six seven"


async def test_events_in_another_form_are_read_alike():
    async with ModelServer("one two three", faults=EventForm()) as server:
        caller = Caller(server)
        await caller.ask(stream=True)

    assert caller.text == "one two three"


async def test_a_feed_that_wants_no_more_ends_the_request():
    async with ModelServer("x", faults=Giant(), pace=Pace(characters_per_chunk=1_000)) as server:
        caller = Caller(server)
        caller.wanted = 1
        await caller.ask(stream=True)

        await server.until(lambda: server.cancelled == 1)

    assert len(caller.batches) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_endless_answer_is_broken_off_at_the_limit(stream: bool):
    async with ModelServer("x", faults=Giant(2_000_000), pace=Pace(characters_per_chunk=1_000)) as server:
        error = await Caller(server, max_answer_bytes=500_000).fails(stream=stream)

        await server.until(lambda: server.open_requests == 0)

    assert error.code == "upstream_answer_too_large"


async def test_an_endless_error_is_read_in_part():
    async with ModelServer(faults=Status(500, message="x" * 5_000_000)) as server:
        error = await Caller(server).fails()

    assert error.upstream_status == 500


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_with_status_200_is_a_failure(stream: bool):
    async with ModelServer(faults=SoftError(code="overloaded")) as server:
        error = await Caller(server).fails(stream=stream)

    assert error.body()["error"]["code"] == "overloaded"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (StreamError(1), "upstream_error"),
        (Malformed(1), "upstream_malformed"),
        (TruncatedText(1), "upstream_malformed"),
        (WrongContentType(), "upstream_malformed"),
    ],
)
async def test_a_stream_that_breaks_is_a_failure(fault: Any, code: str):
    async with ModelServer("one two three four five six", faults=fault) as server:
        assert (await Caller(server).fails(stream=True)).code == code


@pytest.mark.parametrize("fault", [Malformed(1), TruncatedText(1)])
async def test_a_whole_answer_that_is_broken_is_a_failure(fault: Any):
    async with ModelServer("one two three four five six", faults=fault) as server:
        assert (await Caller(server).fails()).code == "upstream_malformed"


def raw(kind: str, body: str) -> Raw:
    lines = ("HTTP/1.1 200 OK", f"content-type: {kind}", f"content-length: {len(body)}", "connection: close")
    return Raw("\r\n".join((*lines, "", body)).encode())


def events(*deltas: dict[str, Any]) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    chunks = [{"id": "1", "choices": [choice]} for choice in choices]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


async def test_a_stream_that_nobody_asked_for_is_no_answer():
    streamed = raw("text/event-stream", events({"content": "one "}, {"content": "two"}))
    async with ModelServer(faults=streamed) as server:
        caller = Caller(server)
        error = await caller.fails()

    assert (error.code, caller.batches) == ("upstream_malformed", [])


async def test_a_stream_is_known_whatever_the_spelling_of_its_type():
    streamed = raw("Text/Event-Stream; Charset=UTF-8", events({"content": "one "}, {"content": "two"}))
    async with ModelServer(faults=streamed) as server:
        caller = Caller(server)
        await caller.ask(stream=True)

    assert caller.text == "one two"


async def test_a_whole_answer_to_a_streamed_request_is_passed_on_as_a_chunk():
    choice = {"index": 0, "message": {"content": "one two"}, "finish_reason": "stop"}
    async with ModelServer(
        faults=raw("application/json", json.dumps({"id": "1", "choices": [choice]}))
    ) as server:
        caller = Caller(server)
        await caller.ask(stream=True)

    assert caller.text == "one two"
    assert caller.batches[0][0]["object"] == "chat.completion.chunk"


async def test_a_burst_of_chunks_lets_others_run_in_between():
    async with ModelServer(faults=raw("text/event-stream", events(*[{"content": "x"}] * 1_000))) as server:
        caller = Caller(server)
        counting = asyncio.create_task(caller.count_turns())
        await caller.ask(stream=True)
        counting.cancel()

    assert caller.text == "x" * 1_000
    assert max(map(len, caller.batches)) <= 32
    assert len(set(caller.turns_at)) == len(caller.batches)


async def test_a_feed_that_wants_no_more_is_given_nothing_more_of_a_burst():
    async with ModelServer(faults=raw("text/event-stream", events(*[{"content": "x"}] * 200))) as server:
        caller = Caller(server)
        caller.wanted = 2
        await caller.ask(stream=True)

    assert len(caller.batches) == 2


@given(st.lists(st.integers(1, 20_000).map(lambda size: b"x" * size), max_size=80))
def test_what_is_read_at_once_is_little_or_one_payload(payloads: list[bytes]):
    divided = slices(payloads)

    assert [payload for slice_ in divided for payload in slice_] == payloads
    for slice_ in divided:
        assert 1 <= len(slice_) <= 32
        assert len(slice_[0]) > UNCOUNTED_BYTES or sum(map(len, slice_)) <= 8_192
        assert all(len(payload) <= UNCOUNTED_BYTES for payload in slice_[1:])


@pytest.mark.parametrize("stream", [False, True])
async def test_one_piece_of_an_answer_has_a_size(stream: bool):
    said = "A" * (MAX_DECODED_BYTES + 1)
    body = events({"content": said}) if stream else json.dumps({"choices": [{"message": {"content": said}}]})
    async with ModelServer(faults=raw("text/event-stream" if stream else "application/json", body)) as server:
        error = await Caller(server, max_answer_bytes=50_000_000).fails(stream=stream)

    assert error.code == "upstream_answer_too_large"
    assert str(MAX_DECODED_BYTES) in error.message


async def test_embeddings_have_the_operators_own_limit():
    data = [{"index": 0, "embedding": "A" * MAX_DECODED_BYTES}]
    async with ModelServer(faults=raw("application/json", json.dumps({"data": data}))) as server:
        caller = Caller(server, max_answer_bytes=50_000_000)
        await caller.ask("embeddings", input="a")

    assert caller.batches[0][0]["data"] == data


@pytest.mark.parametrize(
    ("sizes", "short"),
    [([300], True), ([300] * 32, True), ([1_024], True), ([1_025], False), ([2_000, 300], False)],
)
def test_a_batch_is_short_where_its_payloads_hold_few_words(sizes: list[int], short: bool):
    assert is_short([b"x" * size for size in sizes]) == short
