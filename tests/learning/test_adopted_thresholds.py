"""What becomes of a threshold that came of an improvement: when it is in force, and who may move it after that."""

from typing import Any

import msgspec
import pytest
from threshold_samples import HARM, action, evidence

from guardian_cluster.contract.threshold_action import Scope
from guardian_cluster.learning.threshold_ledger import (
    Actions,
    Adoption,
    Draft,
    Undecidable,
    adopted,
    in_force,
    released,
    undone,
    with_drafts,
)

LEARNED = (action("t1", 0.8, evidence=evidence(least=0.7, most=0.9)),)


def adopt(actions: Actions, before: float | None = 0.8, after: float = 0.6, **changes: Any) -> Actions:
    adoption = Adoption(HARM, before, after, "i1")._replace(**changes)
    return adopted(actions, adoption, who="ada", at=500.0)


def test_it_is_in_force_with_the_evidence_of_the_one_before() -> None:
    made = adopt(LEARNED)[-1]

    assert in_force(adopt(LEARNED))[HARM] == made
    assert (made.id, made.before, made.after, made.state, made.who) == ("t2", 0.8, 0.6, "applied", "ada")
    assert (made.improvement, made.evidence.asked) == ("i1", 0.05)
    assert (made.evidence.least, made.evidence.most) == (0.6, 0.9)


def test_it_is_adopted_once() -> None:
    once = adopt(LEARNED)

    assert adopt(once) == once


def test_once_undone_it_is_not_adopted_again() -> None:
    with pytest.raises(Undecidable, match="improvement i1 was undone"):
        adopt(released(adopt(LEARNED), "i1", who="bob", at=600.0))


def test_it_is_adopted_once_although_another_took_its_place() -> None:
    replaced = (*adopt(LEARNED), action("t3", 0.7, decided=900.0))

    assert adopt(replaced) == replaced


def test_one_about_another_threshold_than_the_one_in_force_is_void() -> None:
    with pytest.raises(Undecidable, match=r"another threshold of harm/small/acme is in force.*: 0\.8"):
        adopt(LEARNED, before=0.9)
    with pytest.raises(Undecidable, match="none"):
        adopt((), before=0.9)


def test_the_first_of_its_scope_takes_the_place_of_what_is_reported_without_any() -> None:
    scope = Scope("injection", "", "acme")

    known = adopt((), before=0.5, after=0.4, scope=scope)
    unknown = adopt((), before=None, after=0.4, scope=scope)

    assert [each[-1].before for each in (known, unknown)] == [None, None]
    assert in_force(known)[scope].after == 0.4


def test_a_proposal_of_its_scope_was_about_the_one_before() -> None:
    waiting = (*LEARNED, action("t2", 0.85, state="proposed", decided=None))

    assert [each.state for each in adopt(waiting)] == ["applied", "applied"]


def test_it_is_in_force_although_the_clock_went_back() -> None:
    late = (action("t1", 0.8, decided=9_000.0),)

    assert in_force(adopt(late))[HARM].after == 0.6


@pytest.mark.parametrize("after", [0.55, 0.65])
def test_what_is_learned_later_never_moves_it_without_a_person(after: float) -> None:
    draft = Draft(HARM, 0.6, after, evidence())

    last = with_drafts(adopt(LEARNED), [draft], 600.0)[-1]

    assert (last.state, last.after) == ("proposed", after)


def test_undone_the_one_before_is_in_force_again_and_undoing_it_again_changes_nothing() -> None:
    back = released(adopt(LEARNED), "i1", who="bob", at=600.0)

    assert in_force(back)[HARM].id == "t1"
    assert back[-1].who == "bob"
    assert released(back, "i1", who="eve", at=700.0) == back
    assert released(LEARNED, "i9", who="eve", at=700.0) == LEARNED


def test_undone_by_its_threshold_it_can_still_be_undone_as_an_improvement() -> None:
    back = undone(adopt(LEARNED), "t2", who="bob", at=600.0)

    assert released(back, "i1", who="ada", at=700.0) == back


def test_a_file_of_before_there_were_improvements_can_be_read() -> None:
    written = msgspec.to_builtins(LEARNED[0])
    del written["improvement"]

    assert msgspec.convert(written, type(LEARNED[0])) == LEARNED[0]
