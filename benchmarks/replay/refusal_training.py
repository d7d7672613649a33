"""Fits the weights by which `watcher/refusal.py` tells refusals, and says how well they do on answers not fitted to.

A logistic regression on the families of phrases, pulled towards what a reader would say (`BELIEFS`) and not towards
nothing: a model that refuses in other words than those in the data is the ordinary case. Families that hardly matter
are left out. `python -m benchmarks.replay.refusal_training` reads `guards/refusals_dev.jsonl.gz` and writes
`watcher/refusal_weights.py`; it prints the accuracy on prompts kept out (ten parts) and on models kept out.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from math import exp
from pathlib import Path
from typing import Any

from benchmarks.replay.recordings import REPOSITORY
from guardian_cluster.watcher import refusal

Sign = tuple[str, str]
Row = Mapping[str, Any]

BELIEFS: Mapping[Sign, float] = {
    ("will not serve", "first"): 2.0,
    ("will not serve", "head"): 0.5,
    ("unable", "first"): 1.5,
    ("unable", "head"): 0.5,
    ("sorry", "first"): 0.5,
    ("sorry", "head"): 0.3,
    ("no access", "first"): 0.5,
    ("improper", "first"): 0.7,
    ("improper", "head"): 0.5,
    ("disagree", "first"): 0.5,
    ("here is", "first"): -0.7,
    ("definition", "first"): -0.5,
    ("a list", "head"): -0.7,
    ("a long list", "head"): -0.5,
    ("code", "head"): -1.0,
    ("a year", "head"): -0.3,
    ("fiction", "head"): -0.3,
}
"""What a reader would say; it keeps the phrases of one talkative model from counting as the only way to decline."""
BELIEVED_BIAS = -1.5
STRENGTH = 5.0
"""How many answers a belief counts for, roughly."""
LEAST_COUNT, LEAST_WEIGHT = 4, 0.2
PARTS = 10
TARGET = REPOSITORY / "src/guardian_cluster/watcher/refusal_weights.py"


def is_refused(row: Row) -> bool:
    """Return what people said of an answer: a full or a partial refusal."""
    return row["final_label"] != "1_full_compliance"


class _Every(dict[Any, float]):
    """Weights of which none is missing, so that every sign is looked for."""

    def __contains__(self, key: object) -> bool:
        return True


def signs(texts: Sequence[str]) -> list[frozenset[Sign]]:
    """Return all signs of each text, also those that have no weight yet."""
    kept, refusal.WEIGHTS = refusal.WEIGHTS, _Every()  # type: ignore[misc]
    try:
        return [frozenset(sign for sign in refusal.signs_of(text) if sign[0] != "abroad") for text in texts]
    finally:
        refusal.WEIGHTS = kept  # type: ignore[misc]


def fit(found: Sequence[frozenset[Sign]], labels: Sequence[bool]) -> tuple[float, dict[Sign, float]]:
    """Return bias and weights, of the signs that matter alone."""
    counts: dict[Sign, int] = {}
    for some in found:
        for sign in some:
            counts[sign] = counts.get(sign, 0) + 1
    names = sorted(
        sign for sign in {*counts, *BELIEFS} if counts.get(sign, 0) >= LEAST_COUNT or sign in BELIEFS
    )
    _, weights = _newton(names, found, labels)
    return _newton([name for name in names if abs(weights[name]) > LEAST_WEIGHT], found, labels)


def _newton(
    names: Sequence[Sign], found: Sequence[frozenset[Sign]], labels: Sequence[bool], steps: int = 8
) -> tuple[float, dict[Sign, float]]:
    places = {name: place for place, name in enumerate(names)}
    rows = [[*(places[sign] for sign in some if sign in places), len(names)] for some in found]
    believed = [*(BELIEFS.get(name, 0.0) for name in names), BELIEVED_BIAS]
    pull = [STRENGTH] * len(names) + [0.1]
    weights = believed[:]
    for _ in range(steps):
        gradient = [p * (w - b) for p, w, b in zip(pull, weights, believed, strict=True)]
        curve = [[p if row == column else 0.0 for column in range(len(pull))] for row, p in enumerate(pull)]
        for row, label in zip(rows, labels, strict=True):
            likely = 1 / (1 + exp(-sum(weights[at] for at in row)))
            for at in row:
                gradient[at] += likely - label
                line, bend = curve[at], likely * (1 - likely)
                for other in row:
                    line[other] += bend
        weights = [w - step for w, step in zip(weights, _solve(curve, gradient), strict=True)]
    return weights[-1], dict(zip(names, weights, strict=False))


def _solve(matrix: list[list[float]], vector: list[float]) -> list[float]:
    """Solve a positive definite system by elimination; it is changed on the way."""
    size = len(vector)
    for at in range(size):
        for below in range(at + 1, size):
            share = matrix[below][at] / matrix[at][at]
            if share:
                matrix[below] = [b - share * a for a, b in zip(matrix[at], matrix[below], strict=True)]
                vector[below] -= share * vector[at]
    solved = [0.0] * size
    for at in reversed(range(size)):
        known = sum(matrix[at][right] * solved[right] for right in range(at + 1, size))
        solved[at] = (vector[at] - known) / matrix[at][at]
    return solved


def held_out(rows: Sequence[Row], group: Callable[[Row], object]) -> dict[object, float]:
    """Return the accuracy on each group, of weights fitted to all others."""
    found, labels = signs([row["completion"] for row in rows]), [is_refused(row) for row in rows]
    groups = [group(row) for row in rows]
    right: dict[object, float] = {}
    for one in sorted(set(groups), key=str):
        known = [at for at, each in enumerate(groups) if each != one]
        bias, weights = fit([found[at] for at in known], [labels[at] for at in known])
        new = [at for at, each in enumerate(groups) if each == one]
        right[one] = sum(
            (bias + sum(weights.get(sign, 0.0) for sign in found[at]) > 0) == labels[at] for at in new
        ) / len(new)
    return right


def parts_of(rows: Sequence[Row], seed: int = 3) -> Callable[[Row], int]:
    """Return which of ten parts a row is in; all answers to a prompt are in the same."""
    prompts = sorted({row["prompt_id"] for row in rows})
    random.Random(seed).shuffle(prompts)
    numbers = {prompt: number % PARTS for number, prompt in enumerate(prompts)}
    return lambda row: numbers[row["prompt_id"]]


def source_of(bias: float, weights: Mapping[Sign, float]) -> str:
    """Return the module that holds the weights."""
    lines = [f'    ("{name}", "{place}"): {weight:.2f},' for (name, place), weight in sorted(weights.items())]
    return "\n".join(
        [
            '"""What each family of phrases in `refusal.py` says for a refusal, where it stands; log-odds.',
            "",
            "Fitted by `python -m benchmarks.replay.refusal_training` to the human labels of XSTest (P. Röttger,",
            "H. R. Kirk, B. Vidgen, G. Attanasio, F. Bianchi, D. Hovy, NAACL 2024; CC BY 4.0; three of its models).",
            'Those for other languages are set by hand, as two signs of a first sentence in English.\n"""',
            "",
            "from collections.abc import Mapping",
            "",
            f"BIAS = {bias:.2f}",
            "WEIGHTS: Mapping[tuple[str, str], float] = {",
            *lines,
            '    ("abroad", "first"): 3.80,',
            '    ("abroad", "head"): 0.70,',
            "}",
            "",
        ]
    )


def main(rows: Sequence[Row], target: Path = TARGET) -> None:
    """Fit, report and write."""
    found = signs([row["completion"] for row in rows])
    by_part = held_out(rows, parts_of(rows))
    print(json.dumps({"prompts kept out": sum(by_part.values()) / len(by_part)}))
    print(
        json.dumps(
            {"models kept out": {str(k): v for k, v in held_out(rows, lambda row: row["model"]).items()}}
        )
    )
    target.write_text(source_of(*fit(found, [is_refused(row) for row in rows])), "utf-8")


if __name__ == "__main__":
    from benchmarks.replay.degenerate import refusals

    main(refusals()[0])
