"""Whether thresholds alarm as often as was asked, of the scores that are shipped and on traffic of five kinds.

The threshold of each kind is set on 400 of its harmless texts, again and again. docs/benchmarks.md describes every
figure.
"""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.harness.offline import Measured, conduct_offline
from benchmarks.harness.report import note
from benchmarks.replay import calibration, score_drift
from benchmarks.replay.calibration import EXAMPLES, FULL_SPLITS, QUICK_SPLITS, SEED, Score
from benchmarks.sets.traffic import Traffic, traffic
from guardian_cluster.watcher.scoring.harm import HarmScorer
from guardian_cluster.watcher.scoring.injection import InjectionScorer

AT_LEAST = {
    "calibration_splits": 100,
    "calibration_kinds": 4,
    "within_2_points_at_5": 0.9,
    "within_2_points_at_10": 0.9,
}
AT_MOST = {"mean_off_points": 0.3}


def measure(quick: bool) -> Measured:
    """Return the figures, and what they were measured on."""
    data = traffic()
    by_score: dict[str, dict[str, Any]] = {}
    for name, score in scores().items():
        note(f"thresholds of {name}")
        known = remembered(data, score)
        by_score[name] = calibration.figures(data, known, quick=quick)
    figures = {**worst(by_score), "by_score": by_score}
    if not quick:
        note("drift of injection")
        figures["drift"] = score_drift.figures(data, remembered(data, scores()["injection"]), quick=True)
    splits = QUICK_SPLITS if quick else FULL_SPLITS
    counts = {"texts": data.counts(), "examples": EXAMPLES, "splits": splits}
    return figures, {"seed": SEED, "data": data.origin, "counts": counts}


def scores() -> Mapping[str, Score]:
    """Return the scores by their names."""
    injection, harm = InjectionScorer(), HarmScorer()
    return {"injection": injection.score, "harm": lambda text: max(harm.scores(text).values())}


def remembered(data: Traffic, score: Score) -> Callable[[str], float]:
    """Return the score, computed once for each text."""
    known = {text: score(text) for texts in data.kinds.values() for text in texts}
    return known.__getitem__


def worst(by_score: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the worst of the scores: how far the mean rate is off, and how often a threshold is near what was asked.

    `..._expected` is what any scores would have.
    """
    of = list(by_score.values())
    found: dict[str, Any] = {
        "mean_off_points": max(one["calibration_off_points"] for one in of),
        "calibration_splits": of[0]["calibration_splits"],
        "calibration_kinds": of[0]["calibration_kinds"],
    }
    for percent in (1, 5, 10):
        name = f"calibration_{percent}"
        found[f"within_2_points_at_{percent}"] = min(one[f"{name}_within"] for one in of)
        found[f"within_2_points_at_{percent}_expected"] = of[0][f"{name}_within_expected"]
        found[f"mean_off_points_at_{percent}"] = max(one[f"{name}_off"] for one in of)
        found[f"fixed_worst_percent_at_{percent}"] = max(one[f"{name}_fixed_worst"] for one in of)
    return found


if __name__ == "__main__":
    conduct_offline("calibration", __doc__, measure, at_least=AT_LEAST, at_most=AT_MOST)
