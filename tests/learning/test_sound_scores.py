import pytest
from sample_records import NOON, request_record

from guardian_cluster.contract.records import (
    Feedback,
    PartRecord,
    RequestRecord,
    ScoreRecord,
    VerdictRecord,
)
from guardian_cluster.contract.threshold_action import Scope
from guardian_cluster.learning.sound_scores import ABOVE_ALL, detector_of, examples_of

SCORES = (ScoreRecord(detector="harm", value=0.2), ScoreRecord(detector="injection", value=0.1))


def verdict(detector: str, action: str, rule: str = "x") -> VerdictRecord:
    return VerdictRecord(
        detector=detector, rule=rule, action=action, channel="content", choice=0, position=0  # type: ignore[arg-type]
    )  # fmt: skip


def scored(*verdicts: VerdictRecord, **changes: object) -> RequestRecord:
    return request_record(**({"scores": SCORES, "verdicts": verdicts} | changes))  # type: ignore[arg-type]


def mark(score: float | None, tenant: str = "acme") -> Feedback:
    return Feedback(request_id="r1", tenant=tenant, received=NOON, score=score)


def counted(record: RequestRecord, *feedback: Feedback) -> list[tuple[str, float]]:
    return [(each.scope.detector, each.score) for each in examples_of(record, feedback) if each.is_sound]


def test_the_scores_of_a_sound_request_count_for_its_specialist_and_tenant() -> None:
    harm, injection = examples_of(scored(), ())

    assert harm == (Scope("harm", "solver", "acme"), 0.2, True)
    assert injection == (Scope("injection", "", "acme"), 0.1, True)


@pytest.mark.parametrize("outcome", ["cut", "error", "cancelled", "refused"])
def test_a_request_that_did_not_end_well_is_not_sound(outcome: str) -> None:
    assert counted(scored(outcome=outcome)) == []


@pytest.mark.parametrize(
    "found", [verdict("deny", "redact"), verdict("secret", "cut"), verdict("canary", "retry"),
              verdict("deny", "redact", rule="harm"), verdict("secret", "redact", rule="harm"),
              verdict("canary", "cut", rule="injection"), verdict("secret", "block")]
)  # fmt: skip
def test_a_request_in_which_something_was_withheld_is_not_sound(found: VerdictRecord) -> None:
    assert counted(scored(found)) == []


@pytest.mark.parametrize(
    "found", [verdict("secret", "observe"), verdict("personal-data", "redact"),
              verdict("score", "observe", rule="harm"), verdict("injection", "mark")]
)  # fmt: skip
def test_one_with_findings_that_honest_traffic_has_is(found: VerdictRecord) -> None:
    assert counted(scored(found)) == [("harm", 0.2), ("injection", 0.1)]


def test_an_answer_that_the_detector_itself_withheld_stands_above_all_others() -> None:
    assert counted(scored(verdict("score", "retry", rule="harm"))) == [
        ("harm", ABOVE_ALL), ("harm", 0.2), ("injection", 0.1),
    ]  # fmt: skip
    refused = scored(verdict("injection", "cut"), outcome="refused", specialist=None)
    assert examples_of(refused, ()) == ((Scope("injection", "", "acme"), ABOVE_ALL, True),)


@pytest.mark.parametrize("detector", ["deny", "secret", "canary", "answer", "tool-call", "personal-data"])
def test_a_rule_that_is_called_as_a_scorer_is_not_the_scorer(detector: str) -> None:
    assert detector_of(verdict(detector, "cut", rule="harm")) == detector
    assert (
        examples_of(scored(verdict(detector, "cut", rule="harm"), outcome="cut", specialist=None), ()) == ()
    )


def test_the_alarms_of_a_scorer_are_its_own() -> None:
    assert detector_of(verdict("score", "observe", rule="harm")) == "harm"
    assert detector_of(verdict("injection", "block", rule="document")) == "injection"


@pytest.mark.parametrize(
    ("said", "is_sound"),
    [(mark(0.0), False), (mark(0.49), False), (mark(0.5), True), (mark(0.0, "rival"), True),
     (mark(None), True), (mark(-3.0), True)],
)  # fmt: skip
def test_what_its_own_tenant_said_was_bad_is_not_sound(said: Feedback, is_sound: bool) -> None:
    assert bool(counted(scored(), mark(1.0), said)) is is_sound


def test_an_answer_in_parts_is_nobodys_own() -> None:
    parts = tuple(PartRecord(number=n, requirement="x", specialist="a", outcome="ok") for n in (1, 2))

    assert examples_of(scored(parts=parts), ()) == ()
