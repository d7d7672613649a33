"""What watching costs for each chunk, and how well each detector of tier 0 tells what it looks for.

Costs are of the whole watcher with every rule and sensor on. Secrets are drawn by a generator that shares nothing with
what finds them, personal data and refusals are labelled texts, loops are planted. docs/benchmarks.md describes every
figure.
"""

import random
from typing import Any

from benchmarks.harness.offline import Measured, conduct_offline
from benchmarks.harness.report import note
from benchmarks.replay.degenerate import loop_figures, refusal_figures, refusals
from benchmarks.replay.pii import false_items, pii_figures, worst_figures
from benchmarks.replay.secret_quality import false_figures, near_miss_figures, recall_figures
from benchmarks.replay.tier0_cost import cost_figures, naive_figures, ratios, scaling_figures
from benchmarks.sets import benign_text
from benchmarks.sets.pii_rows import pii_rows
from benchmarks.sets.secrets import Kind, kinds
from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher.policy import CompiledPolicy

AT_LEAST = {
    "times_cheaper_than_re": 1_000.0,
    "secret_recall_worst_kind": 0.99,
    "false_characters": 20_000_000,
    "pii_precision_worst": 0.98,
    "pii_recall_worst": 0.95,
    "pii_phone_precision": 0.9,
    "pii_phone_recall": 0.8,
    "loops_found": 0.99,
    "refusal_accuracy": 0.93,
}
AT_MOST = {
    "tier0_us_median": 4.0,
    "tier0_us_p99": 25.0,
    "false_per_million_chars": 1.0,
    "loops_false": 0.0,
}

SEED = 20_26
SAMPLES, QUICK_SAMPLES = 200, 10
"""Secrets of each kind."""
NEAR_MISSES, QUICK_NEAR_MISSES = 10_000, 500
FALSE_CHARACTERS, QUICK_FALSE_CHARACTERS = 20_400_000, 1_000_000
TABLES = frozenset({"json", "csv", "markdown"})
PERSONAL_CHARACTERS, QUICK_PERSONAL_CHARACTERS = 2_000_000, 100_000


def measure(quick: bool) -> Measured:
    """Return the figures, and what they were measured on; costs first, on a processor still cool."""
    of, (answers, origin) = kinds(), benign_text.answers()
    figures = _costs(of, answers, quick) | _secrets(of, quick) | _personal(quick) | _degenerate(answers)
    sources = {kind: benign_text.source(kind) for kind in benign_text.kinds()}
    data = {
        "answers": origin,
        "secrets": of[0].source,
        "personal_data": pii_rows()[1],
        "refusals": refusals()[1],
        "texts": sources,
    }
    return figures, {"seed": SEED, "data": data, "counts": {"answers": len(answers), "secret_kinds": len(of)}}


def _costs(of: list[Kind], answers: tuple[str, ...], quick: bool) -> dict[str, Any]:
    note("cost of a chunk")
    found = cost_figures(answers, random.Random(SEED), quick=quick)
    found |= naive_figures([kind.rule for kind in of], answers, random.Random(SEED), quick=quick)
    found |= ratios(found)
    note("cost of long answers")
    return found | scaling_figures(answers, random.Random(SEED), quick=quick)


def _secrets(of: list[Kind], quick: bool) -> dict[str, Any]:
    policy = CompiledPolicy(WatchPolicy())
    note("secrets")
    found = recall_figures(policy, of, QUICK_SAMPLES if quick else SAMPLES, random.Random(SEED))
    note("near misses")
    count = QUICK_NEAR_MISSES if quick else NEAR_MISSES
    found |= near_miss_figures(policy, of, count, random.Random(SEED))
    note("text without secrets")
    characters = QUICK_FALSE_CHARACTERS if quick else FALSE_CHARACTERS
    return found | false_figures(policy, characters, random.Random(SEED))


def _personal(quick: bool) -> dict[str, Any]:
    note("personal data")
    by_kind = pii_figures(pii_rows()[0])
    other = {f"{name}_other_half": value for name, value in worst_figures(by_kind, "other").items()}
    characters = QUICK_PERSONAL_CHARACTERS if quick else PERSONAL_CHARACTERS
    return {"pii": by_kind, **worst_figures(by_kind, "all"), **other} | _personal_false(characters)


def _personal_false(characters: int) -> dict[str, Any]:
    """Return what is taken for personal data; tables are left out, for they hold generated addresses."""
    of, rng = [kind for kind in benign_text.kinds() if kind not in TABLES], random.Random(SEED)
    found = {kind: false_items(benign_text.texts(kind, characters // len(of), rng)) for kind in of}
    return {
        "pii_items_by_text": {
            kind: {"characters": each["characters"]} | {name: n for name, n in each["items"].items() if n}
            for kind, each in found.items()
        },
        "pii_items_per_million_chars": 1e6
        * sum(sum(each["items"].values()) for each in found.values())
        / sum(each["characters"] for each in found.values()),
    }


def _degenerate(answers: tuple[str, ...]) -> dict[str, Any]:
    note("loops and refusals")
    return {**loop_figures(random.Random(SEED), answers), **refusal_figures(refusals()[0])}


if __name__ == "__main__":
    conduct_offline("watching", __doc__, measure, at_least=AT_LEAST, at_most=AT_MOST)
