"""The meta-guardian: measures the guardians themselves, and proposes at most one change of a parameter of theirs."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import msgspec

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.improvement import Improvement, QueuedImprovement, QueueState, ThresholdChange
from guardian_cluster.domain.monitoring import Bottleneck, GuardianReports, Load, MetaAnalysis
from guardian_cluster.guardians.evidence import MOST_RECORDS
from guardian_cluster.guardians.meta_scores import Past, scores_of
from guardian_cluster.guardians.meta_thresholds import Misfit, furthest
from guardian_cluster.guardians.ports import Audits, Backlogs

PROPOSER = "meta-guardian"

OVERHEAD = 0.05
"""Of the time that requests take, spent in the gateway: below that a model is what callers wait for."""

NO_ROOM = 0.001
"""Of requests, turned away for want of room: less is a burst."""

SLOWER = 1.5
"""Times what the fastest endpoint takes: less is the difference of two days."""

LEAST_ANSWERS = 30
"""Of an endpoint, before its pace is told."""

OPEN: frozenset[QueueState] = frozenset({"investigated", "queued", "approved", "taken"})


class MetaGuardian:
    """Says how good the guardians are. `backlogs` is what waits to be written or read, where that is known."""

    def __init__(self, audits: Audits, clock: Clock, backlogs: Backlogs | None = None) -> None:
        self._audits = audits
        self._clock = clock
        self._backlogs = backlogs

    async def analyze(self, specialist: Specialist, reports: GuardianReports) -> MetaAnalysis:
        """Return how the guardians of a specialist did, what limits it, and at most one threshold to change."""
        name, audits = specialist.name, self._audits
        diagnosed = [*reports.diagnostician.diagnoses, *await audits.diagnoses(name)]
        past = Past(
            alarms=await audits.alarms(name),
            diagnoses=diagnosed,
            improvements=await audits.improvements(name),
            investigations=await audits.investigations(name),
        )
        lessons = {lesson.improvement_id for lesson in await audits.lessons(name)}
        records = await audits.thresholds(name)
        # Beside the event loop: 2,000 judged scores take it some 20 ms.
        misfits = await asyncio.to_thread(furthest, records)
        waiting: Mapping[str, float] = {} if self._backlogs is None else self._backlogs.backlogs()
        return MetaAnalysis(
            scores=(*await audits.detectors(name), *scores_of(past)),
            proposal=proposed(misfits, name, past.improvements, lessons, at=self._clock.now()),
            bottlenecks=(*_bottlenecks(reports.watcher.load), *_waiting(waiting)),
        )


def proposed(
    misfits: Sequence[Misfit],
    specialist: str,
    improvements: Sequence[QueuedImprovement],
    lessons: set[str],
    *,
    at: float,
) -> Improvement | None:
    """Return the change of the threshold that is furthest off, of those that nobody decides about or has refused.

    What was refused is not proposed again while the threshold is what it was then.
    """
    refused = lessons | {item.improvement.id for item in improvements}
    undecided = {_scope(item.improvement) for item in improvements if item.state in OPEN}
    for each in misfits:
        improvement = _improvement(each, specialist, at)
        if improvement.id not in refused and _scope(improvement) not in undecided:
            return improvement
    return None


def _scope(improvement: Improvement) -> tuple[str, str, str] | None:
    change = improvement.change
    return (
        (change.detector, change.specialist, change.tenant) if isinstance(change, ThresholdChange) else None
    )


def _improvement(found: Misfit, specialist: str, at: float) -> Improvement:
    current = found.record.current
    change = ThresholdChange(**current.scope._asdict(), before=current.after, after=found.after)
    return Improvement(
        id=_id(found),
        specialist=specialist,
        proposed=at,
        proposer=PROPOSER,
        motive="safety" if found.is_missing else "quality",
        change=change,
        reason=_reason(found),
        parent=current.id,
        record_ids=tuple(dict.fromkeys(each.request_id for each in found.record.judged))[:MOST_RECORDS],
        blast_radius=found.record.share,
    )


def _id(found: Misfit) -> str:
    """Return the id of moving a threshold in this direction from where it is, however far."""
    current = found.record.current
    content = msgspec.json.encode((current.scope, current.after, found.is_missing))
    return f"i{blake2b(content, digest_size=8).hexdigest()}"


def _reason(found: Misfit) -> str:
    """Say what is measured, and what the change does to the guard: in particular that it weakens it."""
    scores, before = found.record.scores, found.record.current.after
    now, then = (_share(scores, value) for value in (before, found.after))
    effect = f"It would report {then:.1%} of requests instead of {now:.1%}"
    if found.is_missing:
        return (
            f"Of {found.judged} real cases it misses {found.measured:.0%} or more, and more than "
            f"{found.allowed:.0%} is too much. {effect}."
        )
    return (
        f"It reports {found.measured:.1%} or more of all requests wrongly, of {found.judged} judged alarms, "
        f"and {found.allowed:.1%} is asked. {effect}: this weakens the guard."
    )


def _share(scores: Sequence[float], value: float) -> float:
    return sum(score >= value for score in scores) / len(scores)


def _bottlenecks(load: Load | None) -> Iterator[Bottleneck]:
    """Yield what took requests their time, where it is more than it should be."""
    if load is None:
        return
    if load.overhead_share >= OVERHEAD:
        said = (
            f"{load.overhead_ms:.1f} ms of each request, {load.overhead_share:.0%} of it, pass in the gateway"
        )
        yield Bottleneck(what="overhead", said=said, value=load.overhead_share)
    if load.no_room_share >= NO_ROOM:
        said = f"{load.no_room_share:.1%} of requests found no endpoint with room"
        yield Bottleneck(what="room", said=said, value=load.no_room_share)
    paces = [pace for pace in load.paces if pace.requests >= LEAST_ANSWERS]
    fastest = min((pace.typical_ms for pace in paces), default=0.0)
    answered = sum(pace.requests for pace in load.paces)
    for pace in paces:
        if pace.typical_ms > SLOWER * fastest > 0.0:
            share, times = pace.requests / answered, pace.typical_ms / fastest
            said = f"{share:.0%} of answers come from {pace.endpoint}, which takes {times:.1f} times as long"
            yield Bottleneck(what=f"endpoint/{pace.endpoint}", said=said, value=share)


def _waiting(backlogs: Mapping[str, float]) -> Iterator[Bottleneck]:
    for what, value in sorted(backlogs.items()):
        if value > 0.0:
            yield Bottleneck(what="backlog", said=f"{value:g} {what}", value=value)
