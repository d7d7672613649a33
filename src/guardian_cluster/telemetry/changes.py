"""Wakes who waits for a claim about the reporter to hold, whenever something has changed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Changes:
    """Acknowledgements, connections and their ends, for the one task that waits for them."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def note(self) -> None:
        """Say that something has changed."""
        self._changed.set()

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> None:
        """Wait until a claim holds or time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
