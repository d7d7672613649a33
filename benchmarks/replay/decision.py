"""Measures what a decision between ten specialists costs: reading the text, and scoring each specialist.

Texts are those recorded, and some of 4 KB made of several. Each is decided on once in every round, all texts in turn,
so that caches are as cold as with real traffic; its time is the least of the rounds, in CPU time of the thread,
for other work on the machine takes nothing away but often adds.
"""

import random
import time
from collections.abc import Sequence

from benchmarks.harness.report import percentile
from benchmarks.replay.before_answer import SALT
from benchmarks.replay.recordings import Recordings
from guardian_cluster.statistics.hashing import LOOKED_AT, TextHasher
from guardian_cluster.statistics.success_model import SuccessModel

SPECIALISTS = 10
TEXTS, LONG_TEXTS = 980, 20
FULL_ROUNDS, QUICK_ROUNDS = 9, 5
VERDICTS = 200
"""Learned for each specialist before: enough for its weights to lie apart in memory as they would."""


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return the microseconds of a decision, and the memory of each specialist."""
    texts = texts_of(data)
    hasher = TextHasher(SALT)
    model = experienced(hasher, texts)
    rounds = [timed(hasher, model, texts) for _ in range(QUICK_ROUNDS if quick else FULL_ROUNDS)]
    least_us = [min(times) / 1e3 for times in zip(*rounds, strict=True)]
    every_us = [time_ns / 1e3 for times in rounds for time_ns in times]
    return {
        "decision_us_p50": percentile(least_us, 50),
        "decision_us_p99": percentile(least_us, 99),
        "decision_us_p50_every_round": percentile(every_us, 50),
        "decision_us_p99_every_round": percentile(every_us, 99),
        "decision_texts": len(texts),
        "specialist_mb": len(model.encode()) / SPECIALISTS / 1e6,
    }


def texts_of(data: Recordings) -> list[str]:
    """Return recorded prompts of all kinds, and one in fifty of over 4 KB."""
    rng = random.Random(0)
    recorded = [str(row["prompt"]) for row in (*data.mmlu, *data.gsm8k, *data.four_models)]
    texts = rng.sample(recorded, min(TEXTS, len(recorded)))
    for _ in range(LONG_TEXTS):
        texts.append("\n\n".join(rng.sample(recorded, 60))[: 2 * LOOKED_AT])
    rng.shuffle(texts)
    return texts


def experienced(hasher: TextHasher, texts: Sequence[str]) -> SuccessModel:
    """Return a model that knows ten specialists."""
    rng = random.Random(0)
    model = SuccessModel()
    for features in map(hasher.features, rng.sample(texts, min(VERDICTS, len(texts)))):
        for number in range(SPECIALISTS):
            model.learn(f"specialist-{number}", features, float(rng.random() < 0.7))
    return model


def timed(hasher: TextHasher, model: SuccessModel, texts: Sequence[str]) -> list[int]:
    """Return the nanoseconds of CPU time of each decision."""
    names = model.arms()
    times: list[int] = []
    for text in texts:
        before = time.thread_time_ns()
        features = hasher.features(text)
        best = max(names, key=lambda name: model.predict(name, features).success)
        times.append(time.thread_time_ns() - before)
        assert best in names
    return times
