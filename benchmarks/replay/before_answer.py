"""Replays routing before the answer: who is asked is decided from the question alone.

Five folds, drawn by a seed; each fold's questions are scored by a model that learned from at most 1,500 labelled
questions of the others, and all scores together give one curve. A question's label is whether the weak and the
strong model were right. The labels are seen four times, each time by a quarter, as stored verdicts can be.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

from benchmarks.replay.apgr import Curve, curve, folds
from benchmarks.replay.recordings import Recordings, Row
from guardian_cluster.statistics.hashing import Features, TextHasher
from guardian_cluster.statistics.success_model import SuccessModel

LABELS = 1_500
PASSES = 4
"""Single verdicts are so noisy that seeing each once leaves .01 APGR behind; more than four times adds nothing."""
FOLDS = 5
FULL_SEEDS, QUICK_SEEDS = 4, 1
SALT = b"benchmark"


@dataclass(frozen=True)
class Question:
    """What is known of one question: what a learner sees of it, and who was right."""

    features: Features
    weak: float
    strong: float
    subject: str = ""


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return APGR and CPT of routing before the answer, on MMLU and, for honesty, on GSM8K."""
    seeds = range(QUICK_SEEDS if quick else FULL_SEEDS)
    found: dict[str, float | int] = {"before_answer_seeds": len(seeds), "mmlu_labels": LABELS}
    found |= _summary("mmlu", [held_out(mmlu(data.mmlu), by_row, seed) for seed in seeds])
    subjects = [held_out(mmlu(data.mmlu), by_subject, seed) for seed in seeds]
    found["mmlu_subjects_out_apgr"] = fmean(each.apgr for each in subjects)
    for labels in ("recorded", "reviewed"):
        curves = [held_out(gsm8k(data.gsm8k, labels), by_row, seed) for seed in seeds]
        found |= _summary(f"gsm8k_before_{labels}", curves)
    return found


def mmlu(rows: Sequence[Row]) -> list[Question]:
    """Return multiple-choice questions; the subject is kept to leave whole ones out, no learner sees it."""
    return [
        Question(
            seen(row["prompt"]),
            float(row["weak_correct"]),
            float(row["strong_correct"]),
            row["subject"],
        )
        for row in rows
    ]


def gsm8k(rows: Sequence[Row], labels: str) -> list[Question]:
    """Return school mathematics with the `recorded` labels, which have known faults, or the `reviewed` ones."""
    key = f"correct_{labels}"
    return [Question(seen(row["prompt"]), float(row["weak"][key]), float(row["strong"][key])) for row in rows]


@cache
def seen(prompt: str) -> Features:
    """Return what a learner sees of a prompt; read once however often it is replayed."""
    return _hasher().features(prompt)


@cache
def _hasher() -> TextHasher:
    return TextHasher(SALT)


def by_row(questions: Sequence[Question], seed: int) -> list[int]:
    """Return the number of each question's fold."""
    return folds(len(questions), FOLDS, seed)


def by_subject(questions: Sequence[Question], seed: int) -> list[int]:
    """Return the number of each question's fold; a subject's questions are all in one."""
    subjects = sorted({question.subject for question in questions})
    fold_of = dict(zip(subjects, folds(len(subjects), FOLDS, seed), strict=True))
    return [fold_of[question.subject] for question in questions]


def held_out(
    questions: Sequence[Question], split: Callable[[Sequence[Question], int], list[int]], seed: int
) -> Curve:
    """Return the curve of scores that each question got from a model that has not learned from its fold."""
    fold_of = split(questions, seed)
    rng = random.Random(seed)
    scores = [0.0] * len(questions)
    for fold in range(FOLDS):
        rest = [question for question, its in zip(questions, fold_of, strict=True) if its != fold]
        model = learned(rng.sample(rest, min(LABELS, len(rest))))
        for place, question in enumerate(questions):
            if fold_of[place] == fold:
                scores[place] = gain(model, question.features)
    return curve_of(scores, questions)


def learned(questions: Sequence[Question], passes: int = PASSES) -> SuccessModel:
    """Return a model that has seen who was right, in this order."""
    model = SuccessModel()
    for _ in range(passes):
        for question in questions:
            model.learn("weak", question.features, question.weak, 1.0 / passes)
            model.learn("strong", question.features, question.strong, 1.0 / passes)
    return model


def gain(model: SuccessModel, features: Features) -> float:
    """Return how much likelier the strong model is right."""
    return model.predict("strong", features).success - model.predict("weak", features).success


def curve_of(scores: Sequence[float], questions: Sequence[Question]) -> Curve:
    """Return what a router with these scores recovers."""
    return curve(
        scores, [question.weak for question in questions], [question.strong for question in questions]
    )


def _summary(name: str, curves: Sequence[Curve]) -> dict[str, float]:
    return {
        f"{name}_apgr": fmean(each.apgr for each in curves),
        f"{name}_cpt50": fmean(each.cpt(0.5) for each in curves),
        f"{name}_cpt80": fmean(each.cpt(0.8) for each in curves),
    }
