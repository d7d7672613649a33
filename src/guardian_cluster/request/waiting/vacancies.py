"""Measures how fast room comes free for those that wait, and so how long one that comes now will."""

import math
from dataclasses import dataclass

MEMORY_S = 30.0
"""What was seen counts by 1/e after that long: several turns of slow models, and less than most faults last."""

BELIEVED_FROM = 2.0
"""Turns, weighed by their age, from which an estimate is believed. One says little: the first room may come at
once, or as late as the longest answer takes. At less than one turn in 20 s nothing is ever estimated."""


@dataclass(slots=True)
class Vacancies:
    """How much room came free while somebody waited; times without anybody do not count."""

    turns: float = 0.0
    seconds: float = 0.0
    since: float | None = None
    """From when on the present turn is waited for; `None` while nobody waits."""

    def begin(self, now: float) -> None:
        """Note that somebody waits, where nobody did."""
        if self.since is None:
            self.since = now

    def end(self, now: float) -> None:
        """Note that nobody waits any more."""
        self._pass(now)
        self.since = None

    def turn(self, now: float) -> None:
        """Note that one of those that wait could go."""
        self._pass(now)
        self.turns += 1.0

    def seconds_each(self, now: float) -> float | None:
        """Return the time from one turn to the next; `None` where too little is known.

        The turn that is waited for counts too, so that the estimate grows when none comes any more.
        """
        if self.turns < BELIEVED_FROM:
            return None
        open_s = max(0.0, now - self.since) if self.since is not None else 0.0
        return (self.seconds + open_s) / self.turns

    def _pass(self, now: float) -> None:
        if self.since is None:
            return
        passed_s = max(0.0, now - self.since)  # a clock that goes back has measured nothing
        kept = math.exp(-passed_s / MEMORY_S)
        self.turns *= kept
        self.seconds = self.seconds * kept + passed_s
        self.since = now
