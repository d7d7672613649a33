import math
import random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threshold_samples import ASKED, HARM, action, calibration_of, evidence, feed

from guardian_cluster.contract.threshold_action import Scope
from guardian_cluster.learning.sound_scores import ABOVE_ALL
from guardian_cluster.learning.threshold_calibration import (
    EXAMPLES,
    MAX_SCOPES,
    ThresholdCalibration,
    chance,
    examples_for,
)
from guardian_cluster.learning.threshold_ledger import Draft
from guardian_cluster.statistics.conformal import CAPACITY, chance_within, rank_for

many_scores = st.builds(
    lambda seed, count, digits: [round(random.Random(seed).random(), digits) for _ in range(count)],
    st.integers(0, 10**6),
    st.integers(EXAMPLES, EXAMPLES + 100),
    st.integers(1, 9),
)
rates = st.sampled_from([0.01, 0.03, 0.05])


def normal(count: int, mean: float = 0.3, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [min(1.0, max(0.0, rng.gauss(mean, 0.1))) for _ in range(count)]


def drafted(calibration: ThresholdCalibration, asked: float = ASKED, **known: object) -> Draft:
    draft = calibration.draft(HARM, asked, **known)  # type: ignore[arg-type]
    assert draft is not None
    return draft


@settings(max_examples=30)
@given(many_scores, rates)
def test_no_more_of_the_examples_are_reported_than_was_asked(scores: list[float], asked: float) -> None:
    draft = drafted(calibration_of(scores), asked)

    reported = sum(score >= draft.after for score in scores)
    assert reported <= rank_for(len(scores), asked) - 1
    assert draft.evidence.expected == (reported + 1) / (len(scores) + 1) <= asked + 1e-9
    assert draft.evidence.least <= draft.after <= draft.evidence.most


@settings(max_examples=20)
@given(many_scores, st.lists(st.floats(0, 1), max_size=50))
def test_scores_of_requests_that_are_not_sound_change_nothing_and_are_counted(
    scores: list[float], others: list[float]
) -> None:
    calibration = calibration_of(scores)
    feed(calibration, others, at=50.0, is_sound=False)

    draft = drafted(calibration)

    assert draft.after == drafted(calibration_of(scores)).after
    assert draft.evidence.left_out == len(others)


@settings(max_examples=20)
@given(many_scores, st.integers(1, 40))
def test_what_the_detector_itself_withheld_never_lowers_a_threshold(
    scores: list[float], withheld: int
) -> None:
    calibration = ThresholdCalibration()
    feed(calibration, scores + [ABOVE_ALL] * withheld)

    draft = calibration.draft(HARM, ASKED)

    assert draft is None or draft.after >= drafted(calibration_of(scores)).after
    assert draft is None or math.isfinite(draft.after)


def test_first_thresholds_report_as_many_as_was_asked() -> None:
    rng = random.Random(7)
    several = [calibration_of([rng.random() ** 3 for _ in range(EXAMPLES)]) for _ in range(100)]
    drafts = [draft for each in several if (draft := each.draft(HARM, ASKED))]  # a few see a drift first
    rates = [1.0 - draft.after ** (1 / 3) for draft in drafts]

    assert len(rates) >= 95
    assert abs(fmean(rates) - ASKED) < 0.004
    assert sum(abs(rate - ASKED) <= 0.02 for rate in rates) >= 0.85 * len(rates)


def test_too_few_scores_call_for_nothing() -> None:
    scores = normal(EXAMPLES)

    assert calibration_of(scores[1:]).draft(HARM, ASKED) is None
    assert calibration_of(scores).draft(HARM, 0.1) is None
    assert calibration_of(scores).draft(HARM, 0.0) is None
    assert calibration_of(scores).draft(HARM, 1.0) is None
    assert calibration_of(scores).draft(HARM, ASKED) is not None


@pytest.mark.parametrize(
    ("asked", "least"), [(0.01, 400), (0.05, 400), (0.1, 620), (0.5, 1_700), (0.001, 1_000), (0.0001, 2_001)]
)
def test_as_many_scores_are_needed_as_make_nine_of_ten_thresholds_come_near(asked: float, least: int) -> None:
    assert examples_for(asked) == least
    assert least > CAPACITY or chance_within(least, asked, 0.02) >= 0.9


def test_a_threshold_that_reports_as_many_as_was_asked_stays() -> None:
    calibration = calibration_of(normal(EXAMPLES))
    first = action(after=drafted(calibration).after)
    calibration.note({HARM: 399.0})
    feed(calibration, normal(EXAMPLES, seed=2), at=1_000.0)

    assert calibration.draft(HARM, ASKED, first) is None


def test_a_threshold_that_reports_too_few_is_lowered_and_says_what_was_seen() -> None:
    calibration = calibration_of(normal(EXAMPLES))

    draft = drafted(calibration, current=action(after=0.9, evidence=evidence(until=-1.0)))

    assert draft.before == 0.9
    assert 0.4 < draft.after < 0.5
    assert draft.evidence.observed == 0.0


def test_it_is_looked_at_again_after_as_many_new_scores_only() -> None:
    calibration = calibration_of(normal(EXAMPLES))
    first = drafted(calibration)

    assert calibration.draft(HARM, ASKED) is None  # the same scores once more
    feed(calibration, normal(EXAMPLES, seed=3), at=1_000.0)
    assert drafted(calibration).after != first.after


def test_another_rate_that_is_asked_needs_no_new_scores() -> None:
    calibration = calibration_of(normal(EXAMPLES))
    first = action(after=drafted(calibration).after)
    calibration.note({HARM: 399.0})

    draft = drafted(calibration, 0.06, current=first)

    assert draft.after < first.after
    assert draft.evidence.asked == 0.06


@settings(max_examples=30)
@given(many_scores, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_recalibration_moves_no_further_than_its_bounds(
    scores: list[float], one: float, two: float, three: float
) -> None:
    least, before, most = sorted((one, two, three))
    current = action(after=before, evidence=evidence(least=least, most=most))

    draft = calibration_of(scores).draft(HARM, ASKED, current)

    assert draft is None or least <= draft.after <= most or not draft.is_free
    assert draft is None or draft.after != before


def test_where_the_bound_leaves_it_where_it_is_the_whole_way_is_only_proposed() -> None:
    stuck = action(after=0.9, evidence=evidence(least=0.9, most=0.9))

    draft = drafted(calibration_of(normal(EXAMPLES)), current=stuck)

    assert not draft.is_free
    assert draft.after < 0.5


def test_after_a_drift_scores_from_before_are_forgotten_and_the_next_action_says_so() -> None:
    calibration = calibration_of(normal(1_000))
    current = action(after=drafted(calibration).after, evidence=evidence(until=999.0))
    calibration.note({HARM: 999.0})

    (drifted,) = feed(calibration, normal(EXAMPLES + 150, mean=0.5, seed=5), at=1_000.0)

    draft = drafted(calibration, current=current)
    assert (drifted.scope, drifted.note.change) == (HARM, "higher")
    assert draft.evidence.drift == drifted.note
    assert draft.evidence.examples < 600
    assert draft.after > current.after


def test_scores_that_led_to_an_action_are_not_new_after_a_restart() -> None:
    calibration = ThresholdCalibration()
    calibration.note({HARM: 399.0})
    feed(calibration, normal(EXAMPLES + 100))

    assert calibration.draft(HARM, ASKED, action(after=0.9)) is None
    feed(calibration, normal(EXAMPLES - 100, seed=4), at=1_000.0)
    assert drafted(calibration, current=action(after=0.9)).evidence.new == EXAMPLES


def test_scopes_are_apart_and_those_without_scores_for_longest_are_forgotten() -> None:
    calibration = calibration_of(normal(EXAMPLES))
    other = HARM._replace(tenant="rival")
    feed(calibration, [0.9] * EXAMPLES, scope=other)
    assert drafted(calibration).after < 0.6

    for number in range(MAX_SCOPES):
        feed(calibration, [0.5], scope=Scope("harm", f"s{number}", "acme"))

    assert len(calibration.scopes()) == MAX_SCOPES
    assert HARM not in calibration.scopes()


def test_a_detector_of_requests_has_one_threshold_for_all_specialists() -> None:
    injection = Scope("injection", "", "acme")
    calibration = ThresholdCalibration()
    feed(calibration, [*normal(EXAMPLES - 1), ABOVE_ALL], scope=injection)

    draft = calibration.draft(injection, ASKED)

    assert calibration.scopes() == (injection,)
    assert draft is not None
    assert draft.evidence.withheld == 1


def test_an_answer_that_is_nobodys_counts_for_all_specialists_of_its_tenant() -> None:
    calibration = calibration_of(normal(EXAMPLES - 1))
    rival = HARM._replace(tenant="rival")
    feed(calibration, normal(EXAMPLES - 1), scope=rival)

    feed(calibration, [ABOVE_ALL], scope=HARM._replace(specialist=""), at=1_000.0)

    assert drafted(calibration).evidence.withheld == 1
    assert calibration.draft(rival, ASKED) is None
    assert len(calibration.scopes()) == 2


@given(st.text(max_size=20))
def test_the_chance_of_a_request_is_a_share_and_always_the_same(request_id: str) -> None:
    assert 0.0 <= chance(HARM, request_id) == chance(HARM, request_id) < 1.0
