"""A client of the gateway that sees bytes: what arrived, and how it ended."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from harness import RunningGateway

PATIENCE_S = 10.0
HELLO: dict[str, Any] = {"model": "smart", "messages": [{"role": "user", "content": "hello"}]}


@dataclass(frozen=True)
class Reply:
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_complete: bool = True  # False where the connection ended before the body did

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object, which has OpenAI's four fields and none besides."""
        assert self.headers["content-type"] == "application/json"
        (error,) = self.json.values()
        assert error.keys() == {"message", "type", "param", "code"}
        assert error["message"]
        return error

    @property
    def events(self) -> list[str]:
        """The payloads of a stream."""
        return [line[6:].decode() for line in self.body.split(b"\n") if line.startswith(b"data: ")]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The objects of a stream."""
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    @property
    def text(self) -> str:
        """The words of the first choice, streamed or whole."""
        answers = self.chunks if self.headers["content-type"].startswith("text/event-stream") else [self.json]
        choices = [choice for answer in answers for choice in answer.get("choices") or ()]
        parts = [choice.get("message") or choice.get("delta") or {} for choice in choices]
        return "".join(part.get("content") or "" for part in parts)


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes; a gateway that has closed already is no error here, but when reading."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def reply(self, *, head_only: bool = False) -> Reply:
        """Read one response; 1xx ones are passed over."""
        async with asyncio.timeout(PATIENCE_S):
            status, headers = await self._head()
            while status < 200:
                status, headers = await self._head()
            if head_only:
                return Reply(status, headers, b"")
            try:
                return Reply(status, headers, await self._body(headers))
            except asyncio.IncompleteReadError as error:
                return Reply(status, headers, error.partial, is_complete=False)

    async def send_once_asked(self, request: bytes) -> tuple[bytes, Reply]:
        """Send the head, and the body when something has been said to it; return what, and the reply."""
        head, end, body = request.partition(b"\r\n\r\n")
        await self.send(head + end)
        asked = await asyncio.wait_for(self.reader.readuntil(end), PATIENCE_S)
        await self.send(body)
        return asked, await self.reply()

    async def is_closed(self, within_s: float = PATIENCE_S) -> bool:
        """Return whether the gateway ends the connection without saying more."""
        try:
            async with asyncio.timeout(within_s):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def abort(self) -> None:
        """Leave without a word."""
        self.writer.transport.abort()

    async def _head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        names = [line.partition(": ")[0] for line in lines]
        assert len(names) == len(set(names)), f"a header is there twice: {names}"
        return int(first.split(" ")[1]), {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        body = b""
        while True:
            try:
                size = int(await self.reader.readuntil(b"\r\n"), 16)
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            except asyncio.IncompleteReadError:
                raise asyncio.IncompleteReadError(body, None) from None
            if not size:
                return body


@asynccontextmanager
async def line_to(gateway: RunningGateway) -> AsyncGenerator[Line]:
    """Connect."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=2**24)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def head_of(method: str, path: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request's head."""
    lines = [f"{method} {path} HTTP/1.1", "host: gateway"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request_of(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request as bytes; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    length = {"content-length": str(len(content))} if body is not None else {}
    return head_of(method, path, {**length, **(headers or {})}) + content


async def send(
    gateway: RunningGateway,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request on a connection of its own."""
    async with line_to(gateway) as line:
        await line.send(request_of(method, path, body, headers))
        return await line.reply(head_only=method == "HEAD")


async def chat(gateway: RunningGateway, headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
    """Ask for a chat completion."""
    return await send(gateway, "POST", "/v1/chat/completions", {**HELLO, **fields}, headers)
