"""Harmless texts of five kinds, as different as what two specialists or tenants are sent: what false alarms are
counted on.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sets.given import Origin, content_of, given_file

ANSWERS = "guards/benign_answers.jsonl.gz"
INJECTION = "guards/injection_dev.jsonl.gz"
DOCUMENTS = "guards/injection_dev_bysa.jsonl.gz"
MODERATION = "guards/moderation.jsonl.gz"
GENERATED = 1_000
"""Texts of each kind where no data are given."""


@dataclass(frozen=True)
class Traffic:
    """Different texts by kind, and where they come from."""

    kinds: Mapping[str, tuple[str, ...]]
    origin: Origin

    def counts(self) -> dict[str, int]:
        """Return how many texts each kind has."""
        return {kind: len(texts) for kind, texts in self.kinds.items()}


def traffic() -> Traffic:
    """Return the texts of `$GUARDIAN_DATA`, else those beside the repository, else generated ones.

    Raises RuntimeError, naming the file, where one that is there cannot be read.
    """
    files = {name: given_file(name) for name in (ANSWERS, INJECTION, DOCUMENTS, MODERATION)}
    found = {name: place for name, place in files.items() if place is not None}
    if len(found) < len(files):
        return generated()
    rows = {name: _rows(path) for name, (path, _) in found.items()}
    return Traffic(kinds_of(rows), found[ANSWERS][1])


def kinds_of(rows: Mapping[str, list[Mapping[str, Any]]]) -> dict[str, tuple[str, ...]]:
    """Return the harmless texts of each kind, every text once."""
    clean = [row for name in (INJECTION, DOCUMENTS) for row in rows[name] if row["label"] == 0]
    kinds = {
        "answers": [row["answer"] for row in rows[ANSWERS]],
        "instructions": [row["query"] for row in rows[ANSWERS]],
        "prompts": [row["text"] for row in clean if row["set"] in ("deepset", "jackhhao")],
        "moderation": [row["text"] for row in rows[MODERATION] if _is_harmless(row)],
        "documents": [row["text"] for row in clean if row["set"].startswith("bipia")],
    }
    return {kind: tuple(dict.fromkeys(texts)) for kind, texts in kinds.items()}


def _is_harmless(row: Mapping[str, Any]) -> bool:
    return not row["withheld"] and 1 not in row["labels"].values()


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        return [json.loads(line) for line in content_of(path).splitlines()]
    except (OSError, EOFError, ValueError) as error:
        raise RuntimeError(f"cannot read the texts in {path}: {error}") from error


_WORDS = {
    "answers": "the result is therefore a number of reasons first second finally however in summary",
    "instructions": "write explain list give describe summarize me a short three ways to the best",
    "prompts": "you are act as my please ignore what I said now tell answer only with how the",
    "moderation": "he she they said it was never again love fight home night why so because",
    "documents": "| year name total from: to: subject: meeting 12 7 report team league points",
}


def generated(seed: int = 1, texts: int = GENERATED) -> Traffic:
    """Return texts that nobody wrote, of different words and lengths for each kind."""
    rng = random.Random(seed)
    kinds: dict[str, tuple[str, ...]] = {}
    for number, (kind, words) in enumerate(_WORDS.items(), 1):
        lengths = [int(rng.lognormvariate(1.5 + 0.5 * number, 0.7)) + 3 for _ in range(texts)]
        made = [" ".join(rng.choices(words.split(), k=length)) for length in lengths]
        kinds[kind] = tuple(dict.fromkeys(made))
    return Traffic(kinds, "generated")
