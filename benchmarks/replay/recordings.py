"""Finds the recorded answers that are replayed; where there are none, generates some of the same form."""

import gzip
import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Row = Mapping[str, Any]
"""One recorded question, with the fields that its file has (docs/benchmarks.md)."""
Origin = Literal["given", "repository neighbour", "generated"]

FILES = {
    "mmlu": "routing/mmlu.jsonl.gz",
    "gsm8k": "routing/gsm8k.jsonl.gz",
    "four_models": "routing/fourmodels_val.jsonl.gz",
}
REPOSITORY = Path(__file__).resolve().parents[2]
MAX_BYTES = 200_000_000
"""Of one file, unpacked."""


@dataclass(frozen=True)
class Recordings:
    """Questions with what is known of the answers of several models; their order is the files'."""

    mmlu: tuple[Row, ...]
    """Multiple choice: `prompt`, `subject`, `weak_correct`, `strong_correct`."""
    gsm8k: tuple[Row, ...]
    """School mathematics: `prompt`, `gold_answer`, and `weak` and `strong` with `answer`, `correct_recorded`,
    `correct_regraded`, `correct_reviewed`, `est_cost_usd`."""
    four_models: tuple[Row, ...]
    """`prompt`, `source`, `arms`: model -> `reward` (0..1) and `cost_usd`."""
    origin: Origin

    def counts(self) -> dict[str, int]:
        """Return how many rows each file has."""
        return {"mmlu": len(self.mmlu), "gsm8k": len(self.gsm8k), "four_models": len(self.four_models)}


def recordings() -> Recordings:
    """Return the recordings of `$GUARDIAN_DATA`, else those beside the repository, else generated ones."""
    given = os.environ.get("GUARDIAN_DATA")
    if given:
        return load(Path(given), "given")
    beside = REPOSITORY.parent.joinpath("shared", "data")
    if all((beside / file).is_file() for file in FILES.values()):
        return load(beside, "repository neighbour")
    return generated()


def load(folder: Path, origin: Origin) -> Recordings:
    """Read the files of one folder. Raises RuntimeError, naming the file, where one cannot be read."""
    read = {name: _rows(folder / file) for name, file in FILES.items()}
    return Recordings(**read, origin=origin)


def _rows(path: Path) -> tuple[Row, ...]:
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        return tuple(map(json.loads, content.splitlines()))
    except (OSError, EOFError, ValueError) as error:
        raise RuntimeError(f"cannot read the recordings in {path}: {error}") from error


def generated(seed: int = 1, rows: int = 1_000) -> Recordings:
    """Return recordings that nobody made: harder kinds of question are those with certain words and more text.

    They show that the benchmark runs, and nothing of how good the routing is.
    """
    rng = random.Random(seed)
    return Recordings(
        mmlu=tuple(_choice_row(rng, number) for number in range(2 * rows)),
        gsm8k=tuple(_sum_row(rng, number) for number in range(rows)),
        four_models=tuple(_four_row(rng, number) for number in range(rows)),
        origin="generated",
    )


_SUBJECTS = {
    "chemistry": ("acid", "molar", "reaction", "ion", "solution"),
    "history": ("treaty", "king", "war", "century", "empire"),
    "law": ("contract", "court", "liable", "statute", "plaintiff"),
    "algebra": ("group", "ring", "degree", "polynomial", "field"),
}
_WEAK = {"chemistry": 0.5, "history": 0.85, "law": 0.6, "algebra": 0.35}
_MODELS = {"small": (0.75, 3e-5), "medium": (0.92, 5e-4), "large": (0.93, 9e-4), "huge": (0.94, 1.5e-2)}


def _choice_row(rng: random.Random, number: int) -> Row:
    subject = rng.choice(list(_SUBJECTS))
    length = rng.randint(5, 60)
    words = [rng.choice((*_SUBJECTS[subject], "the", "of", "which", "is", "a")) for _ in range(length)]
    weak = rng.random() < _WEAK[subject] - length / 300
    return {
        "id": f"mmlu-{subject}-{number:04}",
        "subject": subject,
        "prompt": f"{' '.join(words)}?\nA. one\nB. two\nC. three\nD. four\nAnswer:",
        "weak_correct": weak,
        "strong_correct": rng.random() < (0.95 if weak else 0.6),
    }


def _sum_row(rng: random.Random, number: int) -> Row:
    terms = [rng.randint(2, 60) for _ in range(rng.randint(2, 6))]
    bought = ", then ".join(f"{term} apples" for term in terms)
    return {
        "id": f"gsm8k-{number:04}",
        "prompt": f"Ann buys {bought}. How many apples does she have?",
        "gold_answer": float(sum(terms)),
        "gold_solution": f"{'+'.join(map(str, terms))}={sum(terms)}\n#### {sum(terms)}",
        "weak": _sum_answer(rng, terms, "weak", 0.12 * len(terms), 2e-5),
        "strong": _sum_answer(rng, terms, "strong", 0.06, 2e-3),
    }


def _sum_answer(rng: random.Random, terms: list[int], model: str, wrong: float, cost_usd: float) -> Row:
    total = sum(terms) + (rng.choice((-10, -1, 1, 10)) if rng.random() < wrong else 0)
    right = total == sum(terms)
    return {
        "model": model,
        "answer": f"She has {' + '.join(map(str, terms))} = {total} apples.\n#### {total}",
        "final_number": float(total),
        "correct_recorded": right,
        "correct_regraded": right,
        "regrade_doubtful": False,
        "correct_reviewed": right,
        "est_tokens": 60,
        "est_cost_usd": cost_usd,
    }


def _four_row(rng: random.Random, number: int) -> Row:
    hard = rng.random() < 0.3
    question = "Prove that the following holds for every n" if hard else "What is the capital of the country"
    arms = {
        name: {
            "reward": round(min(1.0, max(0.0, rng.gauss(mean - (0.4 * (1 - mean) * hard), 0.1))), 3),
            "cost_usd": cost_usd * rng.uniform(0.5, 2.0),
        }
        for name, (mean, cost_usd) in _MODELS.items()
    }
    return {"id": f"four-{number:04}", "prompt": f"{question} {number}?", "source": "made", "arms": arms}
