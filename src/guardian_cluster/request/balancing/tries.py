"""One attempt under way: what it tells of its endpoint, from its beginning to its one end."""

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.balancing.health import FAILING_AFTER
from guardian_cluster.request.balancing.not_before import pause_s
from guardian_cluster.request.balancing.observed import Observed
from guardian_cluster.request.balancing.pace import LATE_TIMES, LEAST_LATE_S
from guardian_cluster.request.balancing.plan import Candidate, Demand
from guardian_cluster.request.balancing.rates import Reservation


class Try:
    """One attempt under way. It ends with one of `succeeded`, `failed` and `cancelled`; nothing is heard after that."""

    __slots__ = (
        "_began_at",
        "_candidate",
        "_ended",
        "_has_content",
        "_health",
        "_in_flight",
        "_observed",
        "_pace",
        "_reservation",
        "_streamed",
    )

    def __init__(self, observed: Observed, candidate: Candidate, demand: Demand) -> None:
        """Count it in flight, and reserve what it may use of its endpoint's rates."""
        endpoint = candidate.endpoint
        now = observed.clock.monotonic()
        health = observed.health(endpoint.id)
        self._observed, self._candidate, self._health = observed, candidate, health
        self._streamed = demand.streamed
        self._began_at = now
        self._has_content = self._ended = False
        self._pace = health.streamed if demand.streamed else health.whole
        health.in_flight += 1
        self._in_flight = health.in_flight
        self._pace.begin(self, now)
        health.limit.began(self._in_flight)
        health.note_load(now)
        self._reservation: Reservation | None = None
        if endpoint.requests_per_minute is not None or endpoint.tokens_per_minute is not None:
            self._reservation = health.rates.reserve(demand.tokens, now)

    def heard(self, *, content: bool) -> None:
        """Note a sign of life; `content` that first or further content came."""
        if self._ended:
            return
        now = self._observed.clock.monotonic()
        pace = self._pace
        if content and self._has_content:
            self._health.gaps.add(now - pace.since[self])
        pace.heard(self, now)
        if content and not self._has_content and self._streamed:
            self._has_content = True
            self._answered(now)

    def succeeded(self, tokens: int) -> None:
        """Note a complete answer; `tokens` it really used, those of the question included."""
        if self._ended:
            return
        now = self._end(tokens)
        if not self._has_content:
            self._answered(now)
        health, name = self._health, self._candidate.endpoint.id
        if health.success.failures >= FAILING_AFTER:
            self._observed.tell("endpoint_recovered", name, "")
        health.success.note_success(now)
        health.breaker.note(failed=False)
        if health.breaker.is_ejected:
            health.breaker.readmit()
            self._observed.tell("endpoint_readmitted", name, "")

    def failed(self, failure: AttemptFailed) -> None:
        """Note a failure: it counts where it is the endpoint's fault, and a pause that is asked for holds anyway."""
        if self._ended:
            return
        # What had begun to answer used what nobody counted.
        now = self._end(None if self._has_content else 0)
        self._leave(now)
        health = self._health
        if is_refused_for_load(failure):
            health.limit.refused(self._in_flight, now)
        asked_s = pause_s(failure.retry_after_s)
        if asked_s:
            health.not_before = max(health.not_before, now + asked_s)
        if failure.rests:
            self._count(failure, now)

    def cancelled(self) -> None:
        """Note that nobody wants the answer any more: no verdict on it, but how long it was silent stays known."""
        if not self._ended:
            self._leave(self._end(None))

    def _count(self, failure: AttemptFailed, now: float) -> None:
        health, name = self._health, self._candidate.endpoint.id
        if self._was_only_late(now):
            health.success.note_late()
        else:
            health.success.note_failure(now, now - self._began_at, after_content=self._has_content)
            health.breaker.note(failed=True)
        if health.success.failures == FAILING_AFTER:
            self._observed.tell("endpoint_failing", name, failure.code)
        if health.breaker.is_ejected:
            health.breaker.eject(now, since=self._began_at)

    def _was_only_late(self, now: float) -> bool:
        """Return whether it waited for long at an endpoint that answers others: that is known by its pace already.

        Where load is beyond capacity all endpoints are late, and to avoid one for it would overload the others more.
        """
        pace, took_s = self._pace, now - self._began_at
        is_long = took_s > LATE_TIMES * pace.long_run_s and took_s > LEAST_LATE_S
        return not self._has_content and is_long and pace.answered_at > self._began_at

    def _answered(self, now: float) -> None:
        """Note the time to the answer: of a stream to its first content, else to its end."""
        took_s = now - self._began_at
        self._pace.leave(now)
        self._pace.answered(took_s, self._in_flight, now)
        self._observed.late(self._candidate.specialist.name, streamed=self._streamed).add(took_s)
        self._health.limit.took(self._in_flight, now)

    def _leave(self, now: float) -> None:
        if not self._has_content:
            self._pace.leave(now)

    def _end(self, tokens: int | None) -> float:
        """End it, and return the time; `tokens` are settled where they are known."""
        self._ended = True
        now = self._observed.clock.monotonic()
        self._health.in_flight -= 1
        del self._pace.since[self]
        if self._reservation is not None and tokens is not None:
            self._health.rates.settle(self._reservation, tokens, now)
        self._observed.made_room()
        return now


def is_refused_for_load(failure: AttemptFailed) -> bool:
    """Return whether the endpoint said that it has too many requests."""
    status = failure.upstream_status
    return status == 429 or (status == 503 and failure.retry_after_s is not None)
