"""Finds words by which an answer says that it is unsure, assumes something, or corrects itself."""

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding

CHECK = "hedging"

SAYINGS = {
    "approximates": ("approximately", "roughly", "about ", "rounded", "round up", "round down", "≈"),
    "assumes": ("assum", "suppose", "presumably", "it is likely", "probably", "might be", "may be"),
    "cannot_tell": (
        "cannot", "can't", "not possible", "impossible", "not enough information", "not provided", "not specified",
        "unknown", "unclear", "not given", "don't know", "do not know", "i'm not sure", "not sure",
    ),
    "turns": ("however", "but ", "actually", "wait,", "mistake", "i apologize", "correction", "on second thought"),
    "argues": ("since", "because", "therefore", "this means"),
    "unknowns": ("let's", " let ", "denote", "represent", "equation", "solving for", "solve for"),
}  # fmt: skip


def check(answered: Answered) -> Finding:
    """Return whether the answer is free of doubt about itself; an honest doubt is a finding too, not a fault."""
    said = {
        kind: next((word for word in words if word in answered.lowered), None)
        for kind, words in SAYINGS.items()
    }
    doubt = said["cannot_tell"] or said["assumes"]
    features = {kind: word is not None for kind, word in said.items()}
    return finding(CHECK, doubt is None, features, answered.note(f"says {doubt.strip()!r}") if doubt else "")
