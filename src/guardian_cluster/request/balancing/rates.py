"""What an endpoint's server allows in a minute: requests and tokens, reserved for each attempt and settled at its end.

No 60 seconds hold more than the limit, as far as usage is known, so a server that counts in windows of a minute,
wherever they begin, has nothing to refuse. That the attempt which is larger than the whole limit may go when nothing
else did is the one exception: it would wait for ever.
"""

from collections import deque

WINDOW_S = 60.0

MOST_TIMES_RESERVED = 4
LEAST_BOUND_TOKENS = 16_384
"""An endpoint that claims to have used more than this, and more than so many times what was reserved, is believed no
further: one absurd count must not take it its traffic for a minute."""


class Reservation:
    """What one attempt holds of its endpoint's rates."""

    __slots__ = ("at", "tokens")

    def __init__(self, at: float, tokens: int) -> None:
        self.at = at
        self.tokens = tokens


class Rates:
    """The requests and tokens of the last minute."""

    __slots__ = ("_held", "_tokens")

    def __init__(self) -> None:
        self._held: deque[Reservation] = deque()
        self._tokens = 0

    def has_room(self, requests: int | None, tokens: int | None, wanted: int, now: float) -> bool:
        """Return whether an attempt that wants so many tokens stays within the limits; `None` is no limit."""
        self._forget(now)
        if requests is not None and len(self._held) >= requests:
            return False
        if tokens is None:
            return True
        return self._tokens + wanted <= tokens or (tokens > 0 and self._tokens == 0)

    def reserve(self, tokens: int, now: float) -> Reservation:
        """Count an attempt."""
        self._forget(now)
        reservation = Reservation(now, max(0, tokens))
        self._held.append(reservation)
        self._tokens += reservation.tokens
        return reservation

    def settle(self, reservation: Reservation, tokens: int, now: float) -> None:
        """Count what an attempt really used in the place of what was reserved for it."""
        self._forget(now)
        bound = max(MOST_TIMES_RESERVED * reservation.tokens, LEAST_BOUND_TOKENS)
        used = min(max(0, tokens), bound)
        if reservation.at > now - WINDOW_S:
            self._tokens += used - reservation.tokens
        reservation.tokens = used

    def _forget(self, now: float) -> None:
        held = self._held
        while held and held[0].at <= now - WINDOW_S:
            self._tokens -= held.popleft().tokens
