"""Asks any OpenAI-compatible server one thing over real HTTP, and says what its user saw.

The client is made here, on asyncio's streams and httptools, so that it shares no assumption with what it looks at.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httptools
import msgspec

from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.simulation.hearing import Hearing
from guardian_cluster.simulation.observation import Ending, Expected, Heard, Observation, verdict_of
from guardian_cluster.simulation.request import JsonObject, object_of

LIMIT_S = 600.0
"""What OpenAI's clients wait by default for each read."""

MAX_RECORD_BYTES = 4_000_000

_READ_BYTES = 65_536


async def observe(
    base_url: str,
    body: Mapping[str, Any],
    expected: Expected | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
    silence_s: float | None = None,
    path: str = "/chat/completions",
    clock: Clock | None = None,
) -> Observation:
    """Send one request to `base_url`, which ends in `/v1`, and return what came of it; raises for nothing it sees.

    `limit_s` is for all of it; after `silence_s` without content the client has had enough too. The final facts
    come with a stream that asks for its usage; for other requests see `recorded`.
    """
    clock = clock or SystemClock()
    exchange = _Exchange(clock, clock.monotonic(), limit_s, silence_s or limit_s)
    data = msgspec.json.encode(body)
    ending = await exchange.run(base_url, _request("POST", urlsplit(base_url), path, data, headers or {}))
    heard = exchange.heard
    return Observation(
        verdict=verdict_of(heard, ending, expected or Expected(), heard.facts),
        heard=heard,
        ending=ending,
        first_content_s=exchange.first_content_s,
        longest_silence_s=exchange.longest_silence_s,
        total_s=clock.monotonic() - exchange.began,
    )


async def recorded(
    base_url: str, request_id: str, *, headers: Mapping[str, str] | None = None, limit_s: float = 10.0
) -> JsonObject | None:
    """Return the record of a request, `GET /requests/{id}` of our gateway; `None` where there is none."""
    exchange = _Exchange(SystemClock(), SystemClock().monotonic(), limit_s, limit_s)
    exchange.keeps_body = True
    path = f"/requests/{request_id}"
    await exchange.run(base_url, _request("GET", urlsplit(base_url), path, b"", headers or {}))
    if exchange.heard.status != 200:
        return None
    with suppress(msgspec.DecodeError):
        return object_of(msgspec.json.decode(exchange.body)) or None
    return None


def _request(method: str, base: SplitResult, path: str, data: bytes, headers: Mapping[str, str]) -> bytes:
    fields = {
        "host": base.netloc,
        "content-type": "application/json",
        "content-length": str(len(data)),
        "accept": "application/json, text/event-stream",
        "connection": "close",
        **headers,
    }
    lines = [f"{method} {base.path.rstrip('/')}{path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + data


@dataclass(slots=True)
class _Exchange:
    """One request and its reply; also what httptools calls while it parses."""

    clock: Clock
    began: float
    limit_s: float
    silence_s: float
    heard: Heard = field(default_factory=Heard)
    first_content_s: float | None = None
    longest_silence_s: float = 0.0
    keeps_body: bool = False
    body: bytes = b""
    _last_content: float = field(init=False)
    _hearing: Hearing = field(init=False)
    _parser: Any = field(init=False)  # httptools has no stubs for its parsers
    _is_complete: bool = False

    def __post_init__(self) -> None:
        self._last_content = self.began
        self._hearing = Hearing(self.heard)
        self._parser = httptools.HttpResponseParser(self)

    async def run(self, base_url: str, request: bytes) -> Ending:
        """Send the request and take in the reply until it ends, and return how it did."""
        base = urlsplit(base_url)
        secure = ssl.create_default_context() if base.scheme == "https" else None
        port = base.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(self.limit_s):
                reader, writer = await asyncio.open_connection(base.hostname, port, ssl=secure)
        except TimeoutError:
            return "silent"
        except OSError:
            return "unreachable"
        try:
            writer.write(request)
            ending = await self._take_in(reader)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        self._note_content(self._hearing.end(), at_end=True)
        return ending

    async def _take_in(self, reader: asyncio.StreamReader) -> Ending:
        try:
            while not (self._is_complete or self.heard.done):
                async with asyncio.timeout(self._patience_s()):
                    data = await reader.read(_READ_BYTES)
                if not data:
                    return self._closed()
                self._parser.feed_data(data)
        except TimeoutError:
            return "silent"
        except OSError:
            return "broken_off"
        except httptools.HttpParserError:
            self.heard.malformed = self.heard.malformed or "no HTTP"
            return "broken_off"
        return "clean"

    def _closed(self) -> Ending:
        """Return how a reply ended with its connection: in order only where nothing said how long it is."""
        framed = {"content-length", "transfer-encoding"} & self.heard.headers.keys()
        return "clean" if self.heard.status is not None and not framed else "broken_off"

    def _patience_s(self) -> float:
        now = self.clock.monotonic()
        return max(0.0, min(self.began + self.limit_s, self._last_content + self.silence_s) - now)

    def _note_content(self, has_content: bool, *, at_end: bool = False) -> None:
        if not (has_content or at_end):
            return
        now = self.clock.monotonic()
        self.longest_silence_s = max(self.longest_silence_s, now - self._last_content)
        self._last_content = now
        if has_content and self.first_content_s is None:
            self.first_content_s = now - self.began

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.heard.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Take the status; 1xx replies go before the one that counts."""
        status = int(self._parser.get_status_code())
        if status >= 200:
            self.heard.status = status
        else:
            self.heard.headers.clear()

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.keeps_body and len(self.body) < MAX_RECORD_BYTES:
            self.body += data
        self._note_content(self._hearing.take(data))

    def on_message_complete(self) -> None:
        """Note the end that HTTP says."""
        self._is_complete = self.heard.status is not None
