"""Measures how soon a drift of a detector's scores is found, and how often one is that is none.

Scores are drawn from those of one kind of harmless traffic; 1,000 come before the change, as the detector's memory,
and then all are higher by half, three quarters of or a whole standard deviation of their kind. `..._delay` is the
median number of requests until the alarm, `..._within_150` the share found by then, `..._unlike` the delay where the
traffic becomes another kind instead; in `..._normal` the scores are normal, in which a shift is hardest to see. False
alarms are counted in streams in which nothing changes.
"""

import random
from collections.abc import Sequence
from itertools import islice
from statistics import fmean, median, pstdev

from benchmarks.replay.calibration import Score, stand_in
from benchmarks.sets.traffic import Traffic
from guardian_cluster.statistics.drift import DriftDetector

BEFORE = 1_000
LONGEST = 2_000
GOAL = 150
SHIFTS = (0.5, 0.75, 1.0)
STREAM = 10_000
FULL_RUNS, QUICK_RUNS = 20, 3
SEED = 5


def figures(data: Traffic, score: Score = stand_in, *, quick: bool) -> dict[str, float | int]:
    """Return delays for each shift over all kinds, those of another kind of traffic, and the false alarms."""
    scores = {kind: [score(text) for text in texts] for kind, texts in data.kinds.items()}
    runs = QUICK_RUNS if quick else FULL_RUNS
    found: dict[str, float | int] = {"score_drift_runs": runs * len(scores)}
    for shift in SHIFTS:
        delays: list[int] = []
        for kind, own in scores.items():
            moved = [each + shift * pstdev(own) for each in own]
            delays += [delay(own, moved, random.Random(f"{SEED} {kind} {run}")) for run in range(runs)]
        found |= _of_delays(f"score_drift_{shift:g}", delays)
        found |= _of_delays(f"score_drift_{shift:g}_normal", _normal(shift, runs * len(scores)))
    found |= _of_delays("score_drift_unlike", _unlike(list(scores.values()), runs))
    streams = [
        false_alarms(own, random.Random(f"{SEED} {run}")) for own in scores.values() for run in range(runs)
    ]
    found["score_drift_false_per_10000"] = fmean(streams)
    return found


def _of_delays(name: str, delays: Sequence[int]) -> dict[str, float]:
    return {
        f"{name}_delay": float(median(delays)),
        f"{name}_delay_mean": fmean(delays),
        f"{name}_within_{GOAL}": fmean(each <= GOAL for each in delays),
    }


def _normal(shift: float, runs: int) -> list[int]:
    """Return the delays for scores of the normal distribution."""
    rng = random.Random(SEED)
    before = [rng.gauss(0.0, 1.0) for _ in range(20_000)]
    after = [rng.gauss(shift, 1.0) for _ in range(20_000)]
    return [delay(before, after, random.Random(f"{SEED} {run}")) for run in range(runs)]


def _unlike(scores: Sequence[Sequence[float]], runs: int) -> list[int]:
    """Return the delays where each kind becomes the next one."""
    pairs = zip(scores, [*scores[1:], scores[0]], strict=True)
    return [
        delay(before, after, random.Random(f"{SEED} {run}")) for before, after in pairs for run in range(runs)
    ]


def delay(before: Sequence[float], after: Sequence[float], rng: random.Random) -> int:
    """Return how many requests after a change the alarm came; one more than the longest where none did."""
    detector = DriftDetector(rng.choices(before, k=BEFORE))
    for number in range(1, LONGEST + 1):
        if detector.take(rng.choice(after), rng.random()):
            return number
    return LONGEST + 1


def false_alarms(scores: Sequence[float], rng: random.Random) -> int:
    """Return how often a drift is found where there is none."""
    detector = DriftDetector(rng.choices(scores, k=BEFORE))
    stream = islice(iter(lambda: rng.choice(scores), None), STREAM)
    return sum(detector.take(score, rng.random()) is not None for score in stream)
