"""Which transport carries a call, and that a proxy is gone through."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from raw_server import raw_server

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.simulation import ModelServer
from guardian_cluster.specialists.transport import Call, Transport
from guardian_cluster.specialists.transports import Transports


class Proxy:
    """Leads to servers by CONNECT, or by a whole address; keeps what it was asked."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.asked: list[str] = []
        self.credentials: list[str] = []
        self._refusal = refusal

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.decode().split(" ", 2)
        self.asked.append(f"{method} {target}")
        self.credentials += [
            line for line in head.decode().split("\r\n") if line.lower().startswith("proxy-auth")
        ]
        if self._refusal:
            writer.write(self._refusal)
            await writer.drain()
            return
        host = target if method == "CONNECT" else target.split("/")[2]
        upstream = await asyncio.open_connection(*host.split(":"))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream[1].write(head.replace(f"http://{host}".encode(), b"", 1))
        async with asyncio.TaskGroup() as both:
            both.create_task(_pass(reader, upstream[1]))
            both.create_task(_pass(upstream[0], writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65_536):
            writer.write(block)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def proxying(proxy: Proxy) -> AsyncGenerator[tuple[str, Transports]]:
    transport = Transports()
    async with raw_server(proxy) as url:
        yield url.removesuffix("/v1"), transport
        await transport.close()


async def said(transport: Transport, sent: Call) -> tuple[int, bytes]:
    async with asyncio.timeout(10):
        response = await transport.send(sent)
        blocks: list[bytes] = []
        while block := await response.read():
            blocks.append(block)
        response.close()
        return response.status, b"".join(blocks)


BODY = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'


async def test_a_call_goes_through_its_proxy():
    async with ModelServer("hello") as server, proxying(proxy := Proxy()) as (address, transport):
        sent = Call(f"{server.url}/chat/completions", {}, BODY, 2.0, proxy=address)

        status, body = await said(transport, sent)

    assert (status, b"hello" in body) == (200, True)
    assert proxy.asked == [f"POST {server.url}/chat/completions"]
    assert server.requests[0].raw == BODY


async def test_tls_goes_through_a_proxy_with_the_server_alone_and_its_tunnel_is_used_again(tmp_path: Path):
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with (
        ModelServer("hello", tls=context) as server,
        proxying(proxy := Proxy()) as (address, transport),
    ):
        sent = Call(
            f"{server.url}/chat/completions", {}, BODY, 2.0, proxy=address, ca_file=str(tmp_path / "ca.pem")
        )

        assert [(await said(transport, sent))[0] for _ in range(2)] == [200, 200]

    assert proxy.asked == [f"CONNECT 127.0.0.1:{server.port}"]
    assert proxy.credentials == []


async def test_a_proxy_may_ask_who_we_are_and_the_server_is_not_told():
    async with ModelServer("hello") as server, proxying(proxy := Proxy()) as (address, transport):
        named = address.replace("http://", "http://me:secret@")
        await said(
            transport, Call(f"{server.url}/chat/completions", {"authorization": "k"}, BODY, 2.0, proxy=named)
        )

    assert proxy.credentials == ["Proxy-Authorization: Basic bWU6c2VjcmV0"]
    assert server.requests[0].headers["authorization"] == "k"


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (b"HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n", "its proxy answered 407"),
        (b"HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n", "its proxy answered 502"),
    ],
)
async def test_a_proxy_that_refuses_a_tunnel_makes_its_endpoint_unreachable(refusal: bytes, words: str):
    async with proxying(Proxy(refusal)) as (address, transport):
        sent = Call("https://model.example/v1/x", {}, b"{}", 2.0, endpoint="m/1", proxy=address)
        with pytest.raises(AttemptFailed) as caught:
            await transport.send(sent)

    assert caught.value.code == "upstream_unreachable"
    assert caught.value.message == f"The endpoint m/1 cannot be reached: {words}."


async def test_a_proxy_that_is_not_there_makes_its_endpoint_unreachable():
    transport = Transports()
    with pytest.raises(AttemptFailed, match="its proxy cannot be reached") as caught:
        await transport.send(Call("http://model.example/v1/x", {}, b"{}", 2.0, proxy="http://127.0.0.1:9"))

    assert caught.value.code == "upstream_unreachable"
    await transport.close()


async def test_a_proxy_without_its_library_is_said_so():
    def missing() -> Transport:
        raise ImportError("No module named 'aiohttp'")

    transport = Transports(make_proxied=missing)
    with pytest.raises(AttemptFailed, match=r"pip install 'llm-guardian-cluster\[proxy\]'") as caught:
        await transport.send(Call("http://model.example/v1/x", {}, b"{}", 2.0, proxy="http://127.0.0.1:9"))

    assert (caught.value.code, caught.value.again) == ("upstream_unreachable", False)
    await transport.close()


async def test_calls_without_a_proxy_need_no_other_library():
    def missing() -> Transport:
        raise ImportError

    transport = Transports(make_proxied=missing)
    async with ModelServer("hello") as server:
        assert (await said(transport, Call(f"{server.url}/chat/completions", {}, BODY, 2.0)))[0] == 200
    assert transport.repeated == 0
    await transport.close()
