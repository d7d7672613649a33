"""An answer that was held back, for another specialist's was better, tells of who gave it: that it came, and when."""

from typing import Any

import msgspec
from sample_records import request_record

from guardian_cluster.contract.records import AttemptRecord, RequestRecord, VerdictRecord
from guardian_cluster.domain.observation import Observation
from guardian_cluster.monitoring.signals import Budgets, observations_of


def tried(specialist: str, outcome: Any = "ok", **more: Any) -> AttemptRecord:
    values = {"endpoint": f"{specialist}/1", "duration_ms": 300.0, "first_token_ms": 100.0, "cost_usd": 0.01}
    return AttemptRecord(specialist=specialist, outcome=outcome, **(values | more))


def climbed(*attempts: AttemptRecord, **more: Any) -> RequestRecord:
    """Return a request that `strong` answered in the end."""
    values = {"specialist": "strong", "endpoint": "strong/1", "model": "large", "quality": 1.0}
    return request_record("r1", attempts=(*attempts, tried("strong")), **(values | more))


def seen(record: RequestRecord, **budgets: float) -> Observation:
    """Return the request as it was for `weak`."""
    (found,) = [
        each
        for each in observations_of(record, budgets=lambda name: Budgets(**budgets))
        if each.specialist == "weak"
    ]
    return found


def test_who_was_asked_first_and_not_believed_has_answered_in_its_own_time() -> None:
    found = seen(climbed(tried("weak")), whole_ms=200.0)

    assert (found.outcome, found.losses) == ("ok", {"error": 0.0, "latency": 1.0})
    assert (found.dimensions["endpoint"], found.duration_ms) == ("weak/1", 300.0)
    assert "model" not in found.dimensions  # that of the record is the other one's


def test_of_a_stream_the_first_word_of_the_held_answer_counts() -> None:
    record = climbed(tried("weak"), streamed=True)

    assert seen(record, whole_ms=1.0, first_token_ms=150.0).losses["latency"] == 0.0
    assert seen(record, first_token_ms=50.0).losses["latency"] == 1.0


def test_an_attempt_that_failed_before_it_counts_as_an_error_and_as_time() -> None:
    failed = tried("weak", "failed", error="upstream_error", duration_ms=500.0)

    found = seen(climbed(failed, tried("weak")), whole_ms=600.0)

    assert (found.outcome, found.losses) == ("ok", {"error": 1.0, "latency": 1.0})
    assert seen(climbed(tried("weak")), whole_ms=600.0).losses["latency"] == 0.0


def test_what_it_cost_and_how_good_it_was_stays_with_the_answer_that_left() -> None:
    record = climbed(tried("weak"), cost_usd=0.05)
    observed = {
        each.specialist: each
        for each in observations_of(record, budgets=lambda name: Budgets(cost_usd=0.001))
    }

    assert "cost" not in observed["weak"].losses
    assert "quality" not in observed["weak"].losses
    assert sum(each.cost_usd for each in observed.values()) == record.cost_usd
    assert {"cost", "quality"} <= observed["strong"].losses.keys()


def test_without_a_budget_nothing_is_said_of_its_time() -> None:
    assert seen(climbed(tried("weak"))).losses == {"error": 0.0}


def test_one_that_only_failed_is_an_error_as_before() -> None:
    found = seen(climbed(tried("weak", "failed", error="upstream_timeout")), whole_ms=1.0)

    assert (found.outcome, found.error, found.losses) == ("error", "upstream_timeout", {"error": 1.0})


def test_one_that_was_called_off_says_nothing() -> None:
    found = observations_of(climbed(tried("weak", "cancelled")), budgets=lambda name: Budgets())

    assert [each.specialist for each in found] == ["strong"]


def test_of_a_request_in_parts_whoever_answered_a_part_is_not_told_apart() -> None:
    record = climbed(tried("weak"), specialist=None, endpoint=None)

    assert observations_of(record, budgets=lambda name: Budgets()) == ()


def test_what_was_found_in_an_answer_counts_against_whoever_wrote_it() -> None:
    chatty = VerdictRecord(
        detector="answer", rule="format-json", action="retry", channel="content", choice=0, position=0,
        endpoint="weak/1",
    )  # fmt: skip
    asked = msgspec.structs.replace(
        chatty, detector="personal-data", rule="email", channel="history", endpoint=""
    )
    withheld = tried("weak", "failed", error="answer_blocked")
    record = climbed(withheld, verdicts=(chatty, asked))

    observed = {each.specialist: each for each in observations_of(record, budgets=lambda name: Budgets())}

    weak, strong = observed["weak"], observed["strong"]
    assert (weak.losses["format"], weak.losses["error"], weak.outcome) == (1.0, 0.0, "error")
    assert weak.verdicts == ("answer/format-json",)
    assert strong.losses["format"] == 0.0
    assert strong.verdicts == ("request:personal-data/email",)
    assert [each.endpoint for each in strong.tries] == ["strong/1"]
