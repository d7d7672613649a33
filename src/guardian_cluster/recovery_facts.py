"""What recovery is told of a cluster: recent requests, situations, and diagnoses in a hurry.

They are made of what guardians know; recovery itself asks for them by the Protocols in its `ports.py`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.snapshot import Endpoint, RecoveryPolicy, Specialist
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.diagnosis import Cause, Diagnosis, Finding
from guardian_cluster.domain.incident import MOST_OPEN, FailureEvent, Incident
from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.observation import Observation, covers
from guardian_cluster.domain.recovery import (
    DiagnosticReport,
    FailurePattern,
    PlayCount,
    SeverityAssessment,
)
from guardian_cluster.guardians.network import GuardianNetwork
from guardian_cluster.monitoring.signals import observations_of
from guardian_cluster.monitoring.windows import Judged, Knowledge
from guardian_cluster.recovery.backup import BackupManager
from guardian_cluster.recovery.evidence import observed_in
from guardian_cluster.recovery.patterns import known
from guardian_cluster.recovery.ports import IncidentStore, RecentRequests, Serving
from guardian_cluster.recovery.situation import Situation
from guardian_cluster.recovery.validation import still_bad_from
from guardian_cluster.storage.state import StateStore

ReadSince = Callable[[str, float, int], Awaitable[Sequence[Judged]]]
"""The records that asked for a specialist, or were given to it, since a time; at most so many, oldest first."""

KEPT = 10_000
"""Requests that need not be seen anew: some 20 MB."""

SURE_OF_PATTERN = 0.9
"""The probability of the cause of a failure that was seen before, and confirmed then."""


ENOUGH = 30
"""Requests that went wrong, by which a fault that is in one place is found there: of fewer it seems everywhere."""

LOOK_S = 1.0
PATIENCE_S = 8.0
"""So long it is waited for these: others answer callers meanwhile, and to act in the wrong place costs more."""


class RecentFacts:
    """Recent requests as guardians see them."""

    def __init__(self, read: ReadSince, knowledge: Knowledge) -> None:
        self._read = read
        self._knowledge = knowledge
        self._seen: OrderedDict[str, tuple[Sequence[Feedback], tuple[Observation, ...]]] = OrderedDict()
        """What was seen of a request with what was said of it by then, by its id: ticks ask for the same ones again
        each second, and to see 2,000 requests anew takes 40 ms."""

    async def since(self, specialist: str, at: float, *, limit: int = 2_000) -> Sequence[Observation]:
        """Return the requests that asked for a specialist, or were given to it, since a Unix time; oldest first."""
        judged = await self._read(specialist, at, limit)
        return await asyncio.to_thread(lambda: list(self._observed(judged)))

    def _observed(self, judged: Sequence[Judged]) -> Iterator[Observation]:
        for record, feedback in judged:
            seen = self._seen.get(record.id)
            if seen is None or seen[0] != feedback:
                seen = self._seen[record.id] = feedback, self._see(record, feedback)
            yield from seen[1]
        with suppress(KeyError):  # another thread has made room meanwhile
            while len(self._seen) > KEPT:
                self._seen.popitem(last=False)

    def _see(self, record: RequestRecord, feedback: Sequence[Feedback]) -> tuple[Observation, ...]:
        topic = self._knowledge.topic(record)
        return observations_of(record, feedback, budgets=self._knowledge.budgets, topic=topic)


class KnownSituations:
    """Situations as they are known to the guardians and the deployment."""

    def __init__(
        self,
        serving: Serving,
        recent: RecentRequests,
        store: StateStore,
        backups: BackupManager,
        clock: Clock,
    ) -> None:
        self._serving = serving
        self._recent = recent
        self._store = store
        self._backups = backups
        self._clock = clock

    @property
    def policy(self) -> RecoveryPolicy:
        """What may be done without asking."""
        return self._serving.base.recovery

    async def of(
        self, event: FailureEvent, report: DiagnosticReport, assessment: SeverityAssessment
    ) -> Situation:
        """Return the situation as it is now. Raises KeyError where the specialist is not deployed any more."""
        base = self._serving.base
        specialist = {each.name: each for each in base.specialists}[event.specialist]
        incidents = await self._store.incidents(open_only=True, limit=MOST_OPEN)
        unwell = unwell_of(incidents, base.specialists) | {event.specialist}
        recent = await self._recent.since(event.specialist, event.onset)
        return Situation(
            event=event,
            diagnosis=report.diagnosis,
            severity=assessment.severity,
            specialist=specialist,
            bad=still_bad_from(event.expected, observed_in(event, assessment)),
            by_marks=assessment.marked is not None,
            recent=[each for each in recent if each.specialist == event.specialist],
            moves=self._serving.overlay.moves,
            backups=self._backups.ready(specialist, base, unwell),
            unwell=unwell,
            changes=await self._changes(report.diagnosis),
            hold_s=base.recovery.hold_s,
        )

    async def _changes(self, diagnosis: Diagnosis | None) -> Sequence[ChangeEvent]:
        """Return the changes that a diagnosis names, best first."""
        if diagnosis is None or not diagnosis.changes:
            return ()
        around = await self._store.changes(diagnosis.onset - 86_400.0, self._clock.now())
        by_id = {each.id: each for each in around}
        return [by_id[id] for id in diagnosis.changes if id in by_id]

    async def counts(self, cause: Cause | None) -> Sequence[PlayCount]:
        """Return what helped against a cause before."""
        return await self._store.counts(cause)


def unwell_of(incidents: Iterable[Incident], specialists: Iterable[Specialist]) -> set[str]:
    """Return the specialists that can help nobody: open incidents concern all of their endpoints, and not slightly."""
    places: dict[str, list[dict[str, str]]] = {}
    for each in incidents:
        if each.severity != "info":
            places.setdefault(each.specialist, []).append(dict(each.where))
    served = {each.name: each.endpoints for each in specialists}
    return {name for name, wheres in places.items() if _is_whole(served.get(name, ()), wheres)}


def _is_whole(endpoints: Sequence[Endpoint], wheres: Sequence[Mapping[str, str]]) -> bool:
    """Return whether these places together are all of a specialist."""
    named = [any(_is_at(one, where) for where in wheres) for one in endpoints]
    return {} in wheres or (bool(named) and all(named))


def _is_at(endpoint: Endpoint, where: Mapping[str, str]) -> bool:
    """Return whether a place is an endpoint with all of its requests: named by itself, or by its model."""
    return {"endpoint": endpoint.id, "model": endpoint.model}.items() >= where.items()


class EmergencyDiagnosis:
    """Asks the diagnostician of a specialist for what explains one event; what was seen before is known at once."""

    def __init__(
        self,
        network: GuardianNetwork,
        recent: RecentRequests,
        store: IncidentStore,
        clock: Clock,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._network = network
        self._recent = recent
        self._store = store
        self._clock = clock
        self._wait = wait

    async def diagnose(self, event: FailureEvent) -> DiagnosticReport:
        """Return what can be said of the event, once there is enough to say where it is, or after a short while.

        Raises KeyError where its specialist is not deployed.
        """
        # What is still bad was looked at for long enough.
        until = self._clock.monotonic() + (0.0 if event.again else PATIENCE_S)
        while True:
            report, bad = await self._look(event)
            is_placed = report.diagnosis is not None and (report.diagnosis.where or bad >= ENOUGH)
            if is_placed or self._clock.monotonic() >= until:
                return report
            await self._wait(LOOK_S)

    async def _look(self, event: FailureEvent) -> tuple[DiagnosticReport, int]:
        """Return what can be said now, and on how many requests that went wrong it rests."""
        specialist = self._network.get_specialist(event.specialist)
        recent = await self._recent.since(event.specialist, event.onset)
        mine = [each for each in recent if each.specialist == event.specialist]
        now = self._clock.now()
        pattern = known(event, mine, await self._store.patterns(event.specialist))
        bad = sum(each.losses.get(event.signal, 0.0) >= 0.5 for each in mine)
        if pattern is not None:
            repeated = DiagnosticReport(
                at=now,
                diagnosis=_repeated(pattern, event, now),
                pattern_id=pattern.id,
                helped=pattern.helped,
                requests=len(mine),
            )
            return repeated, max(bad, ENOUGH)
        guardians = self._network.get_guardians_for_specialist(event.specialist)
        found = await guardians.diagnostician.analyze_patterns(specialist)
        return DiagnosticReport(at=now, diagnosis=fitting(event, found), requests=found.requests), bad


def fitting(event: FailureEvent, found: DiagnosticianReport) -> Diagnosis | None:
    """Return the diagnosis that explains an event best: of its signal and alarm, then of either; likeliest first."""
    by_alarm = [each for each in found.diagnoses if event.alarm_id and event.alarm_id in each.alarm_ids]
    own = [each for each in by_alarm if each.signal == event.signal]
    by_signal = [each for each in found.diagnoses if event.signal in (each.signal, *each.signals)]
    near = [each for each in by_signal if covers(each.where, event.where) or covers(event.where, each.where)]
    return max(own or by_alarm or near or by_signal, key=lambda each: each.probability, default=None)


def _repeated(pattern: FailurePattern, event: FailureEvent, now: float) -> Diagnosis:
    return Diagnosis(
        id=f"{pattern.id}:{event.id}",
        specialist=event.specialist,
        at=now,
        onset=event.onset,
        signal=event.signal,
        signals=(event.signal,),
        cause=pattern.cause,
        probability=SURE_OF_PATTERN,
        causes={pattern.cause: SURE_OF_PATTERN},
        findings=(
            Finding(
                # A pattern of everything that is seen again in one place is acted upon there alone.
                where=event.where if covers(pattern.where, event.where) else pattern.where,
                score=event.requests * max(event.observed - event.expected, 0.0),
                requests=event.requests,
                expected=event.expected,
                observed=event.observed,
            ),
        ),
        signature=pattern.signature,
        record_ids=event.record_ids,
        alarm_ids=(event.alarm_id,) if event.alarm_id else (),
        summary=f"As {pattern.seen} times before: {pattern.cause.replace('_', ' ')}.",
    )
