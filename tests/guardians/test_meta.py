"""The meta-guardian: guardians are held against people and checks, and at most one threshold is to change."""

import math
import random
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from guardian_reports import alarm, diagnosis, reports
from harness import SOLVER
from sample_records import NOON

from guardian_cluster.contract.threshold_action import ThresholdAction, ThresholdEvidence
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.improvement import (
    Concern,
    Improvement,
    Lesson,
    QueuedImprovement,
    QueueState,
    SafetyInvestigation,
    SafetyReview,
    SettingChange,
    ThresholdChange,
)
from guardian_cluster.domain.monitoring import EndpointPace, GuardianScore, Load, MetaAnalysis
from guardian_cluster.guardians.meta import MetaGuardian
from guardian_cluster.guardians.meta_thresholds import LEAST_JUDGED, misfit, rates_of
from guardian_cluster.guardians.ports import JudgedScore, ThresholdRecord


class Remembered:
    """Audits that are simply there."""

    def __init__(self, *records: ThresholdRecord, **remembered: object) -> None:
        self._records = records
        self._remembered = remembered

    async def detectors(self, specialist: str) -> Sequence[GuardianScore]:
        return self._remembered.get("detectors", ())  # type: ignore[return-value]

    async def thresholds(self, specialist: str) -> Sequence[ThresholdRecord]:
        return self._records

    async def alarms(self, specialist: str) -> Sequence[Alarm]:
        return self._remembered.get("alarms", ())  # type: ignore[return-value]

    async def diagnoses(self, specialist: str) -> Sequence[Diagnosis]:
        return self._remembered.get("diagnoses", ())  # type: ignore[return-value]

    async def improvements(self, specialist: str) -> Sequence[QueuedImprovement]:
        return self._remembered.get("improvements", ())  # type: ignore[return-value]

    async def investigations(self, specialist: str) -> Sequence[SafetyInvestigation]:
        return self._remembered.get("investigations", ())  # type: ignore[return-value]

    async def lessons(self, specialist: str) -> Sequence[Lesson]:
        return self._remembered.get("lessons", ())  # type: ignore[return-value]


class Waiting:
    """A spool that is not empty."""

    def backlogs(self) -> Mapping[str, float]:
        return {"records in the spool": 12.0, "records lost": 0.0}


def in_force(value: float = 0.5, **changes: object) -> ThresholdAction:
    evidence = ThresholdEvidence(
        examples=400,
        since=NOON,
        until=NOON,
        new=400,
        asked=0.05,
        expected=0.05,
        realised_low=0.03,
        realised_high=0.07,
        least=0.2,
        most=0.9,
    )
    values: dict[str, object] = {
        "id": "t1",
        "time": NOON,
        "detector": "harm",
        "specialist": "solver",
        "tenant": "acme",
        "before": None,
        "after": value,
        "evidence": evidence,
        "state": "applied",
    }
    return ThresholdAction(**(values | changes))  # type: ignore[arg-type]


def record(
    wrong: Sequence[float] = (), right: Sequence[float] = (), reported: float = 0.2, **changes: object
) -> ThresholdRecord:
    """Return a threshold of .5 that reports a fifth of 1,000 requests, and what was said of some of them."""
    scores = [0.5 + 0.4 * (n / 1_000) for n in range(int(1_000 * reported))]
    scores += [0.1] * (1_000 - len(scores))
    said = [JudgedScore(score, False, "labels", f"w{n}") for n, score in enumerate(wrong)]
    said += [JudgedScore(score, True, "labels", f"r{n}") for n, score in enumerate(right)]
    random.Random(1).shuffle(said)
    return ThresholdRecord(in_force(**changes), 0.05, scores, said)


def over(count: int, low: float = 0.5, high: float = 0.8) -> list[float]:
    return [low + (high - low) * n / count for n in range(count)]


NOISY = record(wrong=over(60), right=[0.95] * 3)
"""Nearly all that it reports is wrong."""
BLIND = record(wrong=[0.6], right=[0.3] * 90 + [0.7] * 10, reported=0.01)


async def analysed(*records: ThresholdRecord, **remembered: object) -> MetaAnalysis:
    guardian = MetaGuardian(Remembered(*records, **remembered), ManualClock(NOON))
    return await guardian.analyze(SOLVER, reports())


async def proposal(*records: ThresholdRecord, **remembered: object) -> Improvement | None:
    return (await analysed(*records, **remembered)).proposal


def queued(improvement: Improvement, state: QueueState, *concerns: Concern) -> QueuedImprovement:
    review = SafetyReview(improvement_id=improvement.id, at=NOON, concerns=concerns)
    return QueuedImprovement(improvement=improvement, review=review, state=state, since=NOON)


def repair(id: str, diagnosis_id: str = "d1", **changes: object) -> Improvement:
    values: dict[str, object] = {
        "id": id,
        "specialist": "solver",
        "proposed": NOON,
        "proposer": "optimizer",
        "motive": "quality",
        "change": SettingChange(path="balancing.breaker", before=False, after=True),
        "reason": "It fails.",
        "signal": "error",
        "diagnosis_id": diagnosis_id,
    }
    return Improvement(**(values | changes))  # type: ignore[arg-type]


async def score(guardian: str, **remembered: object) -> GuardianScore:
    found = await analysed(**remembered)
    return next(each for each in found.scores if each.guardian == guardian)


async def test_a_threshold_that_is_mostly_wrong_is_to_be_raised_and_the_reason_says_what_that_costs() -> None:
    found = await proposal(NOISY)

    assert found is not None
    assert isinstance(found.change, ThresholdChange)
    assert (found.change.detector, found.change.specialist, found.change.tenant) == ("harm", "solver", "acme")
    assert 0.5 == found.change.before < found.change.after <= 0.9
    assert "this weakens the guard" in found.reason
    assert (found.proposer, found.motive, len(found.record_ids)) == ("meta-guardian", "quality", 50)
    assert found.blast_radius == 1.0


async def test_a_threshold_that_misses_most_is_to_be_lowered_no_further_than_a_step() -> None:
    found = await proposal(BLIND)

    assert found is not None
    assert isinstance(found.change, ThresholdChange)
    assert found.change.after == 0.3
    assert found.motive == "safety"
    assert "weakens" not in found.reason
    far = BLIND._replace(judged=[each._replace(score=0.1) for each in BLIND.judged if each.is_real])
    assert misfit(far).after == 0.2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "kept",
    [
        record(wrong=over(LEAST_JUDGED - 1)),
        record(wrong=over(60), right=[0.7] * 400, reported=0.05),
        record(wrong=over(60))._replace(scores=[0.9] * 399),
        record(wrong=[0.1] * 200),
        record(right=[0.3] * 90, wrong=over(60), reported=0.06),
        record(wrong=over(60))._replace(asked=0.0),
        record(),
    ],
    ids=[
        "few judged",
        "as asked",
        "few scores",
        "not reported",
        "no room to lower",
        "no rate asked",
        "silence",
    ],
)
async def test_a_threshold_stays_where_nothing_is_proven(kept: ThresholdRecord) -> None:
    assert await proposal(kept) is None


async def test_what_only_checks_have_said_proves_no_false_alarm() -> None:
    checked = NOISY._replace(judged=[each._replace(source="checks") for each in NOISY.judged])

    assert await proposal(checked) is None


async def test_the_threshold_that_is_furthest_off_is_proposed_and_no_other() -> None:
    worse = record(wrong=over(60), reported=0.6, tenant="rival")

    found = [await proposal(*records) for records in ((NOISY, worse, BLIND), (BLIND, worse, NOISY))]

    assert found[0] == found[1]
    assert found[0] is not None
    assert isinstance(found[0].change, ThresholdChange)
    assert found[0].change.tenant == "rival"


@pytest.mark.parametrize("state", ["rejected", "blocked", "undone", "queued", "approved"])
async def test_what_was_refused_or_waits_is_not_proposed_again(state: QueueState) -> None:
    first = await proposal(NOISY)
    assert first is not None
    again = NOISY._replace(judged=NOISY.judged[:-1])  # the next step would be another one

    assert await proposal(again, improvements=[queued(first, state)]) is None


async def test_a_lesson_is_enough_to_leave_it() -> None:
    first = await proposal(NOISY)
    assert first is not None
    lesson = Lesson(id="l1", at=NOON, specialist="solver", improvement_id=first.id, said="no")

    assert await proposal(NOISY, lessons=[lesson]) is None


async def test_once_it_was_moved_the_next_step_may_be_proposed() -> None:
    first = await proposal(NOISY)
    assert first is not None
    moved = NOISY._replace(current=in_force(0.52))

    second = await proposal(moved, improvements=[queued(first, "applied")])

    assert second is not None
    assert second.id != first.id


def test_what_was_withheld_counts_as_reported_and_no_threshold_lets_it_go() -> None:
    withheld = record(wrong=[math.inf] * 60)._replace(scores=[math.inf] * 200 + [0.1] * 800)

    assert rates_of(withheld).reported == 0.2
    assert misfit(withheld).after == 0.9  # type: ignore[union-attr]


async def test_an_alarm_that_nobody_explains_or_agrees_with_was_false() -> None:
    alarms = [alarm(f"a{n}", closed=NOON + 100.0, raised=NOON - n) for n in range(3)]
    agreed = queued(repair("i1", "d9", proposed=NOON + 50.0, signal="cost"), "approved")

    found = await score(
        "alarms",
        alarms=[*alarms, alarm("open"), alarm("dear", signal="cost", closed=NOON + 100.0)],
        diagnoses=[diagnosis("hang", alarm_ids=("a1",)), diagnosis(None, alarm_ids=("a2",))],
        improvements=[agreed],
    )

    assert (found.claims, found.audited, found.false_alarms) == (5, 4, 2)


async def test_an_alarm_whose_requests_came_to_an_end_was_neither_right_nor_false() -> None:
    alarms = [alarm(name, closed=NOON + 100.0, ending=name) for name in ("silent", "gone", "accepted")]

    found = await score("alarms", alarms=alarms)

    assert (found.claims, found.audited, found.false_alarms) == (3, 1, 1)


async def test_what_people_repaired_without_an_alarm_was_missed() -> None:
    quiet, loud = diagnosis(id="d1"), diagnosis(id="d2", alarm_ids=("a1",))
    repaired = [queued(repair("i1", "d1"), "applied"), queued(repair("i2", "d2"), "applied")]

    found = await score("alarms", diagnoses=[quiet, loud], improvements=repaired)

    assert (found.misses, found.audited) == (1, 1)


async def test_a_diagnosis_was_false_where_all_that_came_of_it_was_refused() -> None:
    items = [
        queued(repair("i1", "d1"), "rejected"),
        queued(repair("i2", "d1"), "approved"),
        queued(repair("i3", "d2"), "rejected"),
        queued(repair("i4", "d3"), "queued"),
        queued(repair("i5", "d4"), "blocked"),
    ]

    diagnostician = await score("diagnostician", improvements=items)
    optimizer = await score("optimizer", improvements=items)

    assert (diagnostician.audited, diagnostician.false_alarms) == (2, 1)
    assert (optimizer.claims, optimizer.audited, optimizer.false_alarms) == (5, 3, 2)


async def test_a_cleared_investigation_was_a_false_concern_and_an_undone_change_a_missed_one() -> None:
    concern = Concern(rule="cost", said="it costs more")
    open_one = SafetyInvestigation(
        id="s1", improvement_id="i1", specialist="solver", owner="admin", opened=NOON, concerns=(concern,)
    )
    cleared = msgspec.structs.replace(open_one, id="s2", outcome="cleared")
    upheld = msgspec.structs.replace(open_one, id="s3", outcome="upheld")
    undone = [queued(repair("i1"), "undone"), queued(repair("i2"), "undone", concern)]

    found = await score("safety_monitor", investigations=[open_one, cleared, upheld], improvements=undone)

    assert (found.claims, found.audited, found.false_alarms, found.misses) == (3, 3, 1, 1)


async def test_the_scores_of_detectors_stand_with_the_others() -> None:
    harm = GuardianScore(guardian="watcher/harm", claims=3, false_alarms=1, misses=0, audited=5)

    assert (await analysed(detectors=[harm])).scores == (harm,)


async def test_bottlenecks_are_noted_with_their_values_and_small_ones_are_not() -> None:
    paces = [
        ("solver/1", 300, 100.0),
        ("solver/2", 100, 250.0),
        ("solver/3", 5, 900.0),
        ("solver/4", 50, 120.0),
    ]
    load = Load(
        overhead_share=0.2,
        overhead_ms=20.0,
        no_room_share=0.0005,
        paces=tuple(EndpointPace(endpoint=e, requests=n, typical_ms=ms) for e, n, ms in paces),
    )
    said = reports()
    said = msgspec.structs.replace(said, watcher=msgspec.structs.replace(said.watcher, load=load))

    found = (await MetaGuardian(Remembered(), ManualClock(), Waiting()).analyze(SOLVER, said)).bottlenecks

    assert [each.what for each in found] == ["overhead", "endpoint/solver/2", "backlog"]
    assert found[0].value == 0.2
    assert found[1].said == "22% of answers come from solver/2, which takes 2.5 times as long"
    assert found[2].said == "12 records in the spool"
