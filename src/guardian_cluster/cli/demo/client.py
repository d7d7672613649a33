"""The client of a demo: chat completions and records over HTTP, as any program would ask for them."""

import asyncio
import http.client
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import msgspec

TIMEOUT_S = 20.0
"""For each read: more than the gateway itself allows an answer in a demo."""

MAX_BYTES = 1_000_000

AT_ONCE = 16
"""Requests under way at once, at most."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back for one question."""

    status: int
    id: str = ""
    specialist: str = ""
    """Who answered, by the header; several are joined by commas."""
    reason: str = ""
    """Why the request went where it went, by the debug header."""
    text: str = ""
    finish_reason: str | None = None
    complete: bool = False
    """Whether the answer ended as a complete one does."""
    error: str | None = None


class Client:
    """Asks the gateway at `url`, which ends in `/v1`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._threads = ThreadPoolExecutor(AT_ONCE)

    async def ask(
        self,
        messages: list[dict[str, str]],
        *,
        model: str,
        streamed: bool,
        session: str | None = None,
        as_json: bool = False,
    ) -> Reply:
        """Ask for a chat completion and return all that came of it. Raises OSError or HTTPException."""
        body: dict[str, Any] = {"model": model, "messages": messages, "stream": streamed}
        if as_json:
            body["response_format"] = {"type": "json_object"}
        headers = {"content-type": "application/json", "x-guardian-debug": "1"}
        if session is not None:
            headers["x-session-id"] = session
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, body, headers)

    async def record(self, request_id: str) -> dict[str, Any]:
        """Return what is recorded of a request; empty where nothing is. Raises OSError or HTTPException."""
        return await asyncio.to_thread(self._record, request_id)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)

    def _ask(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        with closing(self._connection()) as connection:
            connection.request("POST", "/v1/chat/completions", json.dumps(body).encode(), dict(headers))
            response = connection.getresponse()
            known = Reply(
                status=response.status,
                id=response.getheader("x-request-id") or "",
                specialist=response.getheader("x-guardian-specialist") or "",
                reason=response.getheader("x-guardian-reason") or "",
            )
            if body["stream"] and response.status == http.client.OK:
                return _streamed(known, _payloads(response))
            return _whole(known, _object(response.read(MAX_BYTES)))

    def _record(self, request_id: str) -> dict[str, Any]:
        with closing(self._connection()) as connection:
            connection.request("GET", f"/v1/requests/{request_id}")
            response = connection.getresponse()
            content = response.read(MAX_BYTES)
            return _object(content) if response.status == http.client.OK else {}


def _whole(known: Reply, body: dict[str, Any]) -> Reply:
    if known.status != http.client.OK:
        return msgspec.structs.replace(known, error=body.get("error", {}).get("message"))
    choice = body["choices"][0]
    return msgspec.structs.replace(
        known,
        text=choice["message"]["content"] or "",
        finish_reason=choice["finish_reason"],
        complete=True,
    )


def _streamed(known: Reply, payloads: Iterator[bytes]) -> Reply:
    """Return what a stream brought; it is complete when `[DONE]` came, and with it no error."""
    text, finish_reason, done, error = "", None, False, None
    for payload in payloads:
        if payload == b"[DONE]":
            done = True
            break
        chunk = _object(payload)
        error = chunk.get("error", {}).get("message", error)
        for choice in chunk.get("choices", ()):
            text += choice["delta"].get("content") or ""
            finish_reason = choice.get("finish_reason") or finish_reason
    return msgspec.structs.replace(
        known, text=text, finish_reason=finish_reason, complete=done and error is None, error=error
    )


def _payloads(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while line := response.readline(MAX_BYTES):
        if line.startswith(b"data:"):
            yield line[5:].strip()


def _object(content: bytes) -> dict[str, Any]:
    return json.loads(content)
