"""Clients of simulated servers; one of them sees bytes: what arrived, and how the connection ended."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import openai

from guardian_cluster.simulation import ModelServer

ClientOf = Callable[..., openai.AsyncOpenAI]

# Long enough for anything that comes at all on a busy machine; those who expect silence say a shorter time.
PATIENCE_S = 10.0
# What no answer but a giant one reaches.
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Received:
    data: bytes
    end: Literal["closed", "reset", "silent", "left"]

    @property
    def head(self) -> str:
        return self.data.partition(b"\r\n\r\n")[0].decode()

    @property
    def body(self) -> bytes:
        """The body as framed: a chunked one keeps its chunk sizes."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def events(self) -> list[bytes]:
        """The data lines of a stream, without the framing around them."""
        return [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: ")]


def request_bytes(body: dict[str, Any] | None = None, *, path: str = "/v1/chat/completions") -> bytes:
    content = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **(body or {})})
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
    return (head + content).encode()


async def ask(
    server: ModelServer, *, stream: bool = False, data: bytes | None = None, patience_s: float = PATIENCE_S
) -> Received:
    """Send one request, or any bytes, and read until the connection ends, falls silent or sends too much."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data or request_bytes({"stream": stream}))
    received = await _read_all(reader, patience_s)
    writer.close()
    with suppress(ConnectionError):  # told by `end`
        await writer.wait_closed()
    return received


async def _read_all(reader: asyncio.StreamReader, patience_s: float) -> Received:
    data = b""
    try:
        while part := await asyncio.wait_for(reader.read(65536), patience_s):
            data += part
            if len(data) > MOST_BYTES:
                return Received(data, "left")
    except ConnectionResetError:
        return Received(data, "reset")
    except TimeoutError:
        return Received(data, "silent")
    return Received(data, "closed")
