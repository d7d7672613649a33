"""How the benchmark counts what detectors of personal data find."""

from typing import Any

from benchmarks.replay.pii import false_items, pii_figures


def row(text: str, label: str, value: str, template: int) -> dict[str, Any]:
    start = text.index(value)
    span = {"type": label, "start": start, "end": start + len(value), "value": value}
    return {"text": text, "spans": [span], "template_id": template}


def test_figures_are_counted_by_kind_and_half():
    figures = pii_figures(
        [
            row("my card 4111111111111111", "CREDIT_CARD", "4111111111111111", 2),
            row("my card 4111111111111112", "CREDIT_CARD", "4111111111111112", 4),
            row("a@b.com or the host 10.1.2.3", "IP_ADDRESS", "10.1.2.3", 3),
        ]
    )

    assert figures["tried"]["card"] == {"labelled": 2, "items": 1, "precision": 1.0, "recall": 0.5}
    assert figures["other"]["ip"] == {"labelled": 1, "items": 1, "precision": 1.0, "recall": 1.0}
    assert figures["other"]["email"] == {"labelled": 0, "items": 1, "precision": 0.0, "recall": None}


def test_items_in_texts_without_any_are_counted_per_million_characters():
    figures = false_items(["x" * 90, "to a@b.com"])

    assert figures["items"]["email"] == 1
    assert figures["per_million_characters"] == 10_000.0
