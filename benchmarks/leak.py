"""What leaves of a secret, and what is held back for it.

Secrets of kinds that an independent project describes are planted in ordinary answers, in every channel, cut in every
way; what a client would read of them is counted. docs/benchmarks.md describes every figure.
"""

import random
from typing import Any

from benchmarks.harness.offline import Measured, conduct_offline
from benchmarks.harness.report import note
from benchmarks.replay.planted import held_figures, leak_figures
from benchmarks.replay.prompt_leak import prompt_leak_figures
from benchmarks.sets import benign_text
from benchmarks.sets.secrets import kinds
from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher.policy import CompiledPolicy

LEAST_STREAMS = 10_000
AT_LEAST = {
    "streams": LEAST_STREAMS,
    "kinds": 200,
    "prompt_leak_recall": 0.98,
    "prompt_leak_watch_recall": 0.98,
}
AT_MOST = {
    "leaked_characters": 0,
    "cut_streams": 0,
    "held_mean": 4.0,
    "held_p99": 32.0,
    "prompt_leak_false": 0.001,
    "prompt_leak_words_out": 4.0,
    "prompt_leak_watch_words_out": 4.0,
}

SEED = 20_26
ROUNDS, QUICK_ROUNDS = 48, 6
"""Streams of each kind: 8 channels by 5 cuttings, and some."""

SCRIPTS = (
    "chinese",
    "japanese",
    "korean",
    "thai",
    "arabic",
    "hindi",
    "russian",
    "python",
    "json",
    "markdown",
    "base64",
)
CHARACTERS = 40_000
"""Of each script."""


def measure(quick: bool) -> Measured:
    """Return the figures, and what they were measured on."""
    policy, of, (answers, origin) = CompiledPolicy(WatchPolicy()), kinds(), benign_text.answers()
    rng = random.Random(SEED)
    note("planted secrets")
    figures: dict[str, Any] = leak_figures(policy, of, answers, streams(len(of), quick=quick), rng)
    note("ordinary answers")
    held = held_figures(policy, answers[:: 10 if quick else 1], rng)
    figures |= {f"held_{name}": value for name, value in held.items()}
    figures["held_by_script"] = {
        script: held_figures(
            policy, list(benign_text.texts(script, CHARACTERS // (4 if quick else 1), rng)), rng
        )
        for script in SCRIPTS
    }
    note("system prompts")
    figures |= prompt_leak_figures(random.Random(SEED), answers[:: 10 if quick else 1])
    run = {"seed": SEED, "answers": len(answers), "data": origin, "secrets": of[0].source}
    return figures, run


def streams(of: int, *, quick: bool) -> int:
    """Return how many streams are watched of so many kinds: of each as many, or as nearly as many as can be."""
    return QUICK_ROUNDS * of if quick else max(ROUNDS * of, LEAST_STREAMS)


if __name__ == "__main__":
    conduct_offline("leak", __doc__, measure, at_least=AT_LEAST, at_most=AT_MOST)
