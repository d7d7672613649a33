"""What the meta-guardian is told of a data folder: of its records, its state and its thresholds."""

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from guardian_reports import alarm, diagnosis, reports
from sample_records import NOON, request_record

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import Feedback, RequestRecord, ScoreRecord, VerdictRecord
from guardian_cluster.contract.snapshot import Base, RecordPolicy, Tenant, WatchPolicy
from guardian_cluster.contract.threshold_action import Scope, ThresholdAction, ThresholdEvidence
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import Improvement, QueuedImprovement, SafetyReview, ThresholdChange
from guardian_cluster.domain.monitoring import CoordinationResult, GuardianScore, MetaAnalysis
from guardian_cluster.domain.monitoring import MonitoringCycleResult as Cycle
from guardian_cluster.guardians.ports import JudgedScore
from guardian_cluster.processes.audits import RecordedAudits, judged_scores
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.detections import Judged
from guardian_cluster.storage.reader import RecordReader
from guardian_cluster.storage.records import write_batch
from guardian_cluster.storage.state import StateStore
from guardian_cluster.thresholds import ThresholdFile

STRICT = WatchPolicy(false_alarms=0.01)
HARM = VerdictRecord(detector="score", rule="harm", action="observe", channel="content", choice=0, position=0)


@dataclass
class House:
    """A data folder with what guardians said in it."""

    folder: Path
    state: StateStore
    audits: RecordedAudits

    def write(self, *requests: RequestRecord, feedback: tuple[Feedback, ...] = ()) -> None:
        engine = open_database(self.folder / FILE_NAME, now=NOON)
        batch = Batch(id=BatchId("boot", 1), requests=requests, feedback=feedback)
        with engine.begin() as connection:
            write_batch(connection, batch, now=NOON, policy=RecordPolicy())
        engine.dispose()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    state = StateStore.in_memory(ManualClock(NOON))
    reader = RecordReader(tmp_path / FILE_NAME)
    base = Base(specialists=(), tenants=(Tenant(name="acme", watch=STRICT),))
    audits = RecordedAudits(reader, state, ThresholdFile(tmp_path), lambda: base)
    yield House(tmp_path, state, audits)
    await reader.close()
    await state.close()


def scored(id: str, value: float, *verdicts: VerdictRecord, **changes: object) -> RequestRecord:
    scores = (ScoreRecord(detector="harm", value=value),)
    return request_record(id, **({"scores": scores, "verdicts": verdicts} | changes))


def said(id: str, label: str, tenant: str = "acme") -> Feedback:
    return Feedback(request_id=id, tenant=tenant, received=NOON, label=label)


def action(scope: Scope, after: float = 0.5) -> ThresholdAction:
    evidence = ThresholdEvidence(
        examples=400, since=NOON, until=NOON, new=400, asked=0.05, expected=0.05,
        realised_low=0.03, realised_high=0.07, least=0.2, most=0.9,
    )  # fmt: skip
    return ThresholdAction(
        id=f"t-{scope.specialist}",
        time=NOON,
        **scope._asdict(),
        before=None,
        after=after,
        evidence=evidence,
        state="applied",
        decided=NOON,
    )


def change(id: str, specialist: str, of: str) -> QueuedImprovement:
    threshold = ThresholdChange(detector="harm", specialist=of, tenant="acme", before=0.5, after=0.6)
    improvement = Improvement(
        id=id, specialist=specialist, proposed=NOON, proposer="meta-guardian", motive="quality",
        change=threshold, reason="It is off.",
    )  # fmt: skip
    review = SafetyReview(improvement_id=id, at=NOON)
    return QueuedImprovement(improvement=improvement, review=review, state="queued", since=NOON)


async def test_detectors_are_held_against_what_their_own_callers_say(house: House) -> None:
    requests = [scored("r1", 0.9, HARM), scored("r2", 0.8, HARM), scored("r3", 0.2), scored("r4", 0.9, HARM)]
    words = (said("r1", "harm"), said("r2", "no-harm"), said("r3", "harm"), said("r4", "no-harm", "rival"))
    house.write(*requests, feedback=words)

    (found,) = await house.audits.detectors("solver")

    assert found == GuardianScore(guardian="watcher/harm", claims=2, false_alarms=1, misses=1, audited=3)


async def test_thresholds_in_force_come_with_what_the_tenant_asks_and_all_newest_scores(house: House) -> None:
    house.write(*(scored(f"r{n}", n / 10) for n in range(5)), feedback=(said("r4", "no-harm"),))
    scopes = [Scope("harm", name, "acme") for name in ("solver", "writer", "")]
    ThresholdFile(house.folder).change(lambda _: tuple(map(action, scopes)))

    own, shared = await house.audits.thresholds("solver")

    assert (own.current.scope, own.asked) == (scopes[0], 0.01)
    assert sorted(own.scores) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert own.judged == [JudgedScore(0.4, False, "labels", "r4")]
    assert shared.current.scope == scopes[2]


async def test_a_damaged_file_of_thresholds_does_not_end_a_cycle(house: House) -> None:
    house.write(scored("r1", 0.5))
    (house.folder / "thresholds.json").write_text("{")

    assert await house.audits.thresholds("solver") == []


def test_what_was_withheld_was_high_and_a_label_counts_more_than_a_mark() -> None:
    withheld = msgspec.structs.replace(HARM, rule="ungrounded", action="retry")
    record = request_record("r1", verdicts=(withheld,))
    words = (Feedback(request_id="r1", tenant="acme", received=NOON, score=0.0), said("r1", "no-ungrounded"))

    found = judged_scores(Scope("ungrounded", "solver", "acme"), [Judged(record, words)])

    assert found == [JudgedScore(math.inf, False, "labels", "r1")]


async def test_alarms_count_from_the_oldest_diagnosis_that_is_remembered(house: House) -> None:
    cycle = Cycle(
        specialist_id="solver",
        guardian_reports=reports([diagnosis("slow", specialist="solver")]),
        coordination_result=CoordinationResult(),
        meta_analysis=MetaAnalysis(),
        cycle_timestamp=datetime.fromtimestamp(NOON, UTC),
    )
    alarms = [
        alarm("old", raised=NOON - 1, specialist="solver"),
        alarm("new", specialist="solver", closed=NOON),
    ]
    await house.state.put_alarms(alarms)

    assert await house.audits.alarms("solver") == []

    await house.state.put_cycle("c1", cycle)
    assert [each.id for each in await house.audits.alarms("solver")] == ["new"]
    assert [each.cause for each in await house.audits.diagnoses("solver")] == ["slow"]


async def test_a_change_for_all_specialists_is_known_in_the_cycle_of_each(house: House) -> None:
    items = [change("i1", "solver", "solver"), change("i2", "writer", "writer"), change("i3", "writer", "")]
    await house.state.put(items, key="k")

    found = await house.audits.improvements("solver")

    assert sorted(item.improvement.id for item in found) == ["i1", "i3"]
    assert await house.audits.lessons("solver") == await house.audits.investigations("solver") == []
