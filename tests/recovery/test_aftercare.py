"""Aftercare: an action is undone only after a trial was confirmed, and lapses at its time."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from recovery_samples import NOON, action, incident, observation

from guardian_cluster.domain.action import (
    Action,
    Drain,
    LimitConcurrency,
    RenewPool,
    Reroute,
    Shed,
    UseVariant,
)
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import TRIED, Observation, Try
from guardian_cluster.recovery.aftercare import (
    AT_MOST_S,
    FIRST_TRIAL_S,
    LONGEST_PAUSE_S,
    TRIAL_S,
    Due,
    Trial,
    care,
    first_trial,
    telling,
    with_trial,
)
from guardian_cluster.recovery.following import Following

BAD = 0.46
HOLD_S = 900.0

_moves = st.sampled_from(
    [
        Drain(specialist="writer", endpoint="writer/1"),
        Reroute(specialist="writer", to="editor", as_backup=True),
        LimitConcurrency(specialist="writer", endpoint="writer/1", most=2),
        UseVariant(specialist="writer", variant="v1"),
        RenewPool(specialist="writer", endpoint="writer/1"),
        Shed(specialist="writer", share=0.5),
    ]
)


def tried(losses: list[float], *, mark: str = "a1" + TRIED, **changes: object) -> list[Observation]:
    """Return requests since noon that tried the old way."""
    return [
        observation(number, NOON + number / 100, loss, moves=(mark,), **changes)
        for number, loss in enumerate(losses)
    ]


def due(
    taken: Action,
    now: float,
    requests: list[Observation] | None = None,
    trial: Trial | None = None,
    of: Incident | None = None,
) -> Due | None:
    mine = of or incident()
    tells, losses = telling(taken, trial, mine), list[float]()
    if tells is not None:
        losses = Following(tells[0]).take(requests or [], now - mine.known_after_s, tells[1])
    return care(taken, trial, losses, mine, now, hold_s=HOLD_S)


UNDER_WAY = Trial(begun=NOON, next=NOON)


@given(
    _moves,
    st.lists(st.sampled_from([0.0, 0.2, 1.0]), max_size=60),
    st.floats(0.0, 2 * AT_MOST_S),
    st.booleans(),
    st.sampled_from(["acting", "validating", "escalated"]),
    st.sampled_from([None, UNDER_WAY, Trial(next=NOON + 50.0)]),
)
def test_an_action_ends_only_at_its_time_or_by_a_test(
    move: Drain, losses: list[float], after_s: float, is_confirmed: bool, state: str, trial: Trial | None
) -> None:
    taken = action(move=move, until=NOON + AT_MOST_S)
    mine = incident(state=state, mitigated=NOON if is_confirmed else None)
    requests = [*tried(losses), *tried(losses, mark="a1")]
    now = NOON + after_s

    found = due(taken, now, requests, trial, mine)

    if now >= taken.until:
        assert found is not None
        assert found.verb == "lapse"
    elif state == "acting":
        assert found is None
    elif found is not None and found.verb == "undo":
        assert isinstance(move, Drain | Reroute)
        assert trial is UNDER_WAY
        assert sum(losses) / len(losses) < BAD
    elif found is not None and found.verb in ("confirm", "fail"):
        assert not is_confirmed
    elif found is not None:
        assert is_confirmed


def test_a_trial_that_goes_well_ends_the_action() -> None:
    found = due(action(), NOON + 30.0, tried([0.0] * 30), UNDER_WAY)

    assert found is not None
    assert found.verb == "undo"


def test_requests_that_had_to_be_answered_elsewhere_are_none_that_went_well() -> None:
    failed = (Try(endpoint="writer/1", outcome="failed"), Try(endpoint="writer/2", outcome="ok"))

    found = due(action(), NOON + 30.0, tried([0.0] * 30, tries=failed), UNDER_WAY)

    assert found is not None
    assert found.verb == "stop_trying"


def test_requests_of_others_or_without_the_mark_say_nothing_of_a_trial() -> None:
    others = [
        *tried([0.0] * 30, mark="a1"),
        *tried([0.0] * 30, mark="a2" + TRIED),
        *tried([0.0] * 30, specialist="editor"),
    ]

    assert due(action(), NOON + 30.0, others, UNDER_WAY) is None


def test_a_fault_of_one_tenant_is_tried_by_that_tenant() -> None:
    acmes = incident(where=(("endpoint", "writer/1"), ("tenant", "acme")))
    others = tried([0.0] * 30, dimensions={"tenant": "globex"})

    assert due(action(), NOON + 30.0, others, UNDER_WAY, acmes) is None


def test_those_that_may_yet_fail_are_waited_for() -> None:
    hanging = incident(known_after_s=60.0)

    assert due(action(), NOON + 30.0, tried([0.0] * 30), UNDER_WAY, hanging) is None
    found = due(action(), NOON + 70.0, tried([0.0] * 30), UNDER_WAY, hanging)
    assert found is not None
    assert found.verb == "undo"


@pytest.mark.parametrize("losses", [[1.0, 1.0, 1.0], []])
def test_a_trial_that_nobody_takes_or_that_leans_to_bad_ends(losses: list[float]) -> None:
    late = NOON + TRIAL_S + 1.0
    found = due(action(), late, tried(losses), UNDER_WAY)

    assert due(action(), NOON + TRIAL_S - 1.0, tried(losses), UNDER_WAY) is None
    assert due(action(), late, tried([0.0]), UNDER_WAY) is None
    assert found is not None
    assert (found.verb, found.trial.begun) == ("stop_trying", None)


def test_a_trial_ends_as_soon_as_it_rather_fails() -> None:
    found = due(action(), NOON + 10.0, tried([1.0] * 4), UNDER_WAY)

    assert due(action(), NOON + 10.0, tried([1.0] * 3), UNDER_WAY) is None
    assert found is not None
    assert found.verb == "stop_trying"


def test_an_action_is_made_to_last_while_a_trial_is_under_way() -> None:
    found = due(action(until=NOON + 61.0), NOON + 60.0, tried([0.0]), UNDER_WAY)

    assert found is not None
    assert found.verb == "extend"


def test_pauses_double_up_to_the_longest() -> None:
    trial, now, pauses = first_trial(action(), incident()), NOON + 30.0, list[float]()
    for _ in range(10):
        taken = action(until=now + AT_MOST_S)
        found = due(taken, now, tried([1.0] * 60), replace(trial, begun=NOON))
        assert found is not None
        pauses.append(found.trial.next - now)
        trial, now = found.trial, found.trial.next

    assert pauses[0] == 2 * FIRST_TRIAL_S
    assert all(later == min(2 * sooner, LONGEST_PAUSE_S) for sooner, later in itertools.pairwise(pauses))
    assert pauses[-1] == LONGEST_PAUSE_S


def test_what_keeps_coming_back_is_tried_later() -> None:
    pauses = [first_trial(action(), incident(flaps=flaps)).pause_s for flaps in (0, 1, 3, 100)]

    assert pauses == [60.0, 120.0, 480.0, LONGEST_PAUSE_S]


def test_what_is_needed_lasts_by_one_hold_at_a_time_and_a_day_at_most() -> None:
    near = NOON + 900.0 - HOLD_S / 4
    resting = Trial(next=NOON + AT_MOST_S)
    found = due(action(), near, trial=resting)

    assert found is not None
    assert (found.verb, found.action.until) == ("extend", near + HOLD_S)
    old = action(taken=NOON - AT_MOST_S - 1.0)
    assert due(old, near, trial=resting) is None


def test_what_costs_its_users_or_was_never_confirmed_is_not_made_to_last() -> None:
    near, resting = NOON + 890.0, Trial(next=NOON + AT_MOST_S)

    assert due(action(move=Shed(specialist="writer", share=0.5)), near, trial=resting) is None
    assert due(action(), near, trial=resting, of=incident(mitigated=None)) is None


def test_what_a_recovery_could_not_decide_is_decided_here() -> None:
    undecided = incident(mitigated=None)
    well, bad = tried([0.0] * 60, mark="a1"), tried([1.0] * 60, mark="a1")

    assert getattr(due(action(), NOON + 60.0, well, of=undecided), "verb", "") == "confirm"
    assert getattr(due(action(), NOON + 60.0, bad, of=undecided), "verb", "") == "fail"
    assert due(action(), NOON + 60.0, [], of=undecided) is None


def test_what_a_person_does_is_left_alone_until_its_time() -> None:
    theirs = action(loop="person", until=NOON + 100.0)

    assert due(theirs, NOON + 99.0, tried([0.0] * 60), UNDER_WAY) is None
    assert getattr(due(theirs, NOON + 100.0), "verb", "") == "lapse"


def test_only_the_requests_that_are_needed_are_asked_for() -> None:
    taken = action()

    in_trial = telling(taken, Trial(begun=NOON + 9, next=0.0), incident())
    unconfirmed = telling(taken, None, incident(mitigated=None))

    assert telling(taken, None, incident()) is None
    assert in_trial is not None
    assert unconfirmed is not None
    assert (in_trial[0], unconfirmed[0]) == (NOON + 9, NOON)


def test_a_trial_and_its_end_leave_the_move_as_it_was() -> None:
    for move in (Drain(specialist="writer"), Reroute(specialist="writer", to="editor", as_backup=True)):
        taken = action(move=move)
        trying = with_trial(taken, 0.05)

        assert trying != taken
        assert with_trial(trying, 0.0) == taken
