"""Weak signs that a result cannot be right: parts of things that are counted, less than nothing, far too much."""

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding

CHECK = "magnitude"
_FAR = 100.0
"""Times the largest number of the question; products of two given numbers seldom reach it."""


def check(answered: Answered) -> Finding:
    """Return whether the final number and those on the way to it are of a possible size for what is asked."""
    final = answered.final
    counted = "how many" in answered.question.asking
    values = [each.claimed for each in answered.equations if each.claimed is not None]
    largest = max((abs(each.value) for each in answered.question.quantities), default=1.0)
    part = final is not None and final % 1 != 0
    features = {
        "part": float(part),
        "part_of_counted": float(part and counted),
        "long_fraction": float(any(_has_long_fraction(value) for value in (*values, final or 0.0))),
        "part_on_the_way": float(any(value % 1 for value in values)),
        "not_positive": float(final is not None and final <= 0),
        "negative_on_the_way": float(any(value < 0 for value in values)),
        "far_too_much": float(final is not None and abs(final) > _FAR * max(1.0, largest)),
        "one": float(final == 1),
        "below_given": float(final is not None and abs(final) < largest),
    }
    wrong = [_WORDS[name] for name in _WORDS if features[name]]
    detail = f"{final:g} is {wrong[0]}" if wrong and final is not None else ""
    return finding(CHECK, None if final is None else not wrong, features, detail)


_WORDS = {
    "part_of_counted": "no whole number, where things are counted",
    "not_positive": "not above nothing",
    "far_too_much": f"more than {_FAR:g} times the largest number given",
}


def _has_long_fraction(value: float) -> bool:
    return abs(value * 100 - round(value * 100)) > 1e-6
