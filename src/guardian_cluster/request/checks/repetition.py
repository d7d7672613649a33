"""Finds an answer that says the same again."""

from collections import Counter

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.watcher.repetition import period_of

CHECK = "repetition"
_LONG_ENOUGH = 20
"""Characters of a line that is not repeated by its nature, as brackets, rules and table rows are."""
_TOLERATED = 0.3
"""Share of lines said before; songs, tables and code repeat a few."""
_MIN_LINES = 4


def check(answered: Answered) -> Finding:
    """Return whether the answer neither ends in a loop nor consists of repeated lines."""
    text = answered.looked_at.rstrip()
    lines = Counter(line.strip() for line in text.splitlines() if len(line.strip()) >= _LONG_ENOUGH)
    total = sum(lines.values())
    share = 1 - len(lines) / total if total else 0.0
    loops = len(text) >= 2 * _LONG_ENOUGH and period_of(text, len(text)) is not None
    repeats = total >= _MIN_LINES and share > _TOLERATED
    detail = ""
    if loops:
        detail = f"ends in a loop: {text[-40:]!r}"
    elif repeats:
        line, times = lines.most_common(1)[0]
        detail = f"says {line[:60]!r} {times} times"
    return finding(CHECK, not (loops or repeats), {"share": share, "loops": loops}, detail)
