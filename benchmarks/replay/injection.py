"""Measures the scorers of injection and harm on sets that they were not trained on, beside what is trivial.

Leave one set out: a model is trained without all sets of one family and held against each of them. The sets of
BIPIA are one family, for they bury the same attacks. The learned weights know nothing of the set; the lexicon, and
what each signal counts, were written with these sets in view, so the figures are kinder than those of new sets.
`mean_auroc` is the mean of all cells; `alone` has each signal's own. Prompts are scored as a user's, sets that say
where an attack lies as documents.
After that 200 labelled examples of the set itself, in groups and with attacks that the rest has no part in,
calibrate the score, which the gateway does not do yet (`benchmarks/replay/local.py`); the threshold is where
`LOCAL_TPR` of its attacks among them are found, and rates are counted on the rest. `tpr_local` is the lowest of all
sets.
Trivial are the count of usual phrases by a regular expression, and the length.
"""

import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from benchmarks.replay.local import local_evidence, local_model
from benchmarks.replay.scorer_training import MARKS, Corpus, Row, family_of, harm_model, injection_model
from guardian_cluster.statistics.calibration import Evidence
from guardian_cluster.watcher.scoring.harm import CATEGORIES, HarmScorer
from guardian_cluster.watcher.scoring.injection import InjectionScorer, Reading, Signals, Source, probability
from guardian_cluster.watcher.scoring.segments import windows

LOCAL_EXAMPLES = 200
LOCAL_TPR = 0.75
"""Asked of the local examples, so that 0.70 is reached on the rest with room for chance."""
SPLITS = 10
HARM_PARTS = 3
USUAL = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:previous|prior|above|instructions?|rules|everything|all)"
    r"|\b(?:act|behave) as\b|\bpretend (?:to be|you)|\byou are (?:now|going to)\b|\bfrom now on\b|\bjailbreak"
    r"|\bdo anything now\b|\bdeveloper mode\b|\b(?:reveal|show|print|repeat)\b.{0,40}\b(?:prompt|instructions?)"
    r"|\bno (?:restrictions|limits)\b|\bvergiss\b|\bignoriere?\b",
    re.IGNORECASE,
)
TRIGGERS = re.compile(
    r"\b(?:ignor|disregard|forget|overrid|bypass|instruct|prompt|system|previous|rules?\b|pretend|role|act as|secret"
    r"|password|developer|reveal|jailbreak|anweisung|vergiss|vergess)",
    re.IGNORECASE,
)
HARM_WORDS = {
    "S": "sex sexual fuck cock pussy naked cum nude breasts horny penis orgasm",
    "H": "jews muslims gay trans immigrants hate race women black white disgusting inferior",
    "V": "kill murder shoot stab blood beat punch bomb attack die",
    "HR": "stupid idiot ugly bitch kill you loser moron pathetic",
    "SH": "suicide cut myself cutting kill self harm die razor",
    "H2": "kill exterminate gas jews muslims hang deport shoot",
    "V2": "blood gore guts intestines corpse head skull flesh",
}


class Cell(NamedTuple):
    """One set that was left out."""

    auroc: float
    regex: float
    length: float
    """Longer counts as worse."""
    attacks: int
    harmless: int


class Local(NamedTuple):
    """One set after calibration on its own examples; means over splits.

    With `words`, the words of the examples are learned beside the weights of the signals.
    """

    auroc: float
    tpr: float
    fpr: float
    trigger_false: float
    """Harmless texts with words of attacks that were flagged, and how many there were."""
    triggers: float
    others_false: float | None
    """Share of harmless prompts of no set, with such words, that were flagged; `None` for documents."""


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return how often one of the first ranks above one of the second, ties by half."""
    ordered = sorted(negative)
    wins = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in positive)
    return wins / 2 / len(positive) / len(negative)


def source_of(rows: Sequence[Row]) -> Source:
    """Return how the rows of a set are scored."""
    return Source.DOCUMENT if any(row.get("position") for row in rows) else Source.PROMPT


def readings(scorer: InjectionScorer, rows: Sequence[Row], source: Source) -> list[Reading]:
    """Return what is found in the worst window of each row."""
    each = [[scorer.read(window, source) for window in windows(row["text"])] for row in rows]
    return [max(one, key=lambda reading: probability(reading.signals, source)) for one in each]


def cell(rows: Sequence[Row], scores: Sequence[float]) -> Cell:
    """Return one set's figures."""

    def of(values: Sequence[float]) -> float:
        labelled = list(zip(rows, values, strict=True))
        return auroc(
            [value for row, value in labelled if row["label"]], [v for row, v in labelled if not row["label"]]
        )

    attacks = sum(bool(row["label"]) for row in rows)
    phrases = [len(USUAL.findall(row["text"])) for row in rows]
    return Cell(of(scores), of(phrases), of([len(row["text"]) for row in rows]), attacks, len(rows) - attacks)


def local(
    rows: Sequence[Row],
    read: Sequence[Reading],
    source: Source,
    others: Sequence[Reading],
    seed: int,
    *,
    words: bool,
) -> Local:
    """Return how a set is scored after some of its examples were learned from."""
    examples, rest = _split(rows, random.Random(seed))
    model = local_model(source)

    def evidence(reading: Reading) -> Evidence:
        return local_evidence(model, reading if words else reading._replace(buckets=()))

    def score(reading: Reading) -> float:
        return model.predict("set", evidence(reading)).probability

    for at in examples:
        model.learn("set", evidence(read[at]), float(rows[at]["label"]))
    found = sorted(score(read[at]) for at in examples if rows[at]["label"])
    threshold = found[int((1 - LOCAL_TPR) * len(found))]
    attacks = [score(read[at]) for at in rest if rows[at]["label"]]
    harmless = [
        (score(read[at]), bool(TRIGGERS.search(rows[at]["text"]))) for at in rest if not rows[at]["label"]
    ]
    false = [value >= threshold for value, trigger in harmless if trigger]
    return Local(
        auroc(attacks, [value for value, _ in harmless]),
        fmean(value >= threshold for value in attacks),
        fmean(value >= threshold for value, _ in harmless),
        float(sum(false)),
        float(len(false)),
        fmean(score(reading) >= threshold for reading in others) if others else None,
    )


def _split(rows: Sequence[Row], generator: random.Random) -> tuple[list[int], list[int]]:
    """Return the places of the local examples, about half of a small set, and of the rest.

    No group lies in both, and no attack: BIPIA buries one in many documents, and its words would be known.
    """
    groups = sorted({str(row["group"]) for row in rows})
    generator.shuffle(groups)
    wanted, chosen, left = min(LOCAL_EXAMPLES, len(rows) // 2), list[int](), list[int]()
    members: dict[str, list[int]] = {group: [] for group in groups}
    for at, row in enumerate(rows):
        members[str(row["group"])].append(at)
    for group in groups:
        (chosen if len(chosen) < wanted else left).extend(members[group])
    generator.shuffle(chosen)
    seen = {rows[at].get("attack") for at in chosen} - {None}
    return chosen, [at for at in left if rows[at].get("attack") not in seen]


def leave_one_out(corpus: Corpus, measured: Sequence[Row], others: Sequence[str]) -> dict[str, Any]:
    """Return the figures: `measured` are the rows of all sets, `others` harmless prompts of no set."""
    cells, calibrated, few = dict[str, Cell](), dict[str, Local](), dict[str, Local]()
    alone = dict[str, dict[str, float]]()
    for family in sorted({family_of(row) for row in measured}):
        scorer = InjectionScorer(injection_model(corpus.without(family)))
        for name in sorted({row["set"] for row in measured if family_of(row) == family}):
            rows = [row for row in measured if row["set"] == name]
            source = source_of(rows)
            read = readings(scorer, rows, source)
            cells[name] = cell(rows, [probability(one.signals, source) for one in read])
            signals = zip(*[one.signals for one in read], strict=True)
            alone[name] = {
                key: cell(rows, one).auroc for key, one in zip(Signals._fields, signals, strict=True)
            }
            prompts = [text for text in others if source is Source.PROMPT and TRIGGERS.search(text)]
            beside = readings(scorer, [{"text": text} for text in prompts], source)
            calibrated[name] = _local_mean(rows, read, source, beside, words=True)
            few[name] = _local_mean(rows, read, source, beside, words=False)
    return summary(cells, calibrated) | {"few_weights": _after(few), "alone": alone}


def _local_mean(
    rows: Sequence[Row], read: Sequence[Reading], source: Source, others: Sequence[Reading], *, words: bool
) -> Local:
    runs = [local(rows, read, source, others, seed, words=words) for seed in range(SPLITS)]
    others_false = [one.others_false for one in runs if one.others_false is not None]
    return Local(
        auroc=fmean(one.auroc for one in runs),
        tpr=fmean(one.tpr for one in runs),
        fpr=fmean(one.fpr for one in runs),
        trigger_false=fmean(one.trigger_false for one in runs),
        triggers=fmean(one.triggers for one in runs),
        others_false=fmean(others_false) if others_false else None,
    )


def summary(cells: dict[str, Cell], after: dict[str, Local]) -> dict[str, Any]:
    """Return the figures by their keys."""
    return {
        "mean_auroc": fmean(one.auroc for one in cells.values()),
        "cells_above_trivial": all(one.auroc > max(one.regex, one.length) for one in cells.values()),
        "cells": {name: one._asdict() for name, one in cells.items()},
        **_after(after),
    }


def _after(after: dict[str, Local]) -> dict[str, Any]:
    triggers = sum(one.triggers for one in after.values())
    others = [one.others_false for one in after.values() if one.others_false is not None]
    return {
        "mean_auroc_local": fmean(one.auroc for one in after.values()),
        "tpr_local": min(one.tpr for one in after.values()),
        "benign_trigger_false_rate": sum(one.trigger_false for one in after.values()) / max(1.0, triggers),
        "other_trigger_false_rate": fmean(others) if others else None,
        "local": {name: one._asdict() for name, one in after.items()},
    }


def harm(
    rows: Sequence[Row], model: Callable[[Sequence[Row]], Any] = harm_model
) -> dict[str, dict[str, float]]:
    """Return for each category the AUROC in parts left out of training, and that of a list of words and of length."""
    known = [row for row in rows if row["text"]]
    parts = [int(row["text_sha256"][:8], 16) % HARM_PARTS for row in known]
    scores: list[dict[str, float]] = [{} for _ in known]
    for part in range(HARM_PARTS):
        scorer = HarmScorer(model([row for row, own in zip(known, parts, strict=True) if own != part]))
        for at, row in enumerate(known):
            if parts[at] == part:
                scores[at] = scorer.scores(row["text"])
    return {name: _harm_cell(known, scores, name, mark) for name, mark in zip(CATEGORIES, MARKS, strict=True)}


def _harm_cell(
    rows: Sequence[Row], scores: Sequence[dict[str, float]], name: str, mark: str
) -> dict[str, float]:
    words = set(HARM_WORDS[mark].split())
    tokens = [re.findall(r"\w+", row["text"].lower()) for row in rows]
    listed = [sum(token in words for token in each) / (len(each) + 5) ** 0.5 for each in tokens]
    values = {
        "auroc": [one[name] for one in scores],
        "words": listed,
        "length": [len(r["text"]) for r in rows],
    }
    labels = [row["labels"].get(mark) for row in rows]
    return {key: _by_label(labels, each) for key, each in values.items()} | {
        "positive": float(labels.count(1))
    }


def _by_label(labels: Sequence[int | None], values: Sequence[float]) -> float:
    by = {
        wanted: [v for label, v in zip(labels, values, strict=True) if label == wanted] for wanted in (0, 1)
    }
    return auroc(by[1], by[0])
