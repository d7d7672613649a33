"""The transport on aiohttp: pooled keep-alive connections, TLS verified, no redirects, no cookies, no environment proxies."""

import ssl

import aiohttp
from yarl import URL

from guardian_cluster.specialists.transport import Call, Response, broken, refused

IDLE_CONNECTION_S = 15.0
"""Shorter than the idle limit of common servers (uvicorn closes after 5 s by default, nginx after 75 s, clouds after 60 s and
more) is not possible for all; a connection closed under us is retried by the attempt engine, before any content."""

DNS_CACHE_S = 30


class AiohttpTransport:
    """One session for all endpoints. It must be made inside a running event loop."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        connector = aiohttp.TCPConnector(
            limit=0,  # the gateway's own limits bound the number of requests in flight
            keepalive_timeout=IDLE_CONNECTION_S,
            ttl_dns_cache=DNS_CACHE_S,
            ssl=tls if tls is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            read_bufsize=2**18,
        )
        self._urls: dict[str, URL] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    async def send(self, call: Call) -> Response:
        """Send the call; see `Transport.send`."""
        try:
            answer = await self._session.post(
                self._url(call.url),
                data=call.body,
                headers=call.headers,
                timeout=self._timeout(call.connect_timeout_s),
                allow_redirects=False,
            )
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            raise refused(call.url, str(error) or "no connection in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise broken(_reason(error)) from error
        return AiohttpResponse(answer)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def _url(self, url: str) -> URL:
        # Parsing an address costs more than sending to it; there are as many as endpoints.
        found = self._urls.get(url)
        if found is None:
            found = self._urls[url] = URL(url, encoded=True)
        return found

    def _timeout(self, connect_s: float) -> aiohttp.ClientTimeout:
        found = self._timeouts.get(connect_s)
        if found is None:
            found = self._timeouts[connect_s] = aiohttp.ClientTimeout(
                total=None, connect=None, sock_connect=connect_s
            )
        return found


class AiohttpResponse:
    """An answer being read through aiohttp."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status = answer.status

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever its spelling."""
        return self._answer.headers.get(name)

    async def read(self) -> bytes:
        """Return what has arrived of the body; see `Response.read`."""
        try:
            return await self._answer.content.readany()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise broken(_reason(error)) from error

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else end it."""
        self._answer.close()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
