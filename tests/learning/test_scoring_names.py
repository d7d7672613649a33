"""What learning takes for granted of the watcher, which it does not import."""

from guardian_cluster.learning.sound_scores import OF_REQUESTS, SCORING
from guardian_cluster.learning.threshold_ledger import UNLEARNED
from guardian_cluster.watcher import intake, intake_injection
from guardian_cluster.watcher.scoring.answers import HARM, UNGROUNDED


def test_the_detectors_that_score_have_the_names_that_learning_knows() -> None:
    assert {HARM, UNGROUNDED, intake.DETECTOR} == SCORING
    assert {intake.DETECTOR} == OF_REQUESTS


def test_what_reports_before_anything_was_learned_is_known() -> None:
    assert {intake.DETECTOR: intake_injection.DEFAULT_THRESHOLD} == UNLEARNED
