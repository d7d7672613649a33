"""Redoes the arithmetic that an answer writes down."""

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding

CHECK = "arithmetic"


def check(answered: Answered) -> Finding:
    """Return whether every equation that can be read holds, up to rounding to the digits it prints."""
    checked = [each for each in answered.equations if each.is_checked]
    judged = [(each, each.holds) for each in checked]
    wrong = [each for each, holds in judged if holds is False]
    features = {
        "none": not checked,
        "steps": min(len(checked), 12) / 12,
        "wrong": bool(wrong),
        "wrong_again": len(wrong) > 1,
        "wrong_last": bool(wrong) and checked[-1] is wrong[-1],
        "rounded": any(holds is None for _, holds in judged),
    }
    detail = ""
    if wrong:
        first = wrong[0]
        detail = answered.note(f"{first.describe()} does not hold: it is {first.computed:g}")
    return finding(CHECK, None if not checked else not wrong, features, detail)
