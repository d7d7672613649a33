"""The recovery benchmark: faults strike whom they say, what callers lose is known, and figures say what was played."""

import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import recovery as benchmark
from benchmarks.recovery_world.callers import ASKED, CLERK, WRITER, Question, questions
from benchmarks.recovery_world.done import Done
from benchmarks.recovery_world.faults import ILLS, SCOPES, Case, Strike, drawn, some_singles, twos
from benchmarks.recovery_world.figures import figures
from benchmarks.recovery_world.house import ENDPOINTS, MODEL_ENDPOINTS, NEW_INSTRUCTIONS
from benchmarks.recovery_world.pages import flaps, outage
from benchmarks.recovery_world.play import Plan, Played, play
from benchmarks.recovery_world.quiet import quiet_days
from benchmarks.recovery_world.scoring import Score, is_well, score, turn
from benchmarks.recovery_world.wording import CHATTY, LOOP, REFUSAL, loss_of, right, wrong
from guardian_cluster.domain.action import Action, Drain, Scope
from guardian_cluster.simulation.request import ModelRequest

SOME = list(questions(7, 20.0))
EVERYTHING = Strike("useless", "whole", "", 1.0)


def sent(question: Question, *, instructions: str = "") -> ModelRequest:
    """Return a question as a model hears it."""
    body: dict[str, Any] = question.body()
    if instructions:
        body["messages"] = [{"role": "system", "content": instructions}, *body["messages"]]
    return ModelRequest(
        number=0,
        method="POST",
        path="/v1/chat/completions",
        query="",
        headers={},
        raw=msgspec.json.encode(body),
        body=body,
    )


def test_the_same_seed_asks_the_same_at_the_rates_of_each_specialist() -> None:
    assert list(questions(7, 20.0)) == SOME
    assert len({each.number for each in SOME}) == len(SOME)
    writers = sum(each.specialist == WRITER for each in SOME)
    assert writers == pytest.approx(20.0 * ASKED[WRITER], rel=0.2)


@pytest.mark.parametrize("question", SOME[:20], ids=lambda each: f"{each.kind}-{each.language}")
def test_what_a_caller_lost_is_known_from_what_it_was_told(question: Question) -> None:
    request = sent(question)
    said = right(request)

    assert loss_of(question, said, 0.3) is None
    assert loss_of(question, said, 9.0) == "late"
    assert loss_of(question, wrong(request), 0.3) == "wrong"
    assert loss_of(question, said + LOOP, 0.3) == ("format" if question.kind == "json" else "wrong")
    assert loss_of(question, REFUSAL, 0.3) == "refusal"
    assert loss_of(question, CHATTY, 0.3) == ("format" if question.kind == "json" else "wrong")
    if question.kind == "prose":
        assert loss_of(question, said[:60], 0.3) == "truncated"


@pytest.mark.parametrize("ill", list(ILLS))
def test_a_fault_strikes_those_it_concerns_and_nobody_else(ill: str) -> None:
    rng = random.Random(3)
    writers = [each for each in SOME if each.specialist == WRITER]
    for scope in SCOPES[ill]:
        strike = drawn(ill, scope, rng)
        struck = {
            each.number for each in writers if strike.meets(sent(each, instructions=NEW_INSTRUCTIONS), 0.0)
        }
        assert struck == {each.number for each in writers if strike.concerns(each)}
        assert struck
        assert set(strike.endpoints()) <= set(ENDPOINTS)
        assert not any(strike.meets(sent(each), 1.0) for each in writers)


def test_a_fault_of_a_variant_leaves_the_other_alone() -> None:
    strike = Strike("refuses", "variant", NEW_INSTRUCTIONS, 1.0)

    assert not any(strike.meets(sent(each), 0.0) for each in SOME)


def test_all_faults_are_played_in_all_their_scopes() -> None:
    names = {(each.strikes[0].ill, each.strikes[0].scope) for each in some_singles(1)}
    both = twos(1, 12)

    assert names == {(ill, scope) for ill in ILLS for scope in SCOPES[ill]}
    assert [case.is_soft for case in some_singles(1, 4)] == [True, False, True, False]
    assert len(both) == 12
    assert {each.specialist for case in both for each in case.strikes} == {WRITER, CLERK}
    assert all(case.strikes[0].ill != case.strikes[1].ill for case in both)


@pytest.mark.parametrize(
    ("lost", "at"),
    [
        ("", 0),
        ("." * 300, 0),
        ("x" * 20 + "." * 300, 20),
        ("x.x.x.xx.x" * 4 + "." * 400, 40),
        ("." * 6 + "x" * 30 + "." * 300, 36),
        ("x" * 30 + "." * 600 + "xxx" + "." * 200, 30),
    ],
)
def test_losses_are_usual_again_from_their_likeliest_change_on(lost: str, at: int) -> None:
    assert turn([each == "x" for each in lost]) == at


@pytest.fixture(scope="module")
def alone() -> Played:
    return play(Case(5, (EVERYTHING,)), "failover", Plan(calm_s=6.0, struck_s=12.0))


def test_nothing_is_lost_before_the_fault_and_everything_after_it_where_nobody_acts(alone: Played) -> None:
    before, after = alone.concerned(0.0, 6.0), alone.concerned(6.5, 18.0)

    assert not any(each.is_lost for each in before)
    assert all(each.is_lost or each.is_usual for each in after)
    assert not is_well(alone, 18.0)
    found = score(alone)
    assert (found.recovered, found.mitigated_s, found.error_minutes) == (False, None, 0.0)
    assert found.quality_minutes == pytest.approx(12.0 / 60.0, rel=0.1)
    assert found.lost.keys() == {"wrong"}


def test_failover_serves_the_callers_of_an_endpoint_that_fails() -> None:
    at_one = Strike("errors", "endpoint", f"{WRITER}/1", 1.0)
    found = score(play(Case(6, (at_one,)), "failover", Plan(calm_s=6.0, struck_s=12.0)))

    assert found.recovered
    assert found.minutes < 0.02


def test_guardians_repair_a_specialist_whose_models_all_refuse() -> None:
    case = Case(8, (Strike("refuses", "whole", "", 1.0),))
    played = play(case, "guarded", Plan(calm_s=20.0, struck_s=25.0))
    found = score(played)

    assert played.done.actions
    assert found.acted_s is not None
    assert not any(each.is_lost for each in played.concerned(36.0, 45.0))
    assert found.left_undone == 0
    assert found.harm_minutes == 0


def action(id: str, taken: float, state: Any = "active", specialist: str = WRITER) -> Action:
    endpoint = MODEL_ENDPOINTS[specialist]
    first = next(iter(endpoint.values()))[0]
    return Action(
        id=id,
        move=Drain(specialist=specialist, endpoint=first),
        scope=Scope(specialist=specialist, endpoint=first),
        state=state,
        taken=taken,
        until=taken + 900.0,
    )


def test_actions_before_the_fault_or_elsewhere_have_strayed_and_what_has_ended_may_not_stand() -> None:
    actions = (
        action("a", 5.0),
        action("b", 20.0),
        action("c", 21.0, "undone"),
        action("d", 22.0, "active", CLERK),
    )
    done = Done(actions=(*actions, action("e", 1.0, "refused")), in_force=frozenset({"a", "b", "c"}))

    assert done.strayed(10.0, {WRITER}) == 2
    assert done.first_action_s(10.0) == 10.0
    assert done.left_undone == 1


def scored(arm: Any, minutes: float, **changes: Any) -> Score:
    values: dict[str, Any] = {
        "case": Case(1, (EVERYTHING,)), "arm": arm, "recovered": False, "error_minutes": 0.0,
        "quality_minutes": minutes, "lost": {"wrong": 9}, "mitigated_s": None, "struck_s": 60.0,
    }  # fmt: skip
    return Score(**(values | changes))


def test_the_figures_hold_against_the_better_baseline() -> None:
    ours = scored("guarded", 0.5, recovered=True, mitigated_s=12.0, harm_minutes=0.03, left_undone=1)
    again = [replace(ours, again_s=6.0), replace(ours, again_s=None), replace(ours, again_s=3.0)]

    found = figures([scored("failover", 3.0), scored("fallback", 2.0), ours], again)

    assert found["minutes_v_better_baseline"] == 0.25
    assert found["quality_minutes_v_better_baseline"] == 0.25
    assert found["error_minutes_v_better_baseline"] is None
    assert found["recovered_rate"] == found["recovered_rate_where_needed"] == 1.0
    assert found["detect_to_mitigate_median_s"] == 12.0
    assert found["harm_share_of_saved"] == pytest.approx(0.02)
    assert found["left_undone"] == 4
    assert found["second_time_v_first"] == 0.5
    assert found["arms"]["failover"]["recovered_rate"] == 0.0


def test_the_figures_of_one_arm_alone_say_nothing_of_others() -> None:
    found = figures([scored("failover", 3.0)])

    assert found["recovered_rate"] is None
    assert found["minutes_v_better_baseline"] is None


def test_every_goal_is_a_figure() -> None:
    found = figures([scored("failover", 3.0), scored("guarded", 1.0)]) | {
        "wrong_actions": 0, "duplicate_pages": 0, "lost_alerts": 0
    }  # fmt: skip

    assert benchmark.AT_LEAST.keys() | benchmark.AT_MOST.keys() <= found.keys()
    assert '"recovered_rate": false' in benchmark.line_of(found, {})


def test_a_fault_that_flaps_calls_once_and_no_call_is_lost_in_an_outage() -> None:
    assert flaps(6, 1) == (0, 0)
    assert outage(3, 1) == (0, 0)


def test_guardians_leave_sound_traffic_alone() -> None:
    found = quiet_days(4, 0.05, 2_000, ("writer",))

    assert found.requests == 101
    assert found.actions == ()
