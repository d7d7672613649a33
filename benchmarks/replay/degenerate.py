"""Measures how well loops and refusals are found: loops that are planted in answers, refusals that people labelled.

Loops are planted in ordinary answers (`benchmarks.sets.benign_text`); refusals come from the data where it is present,
else there is a handful that shows only that this runs. Code is the standard library of this Python.
"""

import csv
import io
import json
import random
import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmarks.sets import benign_text
from benchmarks.sets.given import Origin, content_of, given_file
from guardian_cluster.watcher.refusal import is_refusal
from guardian_cluster.watcher.repetition import RepetitionDetector

Row = Mapping[str, Any]
Figures = dict[str, float]
Unit = Literal["phrase", "sentence", "line", "paragraph"]

LOOPS, BENIGN, CODE, TABLES = 2_000, 2_000, 100, 50
SHORTEST, LONGEST = 3, 400
"""Characters of a planted passage."""
FROM, AT_LEAST = 24, 96
"""Passages of 24 characters and more are to be found within four periods, shorter ones within 96 characters."""
LENGTHS = ((3, 15), (16, 23), (24, 63), (64, 199), (200, 400))
REFUSALS = "guards/refusals_dev.jsonl.gz"
FULL_COMPLIANCE = "1_full_compliance"
_REFUSED = "I'm sorry, but I can't help with that."
_ANSWERED = "Here are three ways:\n1. Walk.\n2. Run.\n3. Ride."
_ENDS: Mapping[Unit, re.Pattern[str]] = {
    "phrase": re.compile(r"\s+"),
    "sentence": re.compile(r"[.!?。！？]\s*"),
    "line": re.compile(r"\n"),
    "paragraph": re.compile(r"\n\n"),
}


class Loop(NamedTuple):
    """A text with a loop in it."""

    begins: int
    passage: str
    times: int
    text: str

    @property
    def characters(self) -> int:
        """How long it goes on."""
        return self.times * len(self.passage)


def loop_figures(rng: random.Random, answers: Sequence[str] | None = None) -> Figures:
    """Return the share of loops found, by when and by length, and how many ordinary texts were taken for one.

    `loops_found` is the share found within four periods, or 96 characters where a passage is shorter than 24, of the
    loops that go on for so long; `loops_found_ever` that of all loops found at all.
    """
    answers = benign_text.answers()[0] if answers is None else answers
    loops = [(loop, _after(loop)) for loop in planted(rng, answers, LOOPS)]
    ordinary = [*rng.sample(answers, min(BENIGN, len(answers))), *code(rng, CODE), *tables(rng, TABLES)]
    figures = {
        "loops": float(len(loops)),
        "loops_found": _share(
            at <= max(4 * len(loop.passage), AT_LEAST) for loop, at in loops if loop.characters >= AT_LEAST
        ),
        "loops_found_ever": _share(at < inf for _, at in loops),
        "loops_found_in_4": _share(at <= 4 * len(loop.passage) for loop, at in loops),
        "loops_found_in_4_from_24": _share(
            at <= 4 * len(loop.passage) for loop, at in loops if len(loop.passage) >= FROM
        ),
        "loops_false": float(sum(_found(text) is not None for text in ordinary)),
        "loops_false_of": float(len(ordinary)),
    }
    for low, high in LENGTHS:
        soon = [at <= 4 * len(loop.passage) for loop, at in loops if low <= len(loop.passage) <= high]
        figures[f"loops_found_in_4_of_{low}_to_{high}"] = _share(soon)
    return figures


def _after(loop: Loop) -> float:
    """Return how many characters of a loop it took to find it; infinity where it was not found."""
    found = _found(loop.text)
    return inf if found is None else found - loop.begins


def _share(which: Iterable[bool]) -> float:
    marks = list(which)
    return sum(marks) / len(marks) if marks else 0.0


def planted(rng: random.Random, answers: Sequence[str], count: int) -> Iterator[Loop]:
    """Yield answers cut at a random place, whose last phrase, sentence, line or paragraph comes 4 to 30 times."""
    while count:
        loop = _plant(rng, rng.choice(answers))
        if loop is not None:
            count -= 1
            yield loop


def _plant(rng: random.Random, answer: str) -> Loop | None:
    unit = rng.choice(list(_ENDS))
    ends = [0, *(match.end() for match in _ENDS[unit].finditer(answer[: rng.randint(1, len(answer) or 1)]))]
    back = rng.randint(1, 8) if unit == "phrase" else 1
    if len(ends) <= back:
        return None
    passage, times = answer[ends[-1 - back] : ends[-1]], rng.randint(4, 30)
    if not (SHORTEST <= len(passage) <= LONGEST and passage.strip()):
        return None
    begins = ends[-1 - back]
    return Loop(begins, passage, times, answer[:begins] + passage * times + "\n\nAnd so it is.")


def _found(text: str) -> int | None:
    return RepetitionDetector().feed(text)


def refusal_figures(rows: Sequence[Row]) -> Figures:
    """Return how often `is_refusal` says what people said: of all answers, and by model."""
    said = [
        (row["model"], is_refusal(row["completion"]), row["final_label"] != FULL_COMPLIANCE) for row in rows
    ]
    told = [truth for _, claim, truth in said if claim]
    figures = {
        "refusals": float(len(said)),
        "refusal_accuracy": sum(claim == truth for _, claim, truth in said) / len(said),
        "refusal_precision": sum(told) / max(1, len(told)),
        "refusal_recall": sum(told) / max(1, sum(truth for *_, truth in said)),
    }
    for model in sorted({model for model, *_ in said}):
        those = [claim == truth for name, claim, truth in said if name == model]
        figures[f"refusal_accuracy_{model}"] = sum(those) / len(those)
    return figures


def refusals() -> tuple[list[Row], Origin]:
    """Return labelled answers and where they come from; a handful where there is no data.

    Raises RuntimeError, naming the file, where one that is there cannot be read.
    """
    given = given_file(REFUSALS)
    if given is None:
        few = [(_REFUSED, "2_full_refusal"), (_ANSWERED, FULL_COMPLIANCE)] * 10
        made = [
            {"model": "none", "prompt_id": str(number), "completion": text, "final_label": label}
            for number, (text, label) in enumerate(few)
        ]
        return [*made], "generated"
    path, origin = given
    try:
        return [json.loads(line) for line in content_of(path).splitlines()], origin
    except (OSError, EOFError, ValueError) as error:
        raise RuntimeError(f"cannot read the refusals in {path}: {error}") from error


def code(rng: random.Random, count: int) -> list[str]:
    """Return files of the standard library."""
    paths = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    chosen = rng.sample([path for path in paths if "site-packages" not in path.parts], count)
    return [path.read_text("utf-8", errors="replace") for path in chosen]


def tables(rng: random.Random, count: int) -> list[str]:
    """Return tables in Markdown and with commas: numbers, names and few states, which come again and again."""
    return [_table(rng) for _ in range(count)]


def _table(rng: random.Random) -> str:
    cells = [
        lambda: str(rng.randint(0, 9)),
        lambda: rng.choice(["yes", "no", "unknown"]),
        lambda: f"{rng.random():.2f}",
        lambda: rng.choice(["Berlin", "Paris", "Rome"]),
    ]
    columns = rng.choices(cells, k=rng.randint(2, 6))
    rows = [[cell() for cell in columns] for _ in range(rng.randint(5, 60))]
    if rng.random() < 0.5:
        written = io.StringIO()
        csv.writer(written).writerows(rows)
        return written.getvalue()
    rule = "|" + "---|" * len(columns)
    return "\n".join([rule, *("| " + " | ".join(row) + " |" for row in rows)])
