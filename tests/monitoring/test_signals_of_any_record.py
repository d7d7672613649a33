"""Observations of whatever a record or a caller may say: bounded, and of the right ones."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import NOON, request_record

from guardian_cluster.contract.records import AttemptRecord, Feedback, ScoreRecord, VerdictRecord
from guardian_cluster.domain.observation import SIGNALS, Observation
from guardian_cluster.monitoring.signals import MAX_VERDICTS, Budgets, observation_of
from guardian_cluster.statistics.word_numbers import packed


def said(score: float | None, *, at: float = NOON, tenant: str = "acme", id: str = "r1") -> Feedback:
    return Feedback(request_id=id, tenant=tenant, received=at, score=score)


def found(*feedback: Feedback, **changes: Any) -> Observation:
    observation = observation_of(request_record(**changes), feedback)
    assert observation is not None
    return observation


def attempt(outcome: Any, specialist: str = "solver", error: str | None = None) -> AttemptRecord:
    return AttemptRecord(
        specialist=specialist, endpoint=f"{specialist}/1", outcome=outcome, error=error, duration_ms=1.0
    )


def verdict(detector: str, rule: str = "x", channel: str = "content") -> VerdictRecord:
    return VerdictRecord(detector=detector, rule=rule, action="redact", channel=channel, choice=0, position=0)


def test_the_last_mark_of_the_own_tenant_counts_in_whatever_order_marks_came():
    first, last = said(1.0, at=NOON + 5), said(0.25, at=NOON + 86_400 * 3)

    assert found(first, last).losses["quality"] == 0.75
    assert found(last, first).losses["quality"] == 0.75
    assert found(last, first, quality=1.0).feedback == 0.25
    assert found(said(0.1), said(0.9)).losses["quality"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    "mark", [said(0.0, tenant="rival"), said(0.0, id="r2"), said(None), said(math.nan), said(-1.0), said(2.0)]
)
def test_no_other_mark_counts(mark: Feedback):
    assert (found(mark, quality=1.0).losses["quality"], found(mark).feedback) == (0.0, None)
    assert found(said(0.5), mark).feedback == 0.5


def test_a_mark_on_an_answer_that_did_not_come_says_nothing_of_answers():
    assert "quality" not in found(said(0.0), outcome="error", error="upstream_error").losses


def test_errors_are_those_of_the_specialist_itself():
    own = (attempt("failed", error="upstream_error"), attempt("ok"))
    others = (attempt("failed", "other", error="upstream_error"), attempt("ok"))
    withheld = (attempt("failed", error="answer_blocked"), attempt("ok"))
    loser = (attempt("cancelled"), attempt("ok"))

    losses = [found(attempts=each).losses["error"] for each in (own, others, withheld, loser)]
    assert losses == [1.0, 0.0, 0.0, 0.0]


def test_a_failure_keeps_what_was_found_before_it():
    failed = found(
        outcome="error",
        error="upstream_disconnected",
        quality=0.5,
        verdicts=(verdict("answer", "refusal-opener"),),
    )

    assert failed.losses == {"error": 1.0, "leak": 0.0, "refusal": 1.0}


@pytest.mark.parametrize(
    ("channel", "is_leak"),
    [
        ("content", True), ("tool_calls.0.function.arguments", True), ("function_call.arguments", True),
        ("message.*", True), ("", True), ("messages[12].content", False), ("tools.*", False), ("history", False),
        ("history.content", False), ("metadata", False),
    ],
)  # fmt: skip
def test_the_place_of_a_finding_tells_whose_it_is(channel: str, is_leak: bool):
    observation = found(verdicts=(verdict("secret", "key", channel),))

    assert observation.losses["leak"] == float(is_leak)
    assert observation.verdicts == (("secret/key" if is_leak else "request:secret/key"),)


def test_what_reveals_nothing_is_no_leak():
    for detector in (
        "answer",
        "score",
        "injection",
        "invisible-characters",
        "failed",
        "validation",
        "tool-call",
    ):
        assert found(verdicts=(verdict(detector),)).losses["leak"] == 0.0


def test_a_fingerprint_is_read_as_it_was_written():
    assert found(fingerprint=packed([1, 65_535, 258])).fingerprint == (1, 65_535, 258)
    assert found(fingerprint=b"\x01").fingerprint == ()


_numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 0.5, 1.0])
_records = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(["chat", "embeddings"]),
        "outcome": st.sampled_from(["ok", "cut", "error", "cancelled", "refused"]),
        "error": st.sampled_from([None, "answer_blocked", "upstream_error"]),
        "streamed": st.booleans(),
        "quality": st.none() | st.floats(-2, 2),
        "intent_alignment": st.none() | st.floats(-2, 2),
        "finish_reason": st.sampled_from([None, "stop", "content_filter", "\x1b"]),
        "verdicts": st.lists(
            st.builds(verdict, st.text(max_size=9), st.text(max_size=9), st.text(max_size=9)), max_size=90
        ).map(tuple),
        "scores": st.lists(
            st.builds(ScoreRecord, detector=st.just("ungrounded"), value=st.floats(-1, 2))
        ).map(tuple),
        "attempts": st.lists(st.builds(attempt, st.sampled_from(["ok", "failed", "cut"]))).map(tuple),
        "fingerprint": st.binary(max_size=40),
        "words": st.binary(max_size=40),
        "duration_ms": st.floats(0, 1e9),
        "cost_usd": st.floats(0, 1e9),
    }
)


@settings(max_examples=100)
@given(_records, st.lists(st.builds(said, st.none() | _numbers, at=st.floats(0, 1e10)), max_size=4))
def test_losses_are_shares_whatever_a_record_says(changes: dict[str, Any], feedback: list[Feedback]):
    budgets = Budgets(whole_ms=10.0, first_token_ms=10.0, cost_usd=0.1)
    observation = observation_of(request_record(**changes), feedback, budgets=budgets, topic="t01")

    assert observation is not None
    assert observation.losses.keys() <= set(SIGNALS)
    assert all(0.0 <= loss <= 1.0 for loss in observation.losses.values())
    assert len(observation.verdicts) <= MAX_VERDICTS
    assert observation.feedback is None or 0.0 <= observation.feedback <= 1.0
    if changes["outcome"] == "refused":
        assert observation.losses == {}
