"""HttpSpecialist: a model behind an OpenAI-compatible endpoint."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from guardian_cluster.contract.snapshot import Endpoint
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.specialists import failures, shape
from guardian_cluster.specialists.effort import MAX_DECODED_BYTES, UNCOUNTED_BYTES, refuse_costly
from guardian_cluster.specialists.finishing import finishing_of
from guardian_cluster.specialists.specialist import Chunk, Context, Feed, Task
from guardian_cluster.specialists.sse import EventReader, too_large
from guardian_cluster.specialists.transport import Call, Response, Transport

_decoder = msgspec.json.Decoder()
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_PATHS = {"chat": "/chat/completions", "embeddings": "/embeddings"}
_MAX_ERROR_BYTES = 65_536
_TOKEN_LIMITS = frozenset({"max_tokens", "max_completion_tokens"})
"""The older name and the newer: endpoints refuse a request that has both, or follow either."""
_NEWER_LIMIT = "max_completion_tokens"
_SLICE_PAYLOADS = 32
"""Read and fed without letting others run: watched and encoded, this many take about 0.3 ms."""
_SHORT_BYTES = 1_024
"""Of a payload, nearly all of which are shorter: it holds few words, or a chunk's usual fields and fewer."""
_SLICE_BYTES = 8_192
"""The same, for payloads that are larger, or denser, than a model's words are: 3 ms whatever they hold."""


class HttpSpecialist:
    """Sends a task to an endpoint and reads what comes back, strictly."""

    def __init__(self, name: str, transport: Transport, clock: Clock, *, max_answer_bytes: int) -> None:
        self.name = name
        self._transport = transport
        self._clock = clock
        self._max_answer_bytes = max_answer_bytes

    async def execute(self, task: Task, context: Context, endpoint: Endpoint, feed: Feed) -> None:
        """Answer the task at the endpoint; see `Specialist.execute`."""
        response = await self._transport.send(call_for(task, context, endpoint))
        try:
            if response.status != 200:
                raise await self._failure(response)
            if _is_event_stream(response):
                if not task.request.streamed:
                    raise AttemptFailed(
                        "The model streamed what was asked for whole.", code="upstream_malformed"
                    )
                await self._stream(response, task.request, feed)
            else:
                body = await _read(response, self._limit(task.request))
                await feed([await _whole(body, task)], is_short=len(body) <= _SHORT_BYTES)
        finally:
            response.close()

    async def _failure(self, response: Response) -> AttemptFailed:
        body = await _read(response, _MAX_ERROR_BYTES, cut=True)
        waits = {name: response.header(name) for name in ("retry-after-ms", "retry-after")}
        return failures.from_status(response.status, waits, body, now=self._clock.now())

    def _limit(self, request: UserRequest) -> int:
        """Return how large one piece may be, a whole answer or an event."""
        if is_dense_by_nature(request):
            return self._max_answer_bytes
        return min(self._max_answer_bytes, MAX_DECODED_BYTES)

    async def _stream(self, response: Response, request: UserRequest, feed: Feed) -> None:
        reader = EventReader(self._max_answer_bytes, self._limit(request))
        finishing = finishing_of(request)
        block = b"-"
        while block:
            block = await response.read()
            payloads = reader.feed(block) if block else reader.finish()
            for number, slice_ in enumerate(slices(payloads)):
                if number:
                    await asyncio.sleep(0)  # one block can hold thousands, and others wait for the event loop
                if len(slice_[0]) > UNCOUNTED_BYTES and not is_dense_by_nature(request):
                    await refuse_costly(slice_[0])
                batch, end = parse_all(slice_)
                if finishing is not None:
                    finishing.take(batch)
                wanted = not batch or await feed(batch, is_short=is_short(slice_))
                if isinstance(end, AttemptFailed):
                    raise end
                if end:
                    response.finish()
                if end or not wanted:
                    return
        if finishing is not None:
            finishing.check()


def slices(payloads: list[bytes]) -> list[list[bytes]]:
    """Divide payloads into what is read and fed without letting others run; a large one stands alone."""
    if len(payloads) <= 1:
        return [payloads] if payloads else []
    divided: list[list[bytes]] = []
    for start in range(0, len(payloads), _SLICE_PAYLOADS):
        part = payloads[start : start + _SLICE_PAYLOADS]
        sizes = [*map(len, part)]
        if sum(sizes) <= _SLICE_BYTES and max(sizes) <= UNCOUNTED_BYTES:
            divided.append(part)
        else:
            divided += _finer(part)
    return divided


def is_short(payloads: list[bytes]) -> bool:
    """Return whether a slice of payloads can be watched in one go, whatever the policy looks for."""
    if len(payloads) == 1:
        return len(payloads[0]) <= _SHORT_BYTES
    return sum(map(len, payloads)) <= _SHORT_BYTES * len(payloads)


def _finer(payloads: list[bytes]) -> list[list[bytes]]:
    divided: list[list[bytes]] = []
    room = 0
    for payload in payloads:
        size = len(payload)
        if size > min(room, UNCOUNTED_BYTES):
            divided.append([])
            room = _SLICE_BYTES
        divided[-1].append(payload)
        room -= size
    return divided


def is_dense_by_nature(request: UserRequest) -> bool:
    """Return whether an answer holds so many values that no limit on them would let it pass.

    That are embeddings, which are mostly passed on as they came, and log probabilities, in whatever spelling the
    caller asked for them.
    """
    return request.operation == "embeddings" or "logprobs" in "\n".join(request.body)


def call_for(task: Task, context: Context, endpoint: Endpoint) -> Call:
    """Return the HTTP request that puts the task to the endpoint. Only what must differ from the caller's body does."""
    request, variant = task.request, task.variant
    fields: dict[str, Any] = {**request.body, "model": endpoint.model}
    if request.operation == "chat":
        if variant.parameters:
            fields = {**_unnamed(variant.parameters, request.body), **fields}
        if task.fields:
            fields.update(task.fields)
        if task.most_output_tokens is not None:
            _bound(fields, request.chat, task.most_output_tokens)
        fields["messages"] = _messages(context.messages, variant.instructions)
        if request.streamed and task.specialist.stream_usage:
            fields["stream_options"] = _with_usage(fields.get("stream_options"))
    headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    if endpoint.api_key is not None and endpoint.api_key.value:
        headers["authorization"] = f"Bearer {endpoint.api_key.value}"
    return Call(
        url=endpoint.url.rstrip("/") + _PATHS[request.operation],
        headers=headers,
        body=_encode(fields),
        connect_timeout_s=task.specialist.timeouts.connect_s,
        endpoint=endpoint.id,
        traceparent=request.traceparent,
        proxy=task.specialist.proxy.value if task.specialist.proxy is not None else None,
        ca_file=task.specialist.ca_file,
    )


def _unnamed(parameters: Mapping[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that a request does not name itself; both names of the token limit are one."""
    if _TOKEN_LIMITS.isdisjoint(body):
        return {**parameters}
    return {name: value for name, value in parameters.items() if name not in _TOKEN_LIMITS}


def _bound(fields: dict[str, Any], asked: ChatRequest, most: int) -> None:
    """Limit the tokens of an answer to `most`, under the name that the request, or its variant, has for that limit.

    Where neither names one it is OpenAI's newer name, which servers that do not know it pass over.
    """
    named = [name for name in _TOKEN_LIMITS if name in fields]
    wanted = asked.max_completion_tokens or asked.max_tokens
    if wanted is None:
        wanted = next((fields[name] for name in named if isinstance(fields[name], int)), None)
    if wanted is None or wanted > most:
        fields.update(dict.fromkeys(named or [_NEWER_LIMIT], most))


def _messages(messages: Any, instructions: str | None) -> Any:
    """Return the messages, the variant's own instructions first."""
    if instructions is None:
        return messages
    if isinstance(messages, msgspec.Raw):  # still encoded as the caller sent them, and passed on so
        messages = msgspec.json.decode(messages, type=list[msgspec.Raw])
    return [{"role": "system", "content": instructions}, *messages]


def _with_usage(options: Any) -> dict[str, Any]:
    """Return stream options that ask for token counts, besides what the caller asked for."""
    if isinstance(options, msgspec.Raw):
        options = _decoder.decode(options)
    return {**(options or {}), "include_usage": True}


async def _whole(body: bytes, task: Task) -> Chunk:
    """Read a whole answer; a large one is looked at before, and watched only when others have run."""
    if len(body) <= UNCOUNTED_BYTES:
        return _answer(body, task.request)
    if not is_dense_by_nature(task.request):
        await refuse_costly(body)
    answer = _answer(body, task.request)
    await asyncio.sleep(0)
    return answer


def _answer(body: bytes, request: UserRequest) -> Chunk:
    """Read a whole answer, as its request wants it."""
    if request.operation == "embeddings":
        return parse_embeddings(body, encoded=isinstance(request.body.get("input"), msgspec.Raw))
    return as_chunk(parse(body)) if request.streamed else parse(body)


def parse(payload: bytes) -> Chunk:
    """Read one JSON object of an answer.

    Raises:
        AttemptFailed: it is not JSON, not an object, or an error in disguise.
    """
    try:
        answer = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(error) from error
    if not isinstance(answer, dict):
        raise AttemptFailed("The model sent JSON that is not an object.", code="upstream_malformed")
    return _checked(cast("Chunk", answer))


def parse_embeddings(body: bytes, *, encoded: bool) -> Chunk:
    """Read an answer of embeddings; `encoded` leaves its `data` so, for those whose request came encoded as well.

    They only pass it on, and 8 MB of numbers take 40 ms to decode and encode again.

    Raises:
        AttemptFailed: as `parse`, and where it has no list of `data`.
    """
    try:
        if not body.isascii():
            body.decode()  # what stays encoded is not checked to be text
        fields = _fields.decode(body)
        answer: Chunk = {
            name: value if encoded and name == "data" else _decoder.decode(value)
            for name, value in fields.items()
        }
    except msgspec.ValidationError as error:
        raise AttemptFailed(
            "The model sent JSON that is not an object.", code="upstream_malformed"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(error) from error
    _checked(answer)
    if "data" not in fields or bytes(memoryview(fields["data"])[:1]) != b"[":
        raise AttemptFailed("The model sent no list of embeddings.", code="upstream_malformed")
    return answer


def _checked(chunk: Chunk) -> Chunk:
    """Return a chunk of the right shape that is no error in disguise."""
    shape.check(chunk)
    if "error" in chunk and (failure := failures.from_answer(chunk)) is not None:
        raise failure
    return chunk


def as_chunk(answer: Chunk) -> Chunk:
    """Turn a whole answer into one chunk, for endpoints that do not stream although asked to."""
    choices: list[dict[str, Any]] = []
    for choice in answer.get("choices") or ():
        message = dict(choice.get("message") or {})
        for index, call in enumerate(message.get("tool_calls") or ()):
            call.setdefault("index", index)
        choices.append({**{k: v for k, v in choice.items() if k != "message"}, "delta": message})
    return {**answer, "object": "chat.completion.chunk", "choices": choices}


def parse_all(payloads: list[bytes]) -> tuple[list[Chunk], AttemptFailed | bool]:
    """Read payloads up to the end of the answer: what was good before it, and whether it is the end, and why."""
    batch: list[Chunk] = []
    for payload in payloads:
        if payload == b"[DONE]":
            return batch, True
        try:
            batch.append(parse(payload))
        except AttemptFailed as failure:
            return batch, failure
    return batch, False


def _is_event_stream(response: Response) -> bool:
    kind = response.header("content-type")
    return kind is not None and kind[:17].lower() == "text/event-stream"


async def _read(response: Response, limit: int, *, cut: bool = False) -> bytes:
    """Read a body whole; `cut` tells to keep its beginning where it is over the limit."""
    parts: list[bytes] = []
    size = 0
    while block := await response.read():
        parts.append(block)
        size += len(block)
        if size > limit:
            if cut:
                break
            raise too_large("answer", limit)
    return b"".join(parts)


def _not_json(error: Exception) -> AttemptFailed:
    return AttemptFailed(f"The model sent what is not JSON: {error}.", code="upstream_malformed")
