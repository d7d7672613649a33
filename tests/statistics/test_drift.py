import math
import random
from collections.abc import Callable, Iterable
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.drift import Drift, DriftDetector

Draw = Callable[[random.Random], float]


def normal(rng: random.Random) -> float:
    return rng.gauss(0.0, 1.0)


def tied(rng: random.Random) -> float:
    return float(rng.random() < 0.1)


def first_alarm(detector: DriftDetector, scores: Iterable[float], rng: random.Random) -> tuple[int, Drift]:
    for number, score in enumerate(scores, 1):
        found = detector.take(score, rng.random())
        if found:
            return number, found
    raise AssertionError("no drift was found")


def found_after(shift: float, spread: float, seed: int, earlier: int = 1_000) -> tuple[int, Drift]:
    rng = random.Random(seed)
    detector = DriftDetector(normal(rng) for _ in range(earlier))
    return first_alarm(detector, (rng.gauss(shift, spread) for _ in range(3_000)), rng)


@pytest.mark.parametrize(("shift", "most"), [(0.5, 100), (0.75, 50), (1.0, 30), (-0.5, 100), (-1.0, 30)])
def test_a_shift_is_found_soon(shift: float, most: int):
    found = [found_after(shift, 1.0, seed) for seed in range(20)]

    assert median(number for number, _ in found) <= most
    assert sum(number > 150 for number, _ in found) <= 2
    right = "higher" if shift > 0 else "lower"
    assert sum(drift.change == right for _, drift in found) >= 18


def test_a_detector_that_says_the_same_of_everything_is_found():
    found = [found_after(0.1, 0.0, seed) for seed in range(10)]

    assert max(number for number, _ in found) <= 60
    assert {drift.change for _, drift in found} == {"narrower"}


def test_it_is_told_when_a_change_began():
    rng = random.Random(2)
    detector = DriftDetector((normal(rng) for _ in range(500)), scores_per_false_alarm=1e9)
    before = [detector.take(normal(rng), rng.random()) for _ in range(400)]

    number, drift = first_alarm(detector, (rng.gauss(1.5, 1.0) for _ in range(200)), rng)

    assert not any(before)
    assert abs(drift.scores - number) <= 10


@pytest.mark.parametrize("draw", [normal, tied])
@pytest.mark.parametrize("earlier", [0, 300])
def test_false_alarms_are_as_rare_as_promised(draw: Draw, earlier: int):
    alarms = 0
    for seed in range(20):
        rng = random.Random(seed)
        detector = DriftDetector(
            [draw(rng) for _ in range(earlier)], memory=300, scores_per_false_alarm=1_000.0
        )
        alarms += sum(detector.take(draw(rng), rng.random()) is not None for _ in range(2_000))

    assert 2 <= alarms <= 40


def test_after_an_alarm_the_new_scores_are_the_usual_ones():
    rng = random.Random(4)
    detector = DriftDetector(normal(rng) for _ in range(1_000))
    first_alarm(detector, (rng.gauss(2.0, 1.0) for _ in range(100)), rng)

    later = [detector.take(rng.gauss(2.0, 1.0), rng.random()) for _ in range(2_000)]

    assert not any(later)


@given(
    st.lists(st.floats(allow_nan=False), max_size=80),
    st.integers(1, 10),
    st.floats(0, 1, exclude_max=True),
)
def test_no_score_breaks_it_and_its_evidence_stays_a_number(scores: list[float], memory: int, chance: float):
    detector = DriftDetector(memory=memory)

    for score in scores:
        detector.take(score, chance)

    assert 0.0 <= detector.evidence() < 1.0


@given(st.lists(st.floats(-100, 100), max_size=60), st.randoms(use_true_random=False))
def test_the_scale_of_the_scores_does_not_matter(scores: list[float], rng: random.Random):
    chances = [rng.random() for _ in scores]
    one, other = DriftDetector(), DriftDetector()

    for score, chance in zip(scores, chances, strict=True):
        one.take(score, chance)
        other.take(8.0 * score, chance)

    assert one.evidence() == other.evidence()


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="no number"):
        DriftDetector().take(math.nan, 0.5)


@pytest.mark.parametrize(("memory", "scores"), [(0, 10_000.0), (10, 0.5), (10, math.inf)])
def test_a_detector_needs_memory_and_a_level(memory: int, scores: float):
    with pytest.raises(ValueError, match="no drift can be found"):
        DriftDetector(memory=memory, scores_per_false_alarm=scores)
