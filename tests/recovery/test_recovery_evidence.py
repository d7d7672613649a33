"""What a failure is worth, which requests tell of it, when it is taken up, and how it is known again."""

import pytest
from msgspec.structs import replace
from recovery_samples import NOON, WRITER_1, action, diagnosis, event, incident, observation

from guardian_cluster.domain.action import LimitConcurrency, RenewPool, Reroute, Shed
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import Slice
from guardian_cluster.domain.recovery import FailurePattern
from guardian_cluster.recovery.assessment import LONGEST_S, assess
from guardian_cluster.recovery.evidence import bad_for, concerning, is_telling, losses_of
from guardian_cluster.recovery.incidents import (
    LEFT_BEHIND_S,
    is_covered,
    is_left_behind,
    may_be_taken_up,
    parent_of,
    speaker,
    told,
)
from guardian_cluster.recovery.patterns import known, learned
from guardian_cluster.recovery.validation import still_bad_from, validate

LATER = NOON + 600.0
ACME_AT_1: Slice = (("endpoint", "writer/1"), ("tenant", "acme"))


@pytest.mark.parametrize(
    ("share", "observed", "severity"),
    [(1.0, 0.5, "critical"), (0.5, 0.3, "error"), (0.1, 0.3, "warning"), (0.1, 0.05, "info")],
)
def test_severity_is_whom_it_concerns_times_what_they_lose(
    share: float, observed: float, severity: str
) -> None:
    requests = [
        observation(number, NOON, dimensions={"endpoint": f"writer/{1 if number < 100 * share else 2}"})
        for number in range(100)
    ]

    found = assess(event(expected=0.02, observed=observed), requests, NOON)

    assert (found.severity, found.users_affected) == (severity, share)


def test_a_leak_is_critical_however_few_it_concerns() -> None:
    requests = [observation(number, NOON) for number in range(1_000)]

    assert assess(event(signal="leak", observed=0.03), requests, NOON).severity == "critical"


def test_a_person_is_believed_where_no_record_shows_it() -> None:
    requests = [observation(number, NOON) for number in range(100)]
    nowhere: Slice = (("tenant", "globex"),)

    assert assess(event(where=nowhere, source="person", observed=1.0), requests, NOON).users_affected == 1.0
    assert assess(event(where=nowhere, source="gateway", requests=0), requests, NOON).users_affected == 0.0


def test_the_requests_of_others_make_nothing_less_bad() -> None:
    own = [observation(number, NOON, dimensions={"endpoint": "writer/1"}) for number in range(20)]
    others = [observation(number, NOON, specialist="editor") for number in range(80)]

    assert assess(event(), [*own, *others], NOON).users_affected == 1.0


def test_it_is_known_how_late_failures_are_known() -> None:
    requests = [observation(2 * n, NOON, 1.0, duration_ms=12_000.0) for n in range(20)]
    endless = [observation(2 * n, NOON, 1.0, duration_ms=600_000.0) for n in range(20)]

    assert assess(event(), requests, NOON).known_after_s == 12.0
    assert assess(event(), endless, NOON).known_after_s == LONGEST_S
    assert assess(event(), [], NOON).known_after_s == 0.0


def test_requests_that_may_yet_fail_are_not_counted() -> None:
    requests = [observation(number, NOON + number) for number in range(10)]

    assert len(losses_of(requests, "error", until=NOON + 4.0)) == 5


def test_a_request_that_several_had_counts_once_at_its_worst() -> None:
    failed, answered = observation(1, NOON, 1.0), observation(1, NOON, specialist="editor")

    assert losses_of([failed, answered], "error", until=NOON) == [1.0]


def test_a_useless_drain_is_not_confirmed_by_requests_that_were_well_before() -> None:
    """A fault of one tenant in twenty at one endpoint of two, whose drain changes every tenant's way."""
    failure = event(where=ACME_AT_1, expected=0.02, observed=0.8)
    before = [
        observation(
            n, NOON, dimensions={"endpoint": f"writer/{1 + n % 2}", "tenant": "acme" if n % 20 < 2 else "b"}
        )
        for n in range(400)
    ]
    found = assess(failure, before, NOON)
    drained = action(taken=NOON)
    after = [
        replace(
            each,
            id=f"after-{n}",
            moves=("a1",),
            losses={"error": float(each.dimensions["tenant"] == "acme" and n % 2)},
        )
        for n, each in enumerate(before)
    ]

    concerns = concerning([drained], failure.where)
    seen = losses_of([each for each in after if concerns(each)], "error", until=NOON)
    bad = bad_for(failure, found, [drained])

    assert len(seen) == 40
    assert bad == pytest.approx(still_bad_from(0.02, 0.41))
    assert validate(seen, bad).state != "confirmed"


def test_a_move_that_leaves_requests_where_they_are_is_judged_there() -> None:
    found = replace(assess(event(), [], NOON), alike=0.5)
    renewed = action(move=RenewPool(specialist="writer", endpoint="writer/1"))

    assert bad_for(event(), found, [renewed]) == still_bad_from(0.02, 0.9)
    assert bad_for(event(), found, [action()]) == still_bad_from(0.02, 0.46)


def test_shedding_is_judged_by_whom_it_did_not_refuse() -> None:
    shed = action(move=Shed(specialist="writer", share=0.5))
    refused, served = observation(1, NOON, moves=("a1",)), observation(2, NOON)

    assert list(filter(concerning([shed], ()), [refused, served])) == [served]
    assert list(filter(concerning([action()], ()), [refused, served])) == [refused]


def test_simple_questions_tell_of_who_answers_and_not_of_what_is_asked() -> None:
    assert is_telling(event())
    assert not is_telling(event(signal="quality"))
    assert not is_telling(event(where=ACME_AT_1))


def at_work(**changes: object) -> Incident:
    return incident(state="acting", history=told(incident(), NOON, "it began").history, **changes)


def test_an_incident_is_taken_up_where_nobody_works_on_it() -> None:
    active = [action(incident_id="i1")]

    assert may_be_taken_up(incident(state="detected"), active, NOON)
    assert may_be_taken_up(incident(), [], NOON)
    assert not may_be_taken_up(incident(), active, NOON)
    assert may_be_taken_up(incident(id="i2", parent="i1"), active, NOON)
    assert not may_be_taken_up(at_work(), [], NOON + LEFT_BEHIND_S)
    assert may_be_taken_up(at_work(), [], NOON + LEFT_BEHIND_S + 1)
    for state in ("escalated", "resolved", "learned"):
        assert not may_be_taken_up(incident(state=state), [], NOON + 1e6)


def test_who_waits_for_a_test_is_not_left_behind() -> None:
    assert not is_left_behind(incident(), NOON + 1e6)
    assert is_left_behind(at_work(), NOON + 1e6)


def test_only_the_same_cause_in_a_nested_place_is_folded() -> None:
    parent = incident(cause="hang")
    child = replace(parent, id="i2", key="k2", where=ACME_AT_1)

    assert parent_of(child, [parent]) == parent
    assert parent_of(replace(child, cause="slow", onset=parent.onset + 100.0), [parent]) is None
    assert parent_of(replace(child, where=(("endpoint", "writer/2"),)), [parent]) is None
    assert parent_of(child, [replace(parent, state="resolved")]) is None
    assert parent_of(child, [replace(parent, parent="i0")]) is None
    assert parent_of(parent, [parent]) is None


def test_what_is_done_about_its_parent_is_enough_only_where_it_is_meant_for_it() -> None:
    parent, active = incident(cause="hang"), [action(incident_id="i1")]
    child = replace(parent, id="i2", key="k2", where=ACME_AT_1)
    wide = replace(child, where=())

    assert is_covered(child, parent, active, LATER)
    assert not is_covered(replace(wide, id="i3"), replace(child, id="i1"), active, LATER)
    assert not is_covered(child, parent, [], LATER)
    assert not is_covered(
        replace(child, severity="critical"), replace(parent, severity="info"), active, LATER
    )


def test_what_was_just_done_about_its_parent_may_have_to_show() -> None:
    parent = incident(cause="hang", severity="warning", where=ACME_AT_1)
    child = replace(parent, id="i2", key="k2", cause="slow", where=(), severity="critical")

    assert is_covered(child, replace(parent, state="acting"), [], LATER)
    assert is_covered(child, parent, [action(incident_id="i1", taken=LATER - 1.0)], LATER)
    assert not is_covered(child, parent, [action(incident_id="i1")], LATER)


def test_what_began_together_in_one_place_is_one_fault_that_several_signals_show() -> None:
    parent = incident(cause="hang")
    echo = replace(parent, id="i2", key="k2", cause="slow", where=ACME_AT_1, onset=parent.onset + 20.0)

    assert parent_of(echo, [parent]) == parent
    assert parent_of(replace(echo, onset=parent.onset + 100.0), [parent]) is None
    assert parent_of(replace(echo, where=(("endpoint", "writer/2"),)), [parent]) is None


def test_whoever_is_folded_into_an_open_incident_is_spoken_for_by_that() -> None:
    parent = incident(severity="warning")
    child = replace(parent, id="i2", parent="i1", severity="critical")

    assert speaker(child, parent) == replace(parent, severity="critical")
    assert speaker(child, replace(parent, state="resolved")) == replace(child, parent="")
    assert speaker(child, None) == replace(child, parent="")


def test_the_load_that_came_over_is_folded_into_its_origin() -> None:
    origin = incident(cause="hang")
    backup = incident(id="i2", key="k2", specialist="editor", where=(), cause="slow")

    assert parent_of(backup, [origin]) is None
    assert parent_of(backup, [origin], backed_up=["writer"]) == origin
    assert not is_covered(backup, origin, [action(incident_id="i1")], NOON)


def bad_requests(count: int = 10, **changes: object) -> list[object]:
    return [observation(2 * n, NOON, 1.0, error="upstream_timeout", **changes) for n in range(count)]


def test_a_failure_is_known_again_by_what_its_failures_say() -> None:
    pattern = learned(event(), diagnosis(), bad_requests(), NOON, "drain")  # type: ignore[arg-type]

    assert pattern is not None
    assert (pattern.signature, pattern.helped) == ("upstream_timeout", "drain")
    assert known(event(), bad_requests(), [pattern]) == pattern  # type: ignore[arg-type]
    others = [observation(2 * n, NOON, 1.0, error="upstream_reset") for n in range(10)]
    assert known(event(), others, [pattern]) is None
    assert known(event(signal="quality"), bad_requests(), [pattern]) is None  # type: ignore[arg-type]


def test_what_nothing_helped_against_is_looked_at_anew() -> None:
    pattern = learned(event(), diagnosis(), bad_requests(), NOON, "")  # type: ignore[arg-type]

    assert pattern is not None
    assert known(event(), bad_requests(), [pattern]) is None  # type: ignore[arg-type]


def test_a_pattern_without_mark_and_place_is_none_of_any_failure() -> None:
    vague = FailurePattern(id="p", specialist="writer", cause="hang", signal="error", helped="drain")

    assert known(event(), bad_requests(), [vague]) is None  # type: ignore[arg-type]
    placed = replace(vague, where=WRITER_1)
    assert known(event(), bad_requests(), [placed]) == placed  # type: ignore[arg-type]


def test_what_has_no_cause_teaches_nothing() -> None:
    assert learned(event(), diagnosis(None), [], NOON, "backup") is None


def test_where_only_marks_show_a_failure_only_what_has_a_mark_tells() -> None:
    failure = event(signal="quality", observed=0.15, expected=0.01)
    answers = [
        replace(
            observation(2 * n, NOON, losses={"quality": 1.0 if n % 6 == 0 else 0.0}),
            feedback=0.0 if n % 6 == 0 else None,
        )
        for n in range(60)
    ]
    found = assess(failure, answers, NOON)
    unmarked = [each for each in answers if each.feedback is None]

    assert found.marked == 1.0
    assert bad_for(failure, found, []) == pytest.approx(still_bad_from(0.01, 1.0))
    assert losses_of(answers, "quality", until=NOON, by_marks=True) == [1.0] * 10
    assert losses_of(unmarked, "quality", until=NOON, by_marks=True) == []


@pytest.mark.parametrize(("signal", "unmarked"), [("quality", 0.9), ("error", 0.0)])
def test_where_every_answer_shows_a_failure_all_of_them_tell(signal: str, unmarked: float) -> None:
    answers = [
        replace(
            observation(2 * n, NOON, losses={signal: 1.0 if n % 6 == 0 else unmarked}),
            feedback=0.0 if n % 6 == 0 else None,
        )
        for n in range(60)
    ]

    assert assess(event(signal=signal), answers, NOON).marked is None


def test_an_answer_that_never_came_is_lost_whatever_the_signal() -> None:
    failed = observation(1, NOON, outcome="error", losses={})
    full = observation(2, NOON, outcome="refused", error="specialist_busy", losses={})
    refused = observation(3, NOON, outcome="refused", error="quota_exceeded", losses={})

    assert losses_of([failed, full, refused], "latency", until=NOON) == [1.0, 1.0]


def test_what_relieves_everybody_is_judged_by_everybody() -> None:
    half = action(move=Reroute(specialist="writer", to="editor", share=0.5))
    backup = action(move=Reroute(specialist="writer", to="editor", as_backup=True))
    fewer = action(move=LimitConcurrency(specialist="writer", endpoint="writer/1", most=2))
    moved, left = observation(1, NOON, moves=("a1",)), observation(2, NOON)

    for taken in (half, fewer):
        assert list(filter(concerning([taken], ()), [moved, left])) == [moved, left]
    assert list(filter(concerning([backup], ()), [moved, left])) == [moved]
