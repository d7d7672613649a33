"""The least a gateway on uvicorn and aiohttp can do: hand the request on and the answer back.

What the gateway costs above this is the price of its own work. The server is the gateway's, in its version; the
client is aiohttp's session, as Python gateways usually call models: what the gateway saves by a leaner client counts
for it. Served by uvicorn as `benchmarks.bare:app`; the address to post to is in the variable BARE_UPSTREAM.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = {"content-type": "application/json"}


class PassThrough:
    """An ASGI application with one client session, opened and closed with the server."""

    _session: aiohttp.ClientSession

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._relay(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as self._session:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _relay(self, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        async with self._session.post(os.environ["BARE_UPSTREAM"], data=body, headers=JSON) as answer:
            kind = answer.headers["content-type"]
            headers = [(b"content-type", kind.encode())]
            if not kind.startswith("text/event-stream"):
                whole = await answer.read()
                headers.append((b"content-length", b"%d" % len(whole)))
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                await send({"type": "http.response.body", "body": whole})
                return
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for block in answer.content.iter_any():
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _read(receive: Receive) -> bytes:
    message = await receive()
    if not message["more_body"]:
        return message["body"]
    parts = [message["body"]]
    while message["more_body"]:
        message = await receive()
        parts.append(message["body"])
    return b"".join(parts)


app = PassThrough()
