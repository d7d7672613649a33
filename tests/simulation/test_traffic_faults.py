from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean

import pytest

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.domain.diagnosis import CAUSES, Cause
from guardian_cluster.simulation.traffic import CATALOGUE, Planned, Traffic, TrafficWorld, manners, scopes_of
from guardian_cluster.simulation.traffic.faults import Fault

Records = Sequence[RequestRecord]
REFERENCE, AFTER = 300, 200

KNOWN = [(cause, each) for cause in CAUSES for each in CATALOGUE[cause]]


def traffic_of(cause: Cause, manner: str, scopes: Sequence[str]) -> Traffic:
    scope = "everything" if "everything" in scopes else scopes[0]
    plan = Planned(cause=cause, scope=scope, magnitude="large", manner=manner)  # type: ignore[arg-type]
    return TrafficWorld(11).traffic([plan], reference=REFERENCE, after=AFTER, shifts=0.0)


def failing(*codes: str) -> Callable[[Records], float]:
    return lambda records: fmean([any(a.error in codes for a in each.attempts) for each in records])


def found(*rules: str) -> Callable[[Records], float]:
    return lambda records: fmean([any(v.rule in rules for v in each.verdicts) for each in records])


def scoring(detector: str) -> Callable[[Records], float]:
    return lambda records: fmean([s.value for each in records for s in each.scores if s.detector == detector])


def mean_of(name: str) -> Callable[[Records], float]:
    return lambda records: fmean([getattr(each, name) or 0.0 for each in records])


SHOWS: dict[str, Callable[[Records], float]] = {
    "internal-error": failing("upstream_error"),
    "bad-gateway": failing("upstream_error"),
    "unavailable": failing("upstream_error"),
    "unreachable": failing("upstream_unreachable", "upstream_disconnected"),
    "without-retry-after": failing("upstream_rate_limited"),
    "with-retry-after": failing("upstream_rate_limited"),
    "used-up": failing("upstream_rate_limited", "upstream_unpaid"),
    "silent": failing("upstream_timeout"),
    "silent-midway": failing("upstream_timeout"),
    "all-of-it": mean_of("duration_ms"),
    "before-the-first-token": mean_of("first_token_ms"),
    "some-of-them": mean_of("duration_ms"),
    "connection-lost": failing("upstream_disconnected", "upstream_incomplete"),
    "finish-length": found("truncated"),
    "not-the-form": found("format-json", "format-schema"),
    "empty": failing("upstream_empty"),
    "declines": found("refusal-opener"),
    "provider-filter": lambda records: fmean([each.finish_reason == "content_filter" for each in records]),
    "repeats-itself": found("repetition"),
    "beside-the-point": scoring("ungrounded"),
    "out-of-date": scoring("ungrounded"),
    "poisoned": scoring("injection"),
    "long-answers": mean_of("output_tokens"),
    "hidden-reasoning": mean_of("output_tokens"),
    "long-questions": mean_of("input_tokens"),
    "scores": scoring("ungrounded"),
    "false-refusals": found("refusal-opener"),
    "false-leaks": found("phone"),
    "timeout-too-short": failing("upstream_timeout"),
    "answer-limit": failing("upstream_answer_too_large"),
    "few-tokens": found("truncated"),
    "credentials": failing("upstream_credentials_rejected"),
    "not-there": failing("upstream_not_found"),
    "policy-too-strict": found("script-switch"),
    "busy-gateway": mean_of("overhead_ms"),
    "connections": failing("upstream_connections_busy"),
    "no-room": lambda records: fmean([each.error == "specialist_busy" for each in records]),
}
DISLIKED = {
    "declines",
    "provider-filter",
    "silently",
    "repeats-itself",
    "deployed",
    "trial",
    "callers-prompt",
}
PLEASED = {"scores", "false-refusals", "false-leaks", "all-of-it", "long-questions"}


def marks_of(traffic: Traffic, records: Records) -> float:
    last: dict[str, Feedback] = {mark.request_id: mark for mark in traffic.feedback}
    return fmean([last[each.id].score or 0.0 for each in records if each.id in last])


def struck(traffic: Traffic) -> Records:
    return [each for each in traffic.records if each.id in traffic.truths[0].requests]


@pytest.mark.parametrize("fault", [each for _, each in KNOWN], ids=[each.manner for _, each in KNOWN])
def test_a_fault_shows_in_the_records_of_its_slice(fault: type[Fault]) -> None:
    traffic = traffic_of(fault.cause, fault.manner, fault.scopes)
    before, since = traffic.records[:REFERENCE], struck(traffic)

    if (shown := SHOWS.get(fault.manner)) is not None:
        usual = shown(before)
        assert shown(since) > max(1.4 * usual, usual + 0.05)
    if fault.manner in DISLIKED:
        assert marks_of(traffic, since) < marks_of(traffic, before) - 0.25
    if fault.manner in PLEASED:
        assert abs(marks_of(traffic, since) - marks_of(traffic, before)) < 0.15
    assert fault.manner in SHOWS or fault.manner in DISLIKED


def test_every_cause_occurs_and_most_of_them_everywhere() -> None:
    assert all(CATALOGUE[cause] for cause in CAUSES)
    assert sum(len(scopes_of(cause)) == 5 for cause in CAUSES) >= 10
    assert not manners("own_resources", "three")


def test_before_the_onset_nothing_is_struck() -> None:
    traffic = traffic_of("own_resources", "connections", ("everything",))

    assert failing("upstream_connections_busy")(traffic.records[:REFERENCE]) == 0.0


def test_a_request_that_failed_at_one_endpoint_names_the_one_that_answered() -> None:
    plan = Planned(cause="upstream_errors", scope="upstream", magnitude="large", manner="bad-gateway")
    traffic = TrafficWorld(8).traffic([plan], reference=REFERENCE, after=600)
    where = dict(traffic.truths[0].where)

    moved = [
        each
        for each in traffic.records
        if each.outcome == "ok" and any(a.outcome == "failed" for a in each.attempts)
    ]

    assert moved
    assert any(each.endpoint != each.attempts[0].endpoint for each in moved)
    assert set(where) <= {"endpoint", "model"}


def test_a_change_that_brings_a_fault_is_among_the_changes() -> None:
    traffic = traffic_of("own_configuration", "timeout-too-short", ("everything",))
    truth = traffic.truths[0]
    brought = [each for each in traffic.changes if each.id in truth.changes]

    assert {each.kind for each in brought} == {"setting"}
    assert all(each.at == truth.onset and each.rev for each in brought)


def test_a_timeout_that_is_too_short_ends_attempts_at_one_time() -> None:
    traffic = traffic_of("own_configuration", "timeout-too-short", ("everything",))
    late = [a for each in struck(traffic) for a in each.attempts if a.error == "upstream_timeout"]
    answered = [a for each in struck(traffic) for a in each.attempts if a.outcome == "ok"]

    assert max(a.duration_ms for a in late) - min(a.duration_ms for a in late) <= 2.0
    assert max(a.duration_ms for a in answered) < min(a.duration_ms for a in late)


def test_bad_answers_of_one_fault_are_known_again_by_their_fingerprints() -> None:
    traffic = traffic_of("refusal_spike", "declines", ("everything",))
    prints = [
        set(zip(each.fingerprint[::2], each.fingerprint[1::2], strict=True)) for each in struck(traffic)
    ]
    of_fault = [each for each in prints if each]

    alike = [len(one & other) for one, other in pairwise(of_fault)]

    assert fmean(alike) > 4
