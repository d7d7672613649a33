from dataclasses import replace
from typing import Any

import pytest

from benchmarks.diagnosis_world.baselines import BASELINES, adtributor, largest_drop
from benchmarks.diagnosis_world.cases import DrawnCase, cases, single_faults, some_faults
from benchmarks.diagnosis_world.figures import figures
from benchmarks.diagnosis_world.outcomes import OURS, Outcome, outcome
from benchmarks.diagnosis_world.scoring import Answer, Score, is_same, scores
from benchmarks.diagnosis_world.windows import seen
from guardian_cluster.domain.diagnosis import CAUSES, Diagnosis, Finding
from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.observation import Slice
from guardian_cluster.domain.window import Window
from guardian_cluster.simulation.traffic import Planned, Truth

QUOTA = Planned(cause="quota", scope="one", magnitude="large", manner="used-up")
CASE = DrawnCase(seed=7, faults=(QUOTA,), with_alarm=True, reference=900, after=400)


def report(*said: tuple[str | None, Slice]) -> DiagnosticianReport:
    return DiagnosticianReport(
        specialist="writer",
        requests=1,
        diagnoses=tuple(
            Diagnosis(
                id=str(n),
                specialist="writer",
                at=1.0,
                onset=0.0,
                signal="error",
                cause=cause,  # type: ignore[arg-type]
                findings=(Finding(where=where, score=9.0, requests=9, expected=0.0, observed=1.0),),
            )
            for n, (cause, where) in enumerate(said)
        ),
    )


def silent(_: Window) -> DiagnosticianReport:
    return DiagnosticianReport(specialist="writer", requests=1)


def test_the_truth_scores_full_marks() -> None:
    truth = CASE.traffic().truths[0]

    found = outcome(CASE, lambda window: report(("quota", truth.where)))

    assert found.scores[OURS] == [Score(cause=True, slice=True, slice_in_three=True)]
    assert not found.is_silent


def test_who_says_nothing_scores_nothing() -> None:
    found = outcome(CASE, silent)

    assert found.scores[OURS] == [Score()]
    assert found.is_silent
    assert set(found.scores) == {OURS, *BASELINES}


def test_a_diagnosis_without_cause_or_place_is_silence() -> None:
    nothing = Diagnosis(id="1", specialist="writer", at=1.0, onset=0.0, signal="error", cause=None)
    said = DiagnosticianReport(specialist="writer", requests=1, diagnoses=(nothing,))

    assert outcome(replace(CASE, faults=()), lambda window: said).is_silent


def test_two_truths_are_answered_in_any_order() -> None:
    traffic = CASE.traffic()
    window, truth = seen(CASE, traffic), traffic.truths[0]
    other = Truth(**{name: getattr(truth, name) for name in truth.__struct_fields__} | {"cause": "hang"})
    answers = [Answer("hang", ()), Answer("quota", ())]

    assert [each.cause for each in scores(answers, (truth, other), window)] == [True, True]
    assert [each.cause for each in scores(answers[::-1], (truth, other), window)] == [True, True]


def test_a_place_is_the_same_when_all_but_one_in_twenty_requests_are() -> None:
    hundred = frozenset(map(str, range(100)))

    assert is_same(hundred, frozenset(map(str, range(96))))
    assert not is_same(hundred, frozenset(map(str, range(90))))
    assert not is_same(frozenset(), frozenset())


def test_alarms_come_in_half_of_the_windows_and_after_the_onset() -> None:
    traffic = CASE.traffic()

    alarms = seen(CASE, traffic).alarms

    assert alarms
    assert alarms[0].signal == "error"
    assert all(each.raised > traffic.truths[0].onset for each in alarms)
    assert seen(replace(CASE, with_alarm=False), traffic).alarms == ()
    assert sum(each.with_alarm for each in cases(1, some=14, pairs=3, free=3)) == 10


def test_every_cause_scope_and_magnitude_is_among_the_cases() -> None:
    drawn = cases(5, repeats=2, pairs=4, free=6)
    kinds = [each.kind for each in drawn]

    assert kinds.count("one") == 2 * len(list(single_faults()))
    assert (kinds.count("two"), kinds.count("none")) == (4, 6)
    assert len({(each.cause, each.scope) for each in single_faults()}) >= 50
    assert cases(5, repeats=2, pairs=4, free=6) == drawn


def test_some_faults_are_of_all_causes_alike() -> None:
    import random

    chosen = some_faults(42, random.Random(1))

    assert {cause: sum(each.cause == cause for each in chosen) for cause in CAUSES} == dict.fromkeys(
        CAUSES, 3
    )


@pytest.mark.parametrize("method", [largest_drop, adtributor])
def test_a_plain_fault_at_one_tenant_is_found_by_trivial_methods_too(method: Any) -> None:
    plan = Planned(cause="refusal_spike", scope="one", magnitude="large", manner="declines")
    case = DrawnCase(seed=4, faults=(plan,), with_alarm=False, reference=900, after=400)
    traffic = case.traffic()
    window = seen(case, traffic)

    found = scores(method(window, traffic.truths[0].onset), traffic.truths, window)

    assert found[0].slice


def test_the_figures_hold_all_that_is_promised() -> None:
    truth = CASE.traffic().truths[0]
    right = outcome(CASE, lambda window: report(("quota", truth.where)))
    quiet: Outcome = outcome(replace(CASE, faults=()), silent)
    three = replace(right, scopes=("three",))

    found = figures([right, three, quiet])

    assert (found["cause_top1"], found["slice_top1"], found["slice_top3_3d"]) == (1.0, 1.0, 1.0)
    assert found["fault_free_silent"] == 1.0
    assert found["by_cause"]["quota"]["cases"] == 2
    assert found["taken_for"] == {}
    assert found["simultaneous"]["cause_top1"] is None
    assert set(found["baselines"]) == set(BASELINES)
