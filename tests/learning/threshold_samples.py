"""Scores and actions for the tests of thresholds."""

from collections.abc import Iterable, Sequence

from guardian_cluster.contract.threshold_action import Scope, ThresholdAction, ThresholdEvidence
from guardian_cluster.learning.sound_scores import Example
from guardian_cluster.learning.threshold_calibration import Drifted, Place, ThresholdCalibration

HARM = Scope("harm", "small", "acme")
ASKED = 0.05


def feed(
    calibration: ThresholdCalibration,
    scores: Iterable[float],
    *,
    scope: Scope = HARM,
    at: float = 0.0,
    is_sound: bool = True,
) -> list[Drifted]:
    """Take in scores of requests that began a second apart, and return the drifts found."""
    found: list[Drifted | None] = []
    for number, score in enumerate(scores):
        place = Place(at + number, f"{at}-{number}")
        found.append(calibration.take(Example(scope, score, is_sound), place))
    return [each for each in found if each is not None]


def calibration_of(scores: Sequence[float]) -> ThresholdCalibration:
    calibration = ThresholdCalibration()
    feed(calibration, scores)
    return calibration


def evidence(**changes: object) -> ThresholdEvidence:
    values: dict[str, object] = {
        "examples": 400, "since": 0.0, "until": 399.0, "new": 400, "asked": ASKED, "expected": 0.05,
        "realised_low": 0.03, "realised_high": 0.07, "least": 0.0, "most": 1.0,
    }  # fmt: skip
    return ThresholdEvidence(**(values | changes))  # type: ignore[arg-type]


def action(id: str = "t1", after: float = 0.95, **changes: object) -> ThresholdAction:
    values: dict[str, object] = {
        "id": id, "time": 400.0, **HARM._asdict(), "before": None, "after": after, "evidence": evidence(),
        "state": "applied", "decided": 400.0,
    }  # fmt: skip
    return ThresholdAction(**(values | changes))  # type: ignore[arg-type]
