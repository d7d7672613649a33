"""To which addresses a name leads: remembered for a while, asked for once at a time, and kept when nobody can say."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

FRESH_S = 30.0
"""How long what a name leads to is taken for true; `getaddrinfo` does not say how long it may be."""

STALE_S = 86_400.0
"""How long it is used after that while the name cannot be looked up (RFC 8767, section 5: one to three days)."""

PATIENCE_S = 1.8
"""How long a look-up may take before what was known is used meanwhile (RFC 8767, section 5)."""

FAILED_S = 1.0
"""How long a name that does not resolve is not asked for again, nor one that was asked for just now."""

FAILED_AND_KNOWN_S = 30.0
"""The same for a name whose old addresses serve meanwhile (RFC 8767, section 5)."""

LOOKUP_S = 30.0
"""After which a look-up is given up; the system's own limits are shorter as a rule."""

MAX_ADDRESSES = 16
"""Of a name: in the 5 s that a connection may take by default, no more than 20 have their turn."""

Address = tuple[int, int, int, str, tuple[Any, ...]]
"""As `getaddrinfo` gives it."""

Lookup = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Returns a name's addresses, or raises OSError, or ValueError where it is no name."""


async def look_up(host: str, port: int) -> Sequence[Address]:
    """Ask the system."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


class _Name(msgspec.Struct):
    """What is known of a name; times are the event loop's."""

    addresses: list[Address] = []
    asked_at: float = -1e9
    fresh_until: float = -1e9
    stale_until: float = -1e9
    quiet_until: float = -1e9
    """Until then it is not asked for again: it could not be looked up."""
    failure: tuple[type[Exception], tuple[Any, ...]] = (OSError, ())
    asking: asyncio.Task[None] | None = None


class AddressBook:
    """Remembers where names lead. It must be used on one event loop."""

    def __init__(self, lookup: Lookup = look_up) -> None:
        self._lookup = lookup
        self._names: dict[tuple[str, int], _Name] = {}

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a name, at most `MAX_ADDRESSES`, in the order in which to try them.

        Raises:
            OSError, ValueError: it does not resolve, or is no name.
        """
        if numeric := _numeric(host, port):
            return numeric
        name = self._names.setdefault((host, port), _Name())
        clock = asyncio.get_running_loop().time
        now = clock()
        if now >= max(name.fresh_until, name.quiet_until):
            if name.asking is None:
                name.asking = asyncio.create_task(self._ask(name, host, port))
            # Not awaited itself: the others who wait for it stay when one of them leaves.
            await asyncio.wait((name.asking,), timeout=PATIENCE_S if now < name.stale_until else None)
        if clock() < name.stale_until:
            return name.addresses
        kind, words = name.failure
        raise kind(*words)

    def prefer(self, host: str, port: int, reached: tuple[Any, ...]) -> None:
        """Try the address that was reached first from now on: others may have taken their time to be passed over."""
        name = self._names.get((host, port))
        if name is not None and name.addresses and name.addresses[0][4] != reached:
            name.addresses = sorted(name.addresses, key=lambda each: each[4] != reached)

    def doubt(self, host: str, port: int) -> None:
        """Look a name up again at its next use: nothing could be connected to; but not more than once a second."""
        name = self._names.get((host, port))
        if name is not None:
            name.fresh_until = min(name.fresh_until, name.asked_at + FAILED_S)

    async def close(self) -> None:
        """End what is being looked up."""
        asking = [name.asking for name in self._names.values() if name.asking is not None]
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, name: _Name, host: str, port: int) -> None:
        """Look a name up and note what came of it. Never raises."""
        now = asyncio.get_running_loop().time
        name.asked_at = now()
        try:
            async with asyncio.timeout(LOOKUP_S):
                found = await self._lookup(host, port)
            if not found:
                raise socket.gaierror(socket.EAI_NODATA, "the name has no address")
            name.addresses = list(found[:MAX_ADDRESSES])
            name.fresh_until = now() + FRESH_S
            name.stale_until = name.fresh_until + STALE_S
        except (OSError, ValueError) as error:
            name.failure = type(error), error.args
            name.quiet_until = now() + (FAILED_AND_KNOWN_S if now() < name.stale_until else FAILED_S)
        finally:
            name.asking = None


def _numeric(host: str, port: int) -> list[Address]:
    """Return the address that a host names by its number, for which nobody has to be asked."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
    except (OSError, ValueError):
        return []
