"""The Load Balancer decides in which order endpoints are tried, from what this gateway has seen of them."""

import random
from collections.abc import Container, Mapping
from typing import Literal

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed, LimitExceeded
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.drained import Drained
from guardian_cluster.request.ports import ReportSink

FAILING_AFTER = 3
"""Failures in a row after which an endpoint is reported as failing; two happen by chance in any deployment."""

FIRST_REST_S = 0.5
LONGEST_REST_S = 30.0
"""After a failure an endpoint is tried last, not never, for a time that doubles with each failure in a row:
what is ejected for good when it is only slow takes working capacity away."""


class Candidate(msgspec.Struct, frozen=True):
    """One endpoint of one specialist."""

    specialist: contract.Specialist
    endpoint: contract.Endpoint


class ResourceAllocation(msgspec.Struct, frozen=True):
    """For each assignment, the endpoints to try in order. An endpoint may stand in it more than once."""

    plans: Mapping[str, tuple[Candidate, ...]]


class EndpointState(msgspec.Struct):
    """What is known of an endpoint now."""

    in_flight: int = 0
    failures: int = 0
    """In a row."""
    not_before: float = 0.0
    """Monotonic time before which the endpoint is tried last."""


class LoadBalancer:
    """Prefers the endpoint with the fewest requests in flight; those that rest after a failure come last."""

    def __init__(self, clock: Clock, rng: random.Random, sink: ReportSink) -> None:
        self._clock = clock
        self._rng = rng
        self._sink = sink
        self._states: dict[str, EndpointState] = {}
        self._drained: Container[str] = ()
        self._max_attempts = 1

    def configure(self, snapshot: contract.Snapshot) -> None:
        """Take over a snapshot; what is known of endpoints that stay is kept."""
        self._drained = Drained(snapshot.overlay.drained, self._clock)
        self._max_attempts = snapshot.base.limits.max_attempts
        ids = {endpoint.id for s in snapshot.base.specialists for endpoint in s.endpoints}
        # One that left with requests under way is kept until they have ended, or they would be counted wrong.
        self._states = {name: state for name, state in self._states.items() if name in ids or state.in_flight}

    async def allocate_resources(
        self, specialist_assignments: list[SpecialistAssignment]
    ) -> ResourceAllocation:
        """Plan the attempts of each assignment.

        Raises:
            LimitExceeded: every endpoint that may serve an assignment is at its specialist's own limit.
        """
        return ResourceAllocation(
            {assignment.id: self._plan(assignment) for assignment in specialist_assignments}
        )

    def _plan(self, assignment: SpecialistAssignment) -> tuple[Candidate, ...]:
        ordered: list[Candidate] = []
        # The assignment's own specialists: a snapshot that came since is for requests that come later.
        for specialist in (assignment.task.specialist, *assignment.alternatives):
            ordered += self._ordered(specialist)
        if not ordered:
            raise busy(assignment)
        # An endpoint that rests is tried after all others, those of other specialists included.
        now = self._clock.monotonic()
        ordered.sort(key=lambda candidate: self.state(candidate.endpoint.id).not_before > now)
        return tuple((ordered * self._max_attempts)[: self._max_attempts])

    def _ordered(self, specialist: contract.Specialist) -> list[Candidate]:
        limit = specialist.max_concurrency
        awake = [(self.state(each.id), each) for each in specialist.endpoints if each.id not in self._drained]
        free = [
            (state.in_flight, self._rng.random(), endpoint)
            for state, endpoint in awake
            if limit is None or state.in_flight < limit
        ]
        if len(free) > 1:
            free.sort(key=lambda item: item[:2])
        return [Candidate(specialist, endpoint) for _, _, endpoint in free]

    def has_room(self, candidate: Candidate) -> bool:
        """Return whether an attempt may begin now: requests that came since it was planned may have taken the room."""
        limit = candidate.specialist.max_concurrency
        return limit is None or self.state(candidate.endpoint.id).in_flight < limit

    def state(self, endpoint_id: str) -> EndpointState:
        """Return what is known of an endpoint."""
        found = self._states.get(endpoint_id)
        if found is None:
            found = self._states[endpoint_id] = EndpointState()
        return found

    def started(self, endpoint_id: str) -> None:
        """Note that an attempt began."""
        self.state(endpoint_id).in_flight += 1

    def ended(self, endpoint_id: str) -> None:
        """Note that an attempt ended, whatever its outcome."""
        self.state(endpoint_id).in_flight -= 1

    def succeeded(self, endpoint_id: str) -> None:
        """Note a complete answer."""
        state = self.state(endpoint_id)
        if state.failures >= FAILING_AFTER:
            self._tell("endpoint_recovered", endpoint_id, "")
        state.failures, state.not_before = 0, 0.0

    def failed(self, endpoint_id: str, failure: AttemptFailed) -> None:
        """Note a failure that is the endpoint's fault and let it rest: as long as it asks to, else ever longer."""
        state = self.state(endpoint_id)
        state.failures += 1
        # Bounded before it is raised to: 2 ** 1024, an endpoint that is down for long, is no float any more.
        rest_s = min(FIRST_REST_S * 2 ** min(state.failures - 1, 16), LONGEST_REST_S)
        state.not_before = self._clock.monotonic() + (failure.retry_after_s or rest_s)
        if state.failures == FAILING_AFTER:
            self._tell("endpoint_failing", endpoint_id, failure.code)

    def _tell(
        self, kind: Literal["endpoint_failing", "endpoint_recovered"], endpoint_id: str, detail: str
    ) -> None:
        self._sink.report(GatewayEvent(kind=kind, at=self._clock.now(), subject=endpoint_id, detail=detail))


def busy(assignment: SpecialistAssignment) -> LimitExceeded:
    """Return the refusal of a request whose specialists have all the work that they may have."""
    return LimitExceeded(
        f"Every endpoint of `{assignment.specialist_id}` is busy; try again shortly.",
        code="specialist_busy",
        retry_after_s=1.0,
    )
