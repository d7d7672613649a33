"""HttpSpecialist: a model behind an OpenAI-compatible endpoint."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import msgspec

from guardian_cluster.contract.snapshot import Endpoint
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists import failures, shape
from guardian_cluster.specialists.specialist import Chunk, Context, Task
from guardian_cluster.specialists.sse import EventReader
from guardian_cluster.specialists.transport import Call, Response, Transport

_decoder = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode
_PATHS = {"chat": "/chat/completions", "embeddings": "/embeddings"}
_MAX_ERROR_BYTES = 65_536


class HttpSpecialist:
    """Sends a task to an endpoint and reads what comes back, strictly."""

    def __init__(self, name: str, transport: Transport, clock: Clock, *, max_answer_bytes: int) -> None:
        self.name = name
        self._transport = transport
        self._clock = clock
        self._max_answer_bytes = max_answer_bytes

    async def execute(self, task: Task, context: Context, endpoint: Endpoint) -> AsyncIterator[list[Chunk]]:
        """Answer the task at the endpoint; see `Specialist.execute`."""
        response = await self._transport.send(call_for(task, context, endpoint))
        try:
            if response.status != 200:
                raise await self._failure(response)
            if _is_event_stream(response):
                async for batch in self._stream(response):
                    yield batch
            else:
                yield [await self._whole(response, streamed=task.request.streamed)]
        finally:
            await response.close()

    async def _failure(self, response: Response) -> AttemptFailed:
        body = await _read(response, _MAX_ERROR_BYTES, cut=True)
        waits = {name: response.header(name) for name in ("retry-after-ms", "retry-after")}
        return failures.from_status(response.status, waits, body, now=self._clock.now())

    async def _whole(self, response: Response, *, streamed: bool) -> Chunk:
        answer = parse(await _read(response, self._max_answer_bytes))
        return as_chunk(answer) if streamed else answer

    async def _stream(self, response: Response) -> AsyncGenerator[list[Chunk], None]:
        reader = EventReader(self._max_answer_bytes)
        async for block in response.blocks():
            batch, end = parse_all(reader.feed(block))
            if batch:
                yield batch
            if isinstance(end, AttemptFailed):
                raise end
            if end:
                return
        batch, end = parse_all(reader.finish())
        if batch:
            yield batch
        if isinstance(end, AttemptFailed):
            raise end


def call_for(task: Task, context: Context, endpoint: Endpoint) -> Call:
    """Return the HTTP request that puts the task to the endpoint. Only what must differ from the caller's body does."""
    request, variant = task.request, task.variant
    fields: dict[str, Any] = {**variant.parameters, **request.body, "model": endpoint.model}
    if request.operation == "chat":
        fields["messages"] = context.messages
    headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    if endpoint.api_key is not None and endpoint.api_key.value:
        headers["authorization"] = f"Bearer {endpoint.api_key.value}"
    return Call(
        url=endpoint.url.rstrip("/") + _PATHS[request.operation],
        headers=headers,
        body=_encode(fields),
        connect_timeout_s=task.timeouts.connect_s,
    )


def parse(payload: bytes) -> Chunk:
    """Read one JSON object of an answer.

    Raises:
        AttemptFailed: it is not JSON, not an object, or an error in disguise.
    """
    try:
        answer = _decoder.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AttemptFailed(
            f"The model sent what is not JSON: {error}.", code="upstream_malformed"
        ) from error
    if not isinstance(answer, dict):
        raise AttemptFailed("The model sent JSON that is not an object.", code="upstream_malformed")
    chunk = cast("Chunk", answer)
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
    return kind is not None and kind.startswith("text/event-stream")


async def _read(response: Response, limit: int, *, cut: bool = False) -> bytes:
    """Read a body whole; `cut` tells to keep its beginning where it is over the limit."""
    parts: list[bytes] = []
    size = 0
    async for block in response.blocks():
        parts.append(block)
        size += len(block)
        if size > limit:
            if cut:
                break
            raise AttemptFailed(
                f"The model's answer is over {limit} bytes.", code="upstream_answer_too_large"
            )
    return b"".join(parts)
