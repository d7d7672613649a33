from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threshold_samples import HARM, action, evidence

from guardian_cluster.learning.threshold_ledger import (
    MAX_ACTIONS,
    Actions,
    Draft,
    Undecidable,
    applied,
    in_force,
    pending,
    undone,
    with_drafts,
)


def draft(before: float | None, after: float, **changes: Any) -> Draft:
    return Draft(HARM, before, after, evidence())._replace(**changes)


def force(actions: Actions) -> float | None:
    current = in_force(actions).get(HARM)
    return None if current is None else current.after


def states(actions: Actions) -> list[str]:
    return [each.state for each in actions]


def test_the_first_threshold_and_a_stricter_one_are_applied_by_themselves() -> None:
    first = with_drafts((), [draft(None, 0.8)], 1.0)
    second = with_drafts(first, [draft(0.8, 0.7)], 2.0)

    assert (states(second), force(second)) == (["applied", "applied"], 0.7)
    assert [each.id for each in second] == ["t1", "t2"]
    assert second[1].before == 0.8


def test_one_that_reports_less_is_only_proposed() -> None:
    actions = with_drafts((action(after=0.8),), [draft(0.8, 0.9)], 2.0)

    assert (states(actions), force(actions)) == (["applied", "proposed"], 0.8)


@pytest.mark.parametrize(("after", "state"), [(0.4, "applied"), (0.6, "proposed")])
def test_the_first_one_of_a_detector_that_reports_already_may_not_weaken_it(after: float, state: str) -> None:
    injection = HARM._replace(detector="injection")

    (made,) = with_drafts((), [draft(None, after, scope=injection)], 1.0)

    assert made.state == state


def test_a_proposal_takes_the_place_of_the_last_one() -> None:
    actions = with_drafts((action(after=0.8),), [draft(0.8, 0.9), draft(0.8, 0.95)], 2.0)

    assert [(each.id, each.after) for each in actions] == [("t1", 0.8), ("t3", 0.95)]
    assert pending(actions)[HARM].id == "t3"


def test_nothing_comes_of_what_was_learned_about_another_threshold() -> None:
    before = (action(after=0.8),)

    assert with_drafts(before, [draft(None, 0.5), draft(0.7, 0.5)], 2.0) == before


def test_a_draft_that_is_not_free_is_only_proposed() -> None:
    assert states(with_drafts((), [draft(None, 0.5, is_free=False)], 1.0)) == ["proposed"]


def test_undoing_brings_back_the_one_before_and_then_none() -> None:
    actions = with_drafts(with_drafts((), [draft(None, 0.8)], 1.0), [draft(0.8, 0.7)], 2.0)

    once = undone(actions, "t2", who="me", at=3.0)
    twice = undone(once, "t1", who="me", at=4.0)

    assert (force(once), force(twice)) == (0.8, None)
    assert (twice[1].who, twice[1].decided) == ("me", 3.0)


def test_after_an_undoing_new_ones_are_only_proposed_until_a_person_applies_one() -> None:
    held = undone((action(after=0.8),), "t1", who="me", at=500.0)

    proposed = with_drafts(held, [draft(None, 0.6)], 501.0)
    agreed = applied(proposed, "t2", who="me", at=502.0)
    free = with_drafts(agreed, [draft(0.6, 0.5)], 503.0)

    assert states(proposed) == ["undone", "proposed"]
    assert (states(free), force(free)) == (["undone", "applied", "applied"], 0.5)


def test_an_older_threshold_can_be_applied_again_and_says_what_it_took_the_place_of() -> None:
    actions = (action(after=0.8), action("t2", 0.7, decided=500.0))

    again = applied(actions, "t1", who="me", at=1.0)  # a clock that was set back

    assert force(again) == 0.8
    assert in_force(again)[HARM].before == 0.7


def test_what_cannot_be_decided_is_said() -> None:
    with pytest.raises(Undecidable, match="no threshold t9"):
        applied((), "t9", who="me", at=1.0)
    with pytest.raises(Undecidable, match="in force already"):
        applied((action(),), "t1", who="me", at=1.0)
    with pytest.raises(Undecidable, match="undone already"):
        undone((action(state="undone"),), "t1", who="me", at=1.0)


def test_of_too_many_the_oldest_go_and_never_one_that_is_in_force() -> None:
    other = HARM._replace(tenant="quiet")
    actions: Actions = (action("t0", tenant=other.tenant),)
    value = 1.0
    for number in range(MAX_ACTIONS + 20):
        current = in_force(actions).get(HARM)
        value *= 0.999
        actions = with_drafts(actions, [draft(current and current.after, value)], float(number))

    assert len(actions) == MAX_ACTIONS
    assert in_force(actions)[other].id == "t0"
    assert force(undone(actions, actions[-1].id, who="me", at=1e9)) == actions[-2].after


steps = st.lists(
    st.tuples(st.sampled_from(["learn", "apply", "undo"]), st.floats(0, 1), st.integers(1, 9)), max_size=25
)


@given(steps)
def test_without_a_person_the_threshold_never_rises(given_steps: list[tuple[str, float, int]]) -> None:
    actions: Actions = ()
    for at, (kind, value, number) in enumerate(given_steps):
        before = force(actions)
        if kind == "learn":
            actions = with_drafts(actions, [draft(before, value)], float(at))
            now = force(actions)
            assert before is None or (now is not None and now <= before)
        else:
            decide = applied if kind == "apply" else undone
            try:
                actions = decide(actions, f"t{number}", who="me", at=float(at))
            except Undecidable:
                continue
    assert len({each.id for each in actions}) == len(actions)
    assert msgspec.json.decode(msgspec.json.encode(actions), type=Actions) == actions
