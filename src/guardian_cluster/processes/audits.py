"""What became of that which guardians said, as it stands in the databases of a data folder: for the meta-guardian."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import Base
from guardian_cluster.contract.threshold_action import Scope, ThresholdAction
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.improvement import (
    Lesson,
    QueuedImprovement,
    SafetyInvestigation,
    ThresholdChange,
)
from guardian_cluster.domain.monitoring import GuardianScore
from guardian_cluster.errors import ConfigError
from guardian_cluster.guardians.ports import JudgedScore, ThresholdRecord
from guardian_cluster.learning.detector_audits import CHECKED, Said, said_of
from guardian_cluster.learning.sound_scores import SCORING, detector_of
from guardian_cluster.learning.threshold_ledger import in_force
from guardian_cluster.statistics.conformal import CAPACITY
from guardian_cluster.storage import audits
from guardian_cluster.storage.detections import Judged
from guardian_cluster.storage.reader import RecordReader
from guardian_cluster.storage.state import StateStore
from guardian_cluster.thresholds import ThresholdFile

CYCLES = 30
"""Of a specialist, the newest: what they diagnosed is held against what people decided since."""

DECIDED = 500
"""Improvements, the newest: what was refused is not proposed again while it is among them, or a lesson."""

CHECKS = frozenset[str]().union(*CHECKED.values())


class DecidedAudits:
    """Reads from the state what became of alarms, diagnoses and proposals."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    async def alarms(self, specialist: str) -> Sequence[Alarm]:
        """Return the alarms that were raised since the oldest diagnosis that is remembered."""
        cycles = await self._store.cycles(specialist, limit=CYCLES)
        since = min((cycle.cycle_timestamp.timestamp() for cycle in cycles), default=math.inf)
        alarms = await self._store.alarms(specialist, open_only=False)
        return [alarm for alarm in alarms if alarm.raised >= since]

    async def diagnoses(self, specialist: str) -> Sequence[Diagnosis]:
        """Return the diagnoses of the newest cycles, the newest first."""
        cycles = await self._store.cycles(specialist, limit=CYCLES)
        return [found for cycle in cycles for found in cycle.guardian_reports.diagnostician.diagnoses]

    async def improvements(self, specialist: str) -> Sequence[QueuedImprovement]:
        """Return what was proposed, in whatever state it is, the newest first.

        Changes of thresholds for all specialists are among them, in whose cycle they ever were proposed.
        """
        own = await self._store.improvements(specialist=specialist, limit=DECIDED)
        everybody = await self._store.improvements(limit=DECIDED)
        shared = [
            item for item in everybody if _is_of_all(item) and item.improvement.specialist != specialist
        ]
        return [*own, *shared]

    async def investigations(self, specialist: str) -> Sequence[SafetyInvestigation]:
        """Return the newest investigations, those that are closed as well."""
        return await self._store.investigations(specialist=specialist, limit=DECIDED)

    async def lessons(self, specialist: str) -> Sequence[Lesson]:
        """Return what was learned of improvements that did not hold."""
        return await self._store.lessons(specialist, limit=DECIDED)


class RecordedAudits(DecidedAudits):
    """Reads the audits of a specialist anew whenever they are asked for, each question bounded.

    `base` returns what is deployed at the moment: it holds what the policies ask.
    """

    def __init__(
        self, reader: RecordReader, store: StateStore, thresholds: ThresholdFile, base: Callable[[], Base]
    ) -> None:
        super().__init__(store)
        self._reader = reader
        self._thresholds = thresholds
        self._base = base

    async def detectors(self, specialist: str) -> Sequence[GuardianScore]:
        """Return how detectors did against what callers said and checks showed, by `watcher/DETECTOR`."""
        return await asyncio.to_thread(detector_scores, await self._judged(specialist))

    async def thresholds(self, specialist: str) -> Sequence[ThresholdRecord]:
        """Return what is known of each threshold in force for the specialist, or for all of them together.

        There is none where the file cannot be read: calibration and deployment say so.
        """
        try:
            actions = in_force(await asyncio.to_thread(self._thresholds.load) or ())
        except ConfigError:
            return []
        records = list[ThresholdRecord]()
        for name in (specialist, ""):
            scopes = [action for scope, action in sorted(actions.items()) if scope.specialist == name]
            judged = await self._judged(name or None) if scopes else []
            records += [await self._record(action, judged) for action in scopes]
        return records

    async def _judged(self, specialist: str | None) -> list[Judged]:
        ask = partial(audits.judged_requests, specialist=specialist, checks=CHECKS)
        return await self._reader.run(ask)

    async def _record(self, action: ThresholdAction, judged: Sequence[Judged]) -> ThresholdRecord:
        scores = await self._reader.run(partial(audits.scores_in, scope=action.scope, limit=CAPACITY))
        share = await self._reader.run(partial(audits.share_of, scope=action.scope))
        asked = _asked(self._base(), action.tenant)
        return ThresholdRecord(action, asked, scores, judged_scores(action.scope, judged), share)


def _is_of_all(item: QueuedImprovement) -> bool:
    change = item.improvement.change
    return isinstance(change, ThresholdChange) and not change.specialist


def _asked(base: Base, tenant: str) -> float:
    own = next((each.watch for each in base.tenants if each.name == tenant), None)
    return (own or base.watch).false_alarms


def detector_scores(judged: Sequence[Judged]) -> list[GuardianScore]:
    """Return how each detector did of which something was said, one word a request."""
    names = {name for each in judged for name in _named(each)}
    found: dict[str, list[Said]] = defaultdict(list)
    for each in judged:
        for said in _words(each, names).values():
            found[said.detector].append(said)
    return [_score(name, found[name]) for name in sorted(found)]


def _named(judged: Judged) -> Iterator[str]:
    """Yield the detectors that a request has to do with."""
    yield from (detector_of(verdict) for verdict in judged.record.verdicts)
    yield from (score.detector for score in judged.record.scores)


def _words(judged: Judged, names: set[str]) -> Mapping[str, Said]:
    """Return the one word on each detector: what callers say by its name, else their marks, else the checks."""
    said = said_of(judged.record, judged.feedback, sorted(names))
    return {each.detector: each for each in reversed(list(said))}


def _score(name: str, said: Sequence[Said]) -> GuardianScore:
    audits = [each.audit for each in said]
    return GuardianScore(
        guardian=f"watcher/{name}",
        claims=sum(audit.alarmed for audit in audits),
        false_alarms=sum(audit.alarmed and not audit.is_real for audit in audits),
        misses=sum(audit.is_real and not audit.alarmed for audit in audits),
        audited=len(audits),
    )


def judged_scores(scope: Scope, judged: Sequence[Judged]) -> list[JudgedScore]:
    """Return the scores of a scope of which somebody has said what they were, newest first."""
    found = [
        JudgedScore(score, said.audit.is_real, said.source, each.record.id)
        for each in judged
        if each.record.tenant == scope.tenant
        for score in _scores(each.record, scope.detector)
        for said in _words(each, {scope.detector}).values()
    ]
    return found[::-1]


def _scores(record: RequestRecord, detector: str) -> list[float]:
    """Return what a detector suspected: the most of its scores; infinite where it withheld the answer."""
    reported = {detector_of(verdict) for verdict in record.verdicts} & SCORING
    scores = [score.value for score in record.scores if score.detector == detector]
    return [max(scores)] if scores else [math.inf] if detector in reported else []
