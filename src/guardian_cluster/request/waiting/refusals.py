"""Says to a caller that everybody is busy, and to the operator that the gateway is overloaded."""

from collections import OrderedDict
from dataclasses import dataclass

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import LimitExceeded
from guardian_cluster.request.ports import ReportSink
from guardian_cluster.request.waiting.admission import Refusal

EVENT_INTERVAL_S = 10.0
"""From one event of a specialist to the next: under overload there would be one for every request."""

SPECIALISTS_KEPT = 256
"""Specialists whose last event is remembered."""


@dataclass(slots=True)
class _Told:
    at: float
    since: int = 0
    """Requests refused since then."""


class Refusals:
    """Makes the error of each refusal, and reports a few of them with the number of all."""

    def __init__(self, clock: Clock, sink: ReportSink) -> None:
        self._clock = clock
        self._sink = sink
        self._told: OrderedDict[str, _Told] = OrderedDict()

    def refused(self, refusal: Refusal) -> LimitExceeded:
        """Return what the caller is told."""
        self._tell(refusal)
        return LimitExceeded(
            f"{sentence(refusal)}; try again in {refusal.retry_after_s:.0f} s.",
            code="specialist_busy",
            retry_after_s=refusal.retry_after_s,
        )

    def _tell(self, refusal: Refusal) -> None:
        now = self._clock.monotonic()
        told = self._told.get(refusal.specialist)
        if told is not None and 0.0 <= now - told.at < EVENT_INTERVAL_S:
            told.since += 1
            return
        count = 1 + (told.since if told is not None else 0)
        self._told[refusal.specialist] = _Told(now)
        self._told.move_to_end(refusal.specialist)
        if len(self._told) > SPECIALISTS_KEPT:
            self._told.popitem(last=False)
        self._sink.report(
            GatewayEvent(
                kind="overloaded",
                at=self._clock.now(),
                subject=refusal.specialist,
                detail=f"{refusal.why}, {refusal.waiting} waiting",
                count=count,
            )
        )


def sentence(refusal: Refusal) -> str:
    """Return what happened, without a full stop."""
    busy = f"Every endpoint of `{refusal.specialist}` is busy"
    match refusal.why:
        case "no_wait":
            return busy
        case "full":
            return f"{busy}, and {refusal.waiting:,} requests wait already"
        case "too_long":
            return f"{busy}, and those that wait already need more time than this request has"
        case "overloaded":
            return (
                f"{busy}, and more requests come than it can answer; this one waited {refusal.waited_s:.1f} s"
            )
        case "time_over":
            return f"{busy}; none had room in {refusal.waited_s:.1f} s"
