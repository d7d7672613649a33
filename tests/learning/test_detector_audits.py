from sample_records import NOON, request_record

from guardian_cluster.contract.records import AssessmentRecord, Feedback, RequestRecord, VerdictRecord
from guardian_cluster.learning.detector_audits import DetectorAudits, DetectorQuality, Said, said_of
from guardian_cluster.statistics.precision import Audit

NAMES = ["answer", "harm", "ungrounded"]


def alarmed(detector: str, rule: str = "x", **changes: object) -> RequestRecord:
    found = VerdictRecord(
        detector=detector, rule=rule, action="observe", channel="content", choice=0, position=0
    )
    return request_record(**({"verdicts": (found,)} | changes))  # type: ignore[arg-type]


def said(label: str | None = None, score: float | None = None, tenant: str = "acme") -> Feedback:
    return Feedback(request_id="r1", tenant=tenant, received=NOON, score=score, label=label)


def found(record: RequestRecord, *feedback: Feedback) -> list[Said]:
    return list(said_of(record, feedback, NAMES))


def test_a_label_says_by_a_detectors_name_what_was_there_and_the_last_one_counts() -> None:
    record = alarmed("score", "harm")

    (both,) = found(record, said("no-harm"), said(" Harm "))

    assert both == Said("harm", "labels", Audit(alarmed=True, is_real=True, probability=1.0))
    assert found(record, said("no-harm"))[0].audit.is_real is False
    assert found(record, said("harmless"), said("no-harm", tenant="rival")) == []


def test_a_mark_speaks_of_detectors_of_what_an_answer_is_worth() -> None:
    bad = found(alarmed("answer"), said(score=1.0), said(score=0.2))

    assert [(each.detector, each.source, each.audit.alarmed, each.audit.is_real) for each in bad] == [
        ("answer", "marks", True, True), ("ungrounded", "marks", False, True),
    ]  # fmt: skip
    assert not found(alarmed("answer"), said(score=9.0))


def test_a_check_that_failed_says_what_was_missed_and_one_that_held_says_nothing() -> None:
    failed, held = (
        AssessmentRecord(specialist="solver", p_wrong=0.5, decision="accept", failed=names)
        for names in (("citations",), ())
    )
    others = AssessmentRecord(specialist="other", p_wrong=0.5, decision="accept", failed=("citations",))

    (missed,) = found(request_record(assessments=(failed,)))

    assert missed == Said("ungrounded", "checks", Audit(alarmed=False, is_real=True, probability=1.0))
    assert found(request_record(assessments=(held, others))) == []


def qualities(*each: tuple[bool, bool], source: str = "labels") -> DetectorQuality:
    audits = DetectorAudits()
    for alarm, real in each:
        audits.add(Said("harm", source, Audit(alarm, real, 1.0)))  # type: ignore[arg-type]
    (quality,) = audits.qualities()
    return quality


def test_precision_and_recall_come_with_intervals_that_hold_them() -> None:
    good = [(True, True)] * 60 + [(True, False)] * 20 + [(False, True)] * 20 + [(False, False)] * 100

    quality = qualities(*good)

    assert (quality.audited, quality.alarmed) == (200, 80)
    assert quality.precision is not None
    for estimate in (quality.precision, quality.recall):
        assert estimate.value == 0.75
        assert 0.5 < estimate.interval.low < 0.75 < estimate.interval.high < 0.95


def test_checks_say_nothing_of_precision_and_no_audit_of_nothing() -> None:
    checks = qualities((True, True), (False, True), source="checks")

    assert checks.precision is None
    assert checks.recall.value == 0.5
    assert qualities((False, False)).recall.value is None
