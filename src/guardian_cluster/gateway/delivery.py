"""Delivers an answer to its client: whole, or as a stream of server-sent events.

The *header commit* is here: status and headers leave with the first content, or when the client has waited so
long that a sign of life is due. What fails before it is an HTTP error; what fails after it is an error inside
the stream, which then ends without `[DONE]`, so that no client takes half an answer for a whole one.
"""

import asyncio
from collections.abc import Callable, Coroutine

from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.gateway.headers import answer_headers
from guardian_cluster.gateway.http import JSON_TYPE, HeaderList, Send, encode_json, send_bytes, send_error
from guardian_cluster.request.answer import Answer
from guardian_cluster.specialists.specialist import Chunk

HEARTBEAT_S = 15.0
"""Proxies end connections that are silent for 30 to 60 s; OpenAI's clients skip comment lines."""

WAITED_S = 0.001
"""A write that takes longer has waited for the client; one that has not takes 10 µs, which are the gateway's."""

_STREAM_HEADERS: HeaderList = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_HEARTBEAT = b": the model is at work\n\n"
_DONE = b"data: [DONE]\n\n"


async def deliver_whole(answer: Answer, send: Send, clock: Clock, extra: HeaderList, *, debug: bool) -> None:
    """Send an answer in one piece."""
    chunks: list[Chunk] = []

    async def keep(batch: list[Chunk]) -> None:
        chunks.extend(batch)

    try:
        await answer.run(keep)
    except GuardianError as error:
        await send_error(
            send, error, [*answer_headers(answer, _overhead_s(answer, clock), debug=debug), *extra]
        )
        return
    headers = answer_headers(answer, _overhead_s(answer, clock), debug=debug)
    await send_bytes(send, 200, encode_json(chunks[0]), [JSON_TYPE, *headers, *extra])


class StreamDelivery:
    """Sends an answer as it comes."""

    def __init__(self, answer: Answer, send: Send, clock: Clock, extra: HeaderList, *, debug: bool) -> None:
        self._answer = answer
        self._send = send
        self._clock = clock
        self._extra = extra
        self._debug = debug
        self._started = False
        self._sent_at = clock.monotonic()

    async def run(self) -> None:
        """Send the answer to its end."""
        heartbeat = Heartbeat(self._beat)
        try:
            await self._answer.run(self._emit)
        except GuardianError as error:
            await heartbeat.stop()
            await self._fail(error)
            return
        finally:
            await heartbeat.stop()
        await self._write(_DONE, more=False)

    async def _emit(self, batch: list[Chunk]) -> None:
        sent_at = await self._write(b"".join([b"data: %b\n\n" % encode_json(chunk) for chunk in batch]))
        waited_s = self._clock.monotonic() - sent_at
        if waited_s > WAITED_S:
            self._answer.client_waited_s += waited_s

    async def _write(self, data: bytes, *, more: bool = True) -> float:
        """Send a piece, once the client has taken what came before it; return when that began."""
        if not self._started:
            await self._start()
        self._sent_at = sent_at = self._clock.monotonic()
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
        return sent_at

    async def _start(self) -> None:
        self._started = True
        headers = answer_headers(self._answer, _overhead_s(self._answer, self._clock), debug=self._debug)
        await self._send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [*_STREAM_HEADERS, *headers, *self._extra],
            }
        )

    async def _fail(self, error: GuardianError) -> None:
        if not self._started:
            overhead_s = _overhead_s(self._answer, self._clock)
            headers = answer_headers(self._answer, overhead_s, debug=self._debug)
            await send_error(self._send, error, [*headers, *self._extra])
            return
        body = error.body()
        # Clients keep no header of a stream that fails, so the id stands in the message.
        body["error"]["message"] += f" (request id: {self._answer.request.id})"
        body["error"]["code"] = body["error"]["code"] or error.code
        await self._write(b"data: %b\n\n" % encode_json(body), more=False)

    async def _beat(self) -> None:
        if self._clock.monotonic() - self._sent_at >= HEARTBEAT_S:
            await self._write(_HEARTBEAT)


class Heartbeat:
    """Calls `beat` every `HEARTBEAT_S` until stopped; one timer for a stream, nothing for a chunk."""

    def __init__(self, beat: Callable[[], Coroutine[None, None, None]]) -> None:
        self._beat = beat
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._due)

    def _due(self) -> None:
        if (
            self._task is None or self._task.done()
        ):  # a reader so slow that the last beat still waits needs no other
            self._task = asyncio.get_running_loop().create_task(self._beat())
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._due)

    async def stop(self) -> None:
        """Let a beat that is under way end, and call no other."""
        self._timer.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])


def _overhead_s(answer: Answer, clock: Clock) -> float:
    return answer.overhead_s(clock.monotonic() - answer.started_at)
