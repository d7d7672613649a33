"""Measures detectors of personal data against labelled texts: precision and recall by kind.

A labelled span is found when an item of its kind overlaps it, and an item is right when a labelled span of its kind
overlaps it. Rows are split by the template they were made from, into templates of even number, on which rules were
tried, and of odd number.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from guardian_cluster.watcher.pii.detector import PiiDetector
from guardian_cluster.watcher.pii.found import Found

LABELS = {
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "EMAIL_ADDRESS": "email",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
}
"""Kinds by the label that the texts give them."""
HALVES = ("tried", "other")
ALL = "all"


def pii_figures(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return for each half, and both, by kind the labelled spans, items, precision and recall.

    These are `None` where there are no items or no spans.
    """
    detector = PiiDetector(frozenset(LABELS.values()))
    counts: dict[str, Counter[tuple[str, str]]] = {half: Counter() for half in HALVES}
    for row in rows:
        found = detector.find(row["text"], last=True)
        _count(counts[HALVES[row["template_id"] % 2]], row["spans"], found)
    counts[ALL] = sum(counts.values(), Counter[tuple[str, str]]())
    return {
        half: {kind: _figures(counted, kind) for kind in LABELS.values()} for half, counted in counts.items()
    }


def worst_figures(figures: Mapping[str, Any], part: str) -> dict[str, float | None]:
    """Return what the goals are about in one part: the lowest of all kinds but phone numbers, and those apart.

    `None` where some kind has no spans or no items.
    """
    kinds = figures[part]
    found: dict[str, float | None] = {}
    for name in ("precision", "recall"):
        values = [kinds[kind][name] for kind in kinds if kind != "phone"]
        found[f"pii_{name}_worst"] = None if None in values else min(values)
        found[f"pii_phone_{name}"] = kinds["phone"][name]
    return found


def false_items(texts: Iterable[str]) -> dict[str, Any]:
    """Return how many items of each kind are found in texts that should hold none, and per million characters."""
    kinds = (*LABELS.values(), "national_id")
    detector = PiiDetector(frozenset(kinds))
    found: Counter[str] = Counter()
    characters = 0
    for text in texts:
        characters += len(text)
        found.update(item.kind for item in detector.find(text, last=True))
    return {
        "characters": characters,
        "items": {kind: found[kind] for kind in kinds},
        "per_million_characters": round(1e6 * found.total() / characters, 3) if characters else None,
    }


def _count(counted: Counter[tuple[str, str]], spans: list[dict[str, Any]], found: list[Found]) -> None:
    for kind in LABELS.values():
        labelled = [(span["start"], span["end"]) for span in spans if LABELS.get(span["type"]) == kind]
        items = [(item.start, item.end) for item in found if item.kind == kind]
        counted[kind, "labelled"] += len(labelled)
        counted[kind, "items"] += len(items)
        counted[kind, "found"] += sum(_overlaps(span, items) for span in labelled)
        counted[kind, "right"] += sum(_overlaps(item, labelled) for item in items)


def _overlaps(one: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(start < one[1] and one[0] < end for start, end in others)


def _figures(counted: Counter[tuple[str, str]], kind: str) -> dict[str, Any]:
    labelled, items = counted[kind, "labelled"], counted[kind, "items"]
    return {
        "labelled": labelled,
        "items": items,
        "precision": round(counted[kind, "right"] / items, 4) if items else None,
        "recall": round(counted[kind, "found"] / labelled, 4) if labelled else None,
    }
