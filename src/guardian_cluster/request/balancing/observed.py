"""What a gateway knows of all endpoints, by what it has seen of them, and what it reports of that."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.domain.clock import Clock
from guardian_cluster.request.balancing.breaker import is_silent, may_eject
from guardian_cluster.request.balancing.health import FAILING_AFTER, EndpointHealth
from guardian_cluster.request.balancing.hedging import Lateness
from guardian_cluster.request.ports import ReportSink

SHORT_SHARE = 0.34
"""Of the endpoints of a group; one alone may be slow for reasons of its own."""

FORGIVEN = "what was held against it was forgotten, by a move"

Change = Literal["endpoint_failing", "endpoint_recovered", "endpoint_ejected", "endpoint_readmitted"]


class Observed:
    """The state of every endpoint; of those that are configured it is kept across snapshots."""

    def __init__(self, clock: Clock, sink: ReportSink, made_room: Callable[[], None]) -> None:
        self.clock = clock
        self.healths: dict[str, EndpointHealth] = {}
        self.made_room = made_room
        """Called whenever an attempt ended."""
        self._sink = sink
        self._late: dict[tuple[str, bool], Lateness] = {}

    def keep(self, endpoint_ids: Iterable[str], specialists: Iterable[str]) -> None:
        """Forget all others; who left with requests under way stays until they have ended, to be counted right."""
        ids, names = set(endpoint_ids), set(specialists)
        self.healths = {name: one for name, one in self.healths.items() if name in ids or one.in_flight}
        self._late = {key: one for key, one in self._late.items() if key[0] in names}

    def health(self, endpoint_id: str) -> EndpointHealth:
        """Return what is known of an endpoint."""
        found = self.healths.get(endpoint_id)
        if found is None:
            found = self.healths[endpoint_id] = EndpointHealth()
        return found

    def forgive(self, endpoint_id: str, now: float) -> bool:
        """Forget what is held against an endpoint, and return whether anything is known of it at all."""
        found = self.healths.get(endpoint_id)
        if found is None:
            return False
        was_failing, was_ejected = found.success.failures >= FAILING_AFTER, found.breaker.is_ejected
        found.forgive(now)
        if was_failing:
            self.tell("endpoint_recovered", endpoint_id, FORGIVEN)
        if was_ejected:
            self.tell("endpoint_readmitted", endpoint_id, FORGIVEN)
        return True

    def late(self, specialist: str, *, streamed: bool) -> Lateness:
        """Return after which time answers of a specialist are late."""
        found = self._late.get((specialist, streamed))
        if found is None:
            found = self._late[specialist, streamed] = Lateness()
        return found

    def is_short(self, group: Sequence[str], *, streamed: bool) -> bool:
        """Return whether capacity is short: requests wait for one another at more than a part of a group."""
        queueing = sum([self.health(name).pace(streamed=streamed).is_queueing() for name in group])
        return queueing > SHORT_SHARE * len(group)

    def look(self, group: Iterable[str], now: float) -> None:
        """Eject those of a group that are dead, as far as the others of it can carry the load."""
        members = [(name, self.health(name)) for name in group]
        for name, health in members:
            why = None if health.breaker.is_ejected else _cause_of_death(health, now)
            if why is None:
                continue
            others = [one for _, one in members if one is not health and not one.breaker.is_ejected]
            remaining = sum([one.capacity_per_s() for one in others])
            if may_eject(remaining, sum([one.breaker.arriving_per_s(now) for _, one in members])):
                health.breaker.eject(now)
                self.tell("endpoint_ejected", name, why)

    def tell(self, change: Change, endpoint_id: str, detail: str) -> None:
        """Report what became of an endpoint."""
        self._sink.report(GatewayEvent(kind=change, at=self.clock.now(), subject=endpoint_id, detail=detail))


def _cause_of_death(health: EndpointHealth, now: float) -> str | None:
    if health.breaker.is_failing():
        return "it fails"
    for pace in (health.streamed, health.whole):
        # One that answers others has a queue, however long somebody waits in it.
        unheard_s = min(pace.silence_s(now), now - pace.answered_at)
        if pace.samples and is_silent(unheard_s, pace.usual.value):
            return "it is silent"
    return None
