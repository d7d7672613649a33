"""Replays what was learned on one kind of question on another: MMLU to GSM8K and back, nothing changed between.

The labels of GSM8K are the recorded ones, with which the published figures were made; `..._reviewed` has the true
ones, of which less can be told from a question.
"""

import random
from collections.abc import Sequence
from statistics import fmean

from benchmarks.replay.before_answer import Question, curve_of, gain, gsm8k, learned, mmlu
from benchmarks.replay.recordings import Recordings
from guardian_cluster.statistics.success_model import SuccessModel

FULL_SEEDS, QUICK_SEEDS = 3, 1


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return APGR in both directions, means over orders of learning, and the worse of them."""
    seeds = QUICK_SEEDS if quick else FULL_SEEDS
    choices = mmlu(data.mmlu)
    of_choices = [learned(shuffled(choices, seed)) for seed in range(seeds)]
    found: dict[str, float | int] = {"transfer_seeds": seeds}
    for labels, suffix in (("recorded", ""), ("reviewed", "_reviewed")):
        sums = gsm8k(data.gsm8k, labels)
        of_sums = [learned(shuffled(sums, seed)) for seed in range(seeds)]
        there = fmean(apgr_of(model, sums) for model in of_choices)
        back = fmean(apgr_of(model, choices) for model in of_sums)
        found |= {
            f"transfer_mmlu_to_gsm8k{suffix}": there,
            f"transfer_gsm8k_to_mmlu{suffix}": back,
            f"transfer_worst{suffix}": min(there, back),
        }
    return found


def shuffled(questions: Sequence[Question], seed: int) -> list[Question]:
    """Return all questions of a kind in another order."""
    return random.Random(seed).sample(questions, len(questions))


def apgr_of(model: SuccessModel, questions: Sequence[Question]) -> float:
    """Return what a model recovers on all questions of a kind."""
    return curve_of([gain(model, question.features) for question in questions], questions).apgr
