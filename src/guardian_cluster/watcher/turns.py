"""Decides how much of a long text is looked at before others are served."""

import asyncio

from guardian_cluster.domain.clock import Clock

_MOST_S = 0.0002
"""Of the event loop in one go. The promise to the others is 0.5 ms; a slice may take longer than the one before it."""

_FEWEST = 32
"""Characters: of digits without end, which take longest (13 µs each), 0.4 ms."""

_FIRST = 256
_MOST = 8_192


class Turns:
    """The turns of one request: slices grow while they cost little, and shrink where they cost much."""

    def __init__(self, clock: Clock, *, most: int = _MOST) -> None:
        """Begin with a small slice; none is larger than `most` characters, however little the last one cost."""
        self.characters = min(_FIRST, most)
        """To be looked at in one go."""
        self._most = most
        self._clock = clock
        self._since = self._rested = clock.monotonic()

    async def rest(self) -> None:
        """Let others run, if it is their turn; to be called after each slice or other small piece of work."""
        now = self._clock.monotonic()
        took_s, self._since = now - self._since, now
        if took_s > _MOST_S:
            self.characters = max(_FEWEST, self.characters // 2)
        elif took_s < _MOST_S / 3:
            self.characters = min(self._most, self.characters * 2)
        if now - self._rested > _MOST_S:
            await asyncio.sleep(0)
            self._since = self._rested = self._clock.monotonic()
