"""Which moves of a snapshot hold now: by the clock, on each question."""

import random
from functools import cached_property
from math import inf

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.steering.in_force import InForce
from guardian_cluster.request.steering.way import Way
from guardian_cluster.request.subject import Subjects


class Steering:
    """The moves of one snapshot, each until its own time.

    The time is looked at on each question, for a gateway that hears of no further snapshot must not obey for ever.
    Between two times at which a move ends nothing is worked out anew.
    """

    def __init__(self, snapshot: Snapshot, clock: Clock, rng: random.Random) -> None:
        self.has_moves = bool(snapshot.overlay.moves)
        """Whether any question has to be asked: mostly not."""
        self._moves = snapshot.overlay.moves
        self._base = snapshot.base
        self._clock = clock
        self._chance = rng.random
        self._since, self._until = inf, -inf

    def in_force(self) -> InForce:
        """Return what holds now."""
        now = self._clock.now()
        if not self._since <= now < self._until:
            self._look(now)
        return self._in_force

    def way(self, request: UserRequest) -> Way | None:
        """Return what the moves in force make of a request; `None` where there are none."""
        if not self.has_moves:
            return None
        in_force = self.in_force()
        if in_force.is_empty:
            return None
        return Way(request, in_force, self._subjects.of, self._chance, self._clock.now())

    def _look(self, now: float) -> None:
        held = [each for each in self._moves if each.until > now]
        self._since = max((each.until for each in self._moves if each.until <= now), default=-inf)
        self._until = min((each.until for each in held), default=inf)
        self._in_force = InForce(self._base.specialists, held)

    @cached_property
    def _subjects(self) -> Subjects:
        """What tells requests apart as their records do."""
        return Subjects(self._base.router_salt.value)
