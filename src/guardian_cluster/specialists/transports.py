"""Which transport carries a call: our own, but for endpoints that only a proxy leads to."""

from collections.abc import Callable, Coroutine
from typing import Any

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.transport import Call, ProxyRefused, Response, Transport, refused

MISSING = "a proxy leads to it, for which aiohttp is needed: pip install 'llm-guardian-cluster[proxy]'"


def proxied() -> Transport:
    """Return a transport that knows proxies.

    Raises:
        ImportError: the extra `proxy` is not installed.
    """
    from guardian_cluster.specialists.aiohttp_transport import AiohttpTransport

    return AiohttpTransport()


class Transports:
    """Hands each call to the transport that can carry it; that for proxies is made with its first call."""

    def __init__(self, own: Transport | None = None, make_proxied: Callable[[], Transport] = proxied) -> None:
        self._own = own or HttptoolsTransport()
        self._make_proxied = make_proxied
        self._proxied: Transport | None = None

    @property
    def repeated(self) -> int:
        """Calls that were sent once more."""
        return self._own.repeated + (self._proxied.repeated if self._proxied else 0)

    def send(self, call: Call) -> Coroutine[Any, Any, Response]:
        """Send the call; see `Transport.send`."""
        # No coroutine of its own: each call would pay for it.
        return self._own.send(call) if call.proxy is None else self._send_proxied(call)

    def renew(self, url: str) -> None:
        """Use no connection again that is open to an address; see `Transport.renew`."""
        self._own.renew(url)
        if self._proxied is not None:
            self._proxied.renew(url)

    async def close(self) -> None:
        """Close every connection."""
        await self._own.close()
        if self._proxied is not None:
            await self._proxied.close()

    async def _send_proxied(self, call: Call) -> Response:
        if self._proxied is None:
            try:
                self._proxied = self._make_proxied()
            except ImportError as error:
                raise _missing(call) from error
        return await self._proxied.send(call)


def _missing(call: Call) -> AttemptFailed:
    """Return the failure of a call that cannot be made before the operator installs something."""
    failure = refused(call, ProxyRefused(MISSING))
    return AttemptFailed(failure.message, code=failure.code, again=False)
