"""What the requests since some time lost, taken in as they come: so that a place that few are in is judged, too.

Reading is bounded, and begins each time where the last ended. Where callers' marks alone tell, all is read anew: a mark
comes when it comes.
"""

import math
from collections.abc import Callable, Sequence

from guardian_cluster.domain.observation import Observation

LossOf = Callable[[Observation], float | None]
"""What a request lost; `None` where it does not tell of what is asked."""

MOST_READ = 2_000
"""Requests of the specialist that are read at once."""

MOST_KEPT = 5_000
"""Losses after which a test that did not decide begins anew: what came so long ago says nothing of now."""


class Following:
    """The losses of the requests since a Unix time."""

    def __init__(self, since: float, *, by_marks: bool = False) -> None:
        self.since = since
        self.at = since
        """From here on requests are to be read."""
        self._by_marks = by_marks
        self._losses: dict[str, float] = {}
        """By the requests' ids, in their order."""

    def take(self, requests: Sequence[Observation], until: float, loss_of: LossOf) -> list[float]:
        """Take in requests from `at` on, oldest first, `MOST_READ` at most; return what all lost that began by `until`.

        Of what several made of one request, the worst counts. Later ones are left for the next time: those that fail
        may take longer to be known than those that go well.
        """
        if self._by_marks or len(self._losses) > MOST_KEPT:
            self._losses.clear()
        for each in requests:
            loss = loss_of(each) if each.at <= until else None
            if loss is not None:
                self._losses[each.id] = max(self._losses.get(each.id, 0.0), loss)
        if not self._by_marks:
            self._go_on(requests, until)
        return list(self._losses.values())

    def _go_on(self, requests: Sequence[Observation], until: float) -> None:
        """Begin after the last that was taken; where there may be more to read, after the last that was read."""
        read = requests[-1].at if len(requests) >= MOST_READ else until
        # The next number after it: of one moment a request is taken once.
        self.at = max(self.at, math.nextafter(min(read, until), math.inf))
