"""Decides whether a line stands, so that load is beyond capacity and not a burst, and when one of it has to go.

After CoDel (RFC 8289): what tells overload is not how many wait but that even the best placed has waited too long
for a whole interval; then the line loses its oldest, and ever faster. Three things differ, for requests are no packets:

* They wait for seconds, by the operator's own wish: target and interval are shares of the time that one may wait.
* The time between losses is the interval divided by their number, not by its root: the root is how the rate of a
  TCP connection answers to loss, and clients that come for the first time answer to nothing.
* A line stands until its oldest was below the target for a whole interval too. Who is served newest first waits little
  even where load is twice the capacity, and going back to oldest first at once would let all wait again
  (simulated at 1.5 times the capacity: half of the served waited 0.1 s in place of 2.9 s).
"""

import math
from dataclasses import dataclass

TARGET_SHARE = 0.5
"""Of the time a request may wait. A burst that is worked off within that time is no overload, and since nobody
waits longer than all of it, a target nearer to it could not be told from it."""

INTERVAL_SHARE = 0.5
"""Of the same. Target and interval make up the whole, so a burst that could be worked off within it loses none."""

SOON_INTERVALS = 16
"""A line that stands again this soon goes on losing as fast as before (RFC 8289, section 5.6)."""


@dataclass(slots=True)
class Standing:
    """One line, as its oldest tells it."""

    above_since: float | None = None
    """Since when its oldest has waited longer than the target."""
    below_since: float | None = None
    """Since when it has not, where it stood before."""
    stands: bool = False
    lost: int = 0
    """How many it lost since it stands."""
    lost_before: int = 0
    next_loss: float = -math.inf

    def note(self, oldest_since: float | None, now: float, wait_s: float) -> bool:
        """Return whether its oldest, which came at `oldest_since`, has to go now; `None` is an empty line."""
        interval_s = INTERVAL_SHARE * wait_s
        if oldest_since is None or now - oldest_since < TARGET_SHARE * wait_s:
            self._ease(now, interval_s)
            return False
        self.below_since = None
        if self.above_since is None or self.above_since > now:  # the clock went back
            self.above_since = now
        if not self.stands:
            return self._begin(now, interval_s) if now - self.above_since >= interval_s else False
        # Also where the clock went back: no loss is further away than an interval.
        if self.next_loss - interval_s <= now < self.next_loss:
            return False
        self._lose(now, interval_s)
        return True

    def _begin(self, now: float, interval_s: float) -> bool:
        soon = 0.0 <= now - self.next_loss < SOON_INTERVALS * interval_s
        self.stands, self.lost = True, max(0, self.lost_before - 2) if soon else 0
        self._lose(now, interval_s)
        return True

    def _lose(self, now: float, interval_s: float) -> None:
        self.lost += 1
        # Counted from now, not from when it was due: after a pause of the process they would all go at once.
        self.next_loss = now + interval_s / self.lost

    def _ease(self, now: float, interval_s: float) -> None:
        self.above_since = None
        if self.stands:
            if self.below_since is None or self.below_since > now:
                self.below_since = now
            elif now - self.below_since >= interval_s:
                self.stands, self.lost_before, self.below_since = False, self.lost, None
