"""What the requests of an incident lose, taken in as they come: so that a place that few are in is judged, too.

Reading is bounded, and begins each time where the last ended. Where callers' marks alone tell, all is read anew: a mark
comes when it comes.
"""

import math
from collections.abc import Sequence

from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import Observation, holds
from guardian_cluster.domain.recovery import ValidationResult
from guardian_cluster.recovery.evidence import losses_of
from guardian_cluster.recovery.validation import validate

MOST_READ = 2_000
"""Requests of the specialist that are read at once."""

MOST_KEPT = 5_000
"""Losses after which a test that did not decide begins anew: what came so long ago says nothing of now."""


class Lookout:
    """Looks on at one incident that nothing is in force for, since a Unix time."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.at = since
        """From here on requests are to be read."""
        self._losses: list[float] = []

    def take(self, requests: Sequence[Observation], incident: Incident, now: float) -> ValidationResult:
        """Take in the specialist's requests from `at` on, oldest first, `MOST_READ` at most; return what all tell."""
        until = now - incident.known_after_s
        mine = [each for each in requests if each.specialist == incident.specialist and each.at <= until]
        inside = [each for each in mine if holds(incident.where, each)]
        losses = losses_of(inside, incident.signal, until=until, by_marks=incident.by_marks)
        if incident.by_marks:
            self._losses = losses
        else:
            self._losses += losses
            self._go_on(requests, until)
        found = validate(self._losses, incident.bad)
        if len(self._losses) > MOST_KEPT:
            self._losses.clear()
        return found

    def _go_on(self, requests: Sequence[Observation], until: float) -> None:
        """Begin after the last that was taken; where there may be more to read, after the last that was read."""
        read = requests[-1].at if len(requests) >= MOST_READ else until
        # The next number after it: of one moment a request is taken once.
        self.at = max(self.at, math.nextafter(min(read, until), math.inf))
