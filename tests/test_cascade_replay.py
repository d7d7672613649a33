import random

import pytest

from benchmarks.replay import cascade
from benchmarks.replay.cascade import Replay, area, calibration_error, is_fitted_on, out_of_fold, stream
from benchmarks.replay.recordings import generated
from guardian_cluster.statistics.calibration import Evidence


def made(count: int) -> Replay:
    """Make answers whose one measurement tells whether they are wrong."""
    rng = random.Random(1)
    rows, evidence = [], []
    for _ in range(count):
        wrong = rng.random() < 0.4
        evidence.append(Evidence((1.0, (wrong + rng.random()) / 2)))
        rows.append(
            {"weak": {"correct_recorded": not wrong}, "strong": {"correct_recorded": rng.random() < 0.95}}
        )
    return Replay(("always", "fault"), tuple(evidence), tuple(rows))


def test_each_answer_is_judged_by_a_model_that_has_not_seen_it():
    given = made(200)
    weak, strong = given.labels("correct_recorded")

    _, estimates = out_of_fold(given, weak, strong, 0)

    right = [estimate for estimate, label in zip(estimates, weak, strict=True) if label]
    wrong = [estimate for estimate, label in zip(estimates, weak, strict=True) if not label]
    assert sum(right) / len(right) > sum(wrong) / len(wrong) + 0.1


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_stream_holds_its_share_and_learns_whom_to_escalate(share: float):
    given = made(600)
    weak, strong = given.labels("correct_recorded")

    played = stream(given, "correct_recorded", share, 1)

    assert sorted(place for place, _ in played) == list(range(600))
    assert sum(escalated for _, escalated in played) / 600 == pytest.approx(share, abs=0.05)
    assert area({share: played}, weak, strong, lambda each: each[100:]) > 0.6


def test_measurements_are_left_out_by_name():
    left = made(3).without(frozenset(("fault",)))

    assert left.names == ("always",)
    assert [one.values for one in left.evidence] == [(1.0,)] * 3


def test_calibration_is_off_by_the_difference_of_probability_and_frequency():
    assert calibration_error([(0.75, True)] * 3 + [(0.75, False)]) == pytest.approx(0.0)
    assert calibration_error([(0.9, False)] * 5) == pytest.approx(0.9)
    assert calibration_error([]) == 0.0


def test_the_shipped_weights_were_fitted_on_even_numbers():
    assert [is_fitted_on(f"gsm8k-{number:04}") for number in (1, 2, 10, 11)] == [False, True, True, False]


def test_generated_recordings_give_every_figure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cascade, "SHARES", (0.5,))

    figures = cascade.figures(generated(rows=260), quick=True)

    assert set(cascade.GOALS) <= figures.keys()
    assert all(isinstance(value, float) for value in figures.values())
