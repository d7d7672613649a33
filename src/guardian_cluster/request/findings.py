"""Decides what failure an answer that a watcher withholds is, for who is asked next."""

from collections.abc import Sequence

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.verdict import Verdict

BLOCKED = "answer_blocked"


def stays_in_what_left(verdicts: Sequence[Verdict]) -> bool:
    """Return whether what was found is in the words that have left, so that whoever goes on with them has it too."""
    return any(verdict.rule == "repetition" for verdict in verdicts if verdict.action == "retry")


def withheld(verdicts: Sequence[Verdict]) -> AttemptFailed:
    """Return the failure of an answer that must not leave; an empty one is its endpoint's fault."""
    wanting = [verdict for verdict in verdicts if verdict.action == "retry"]
    if {(verdict.detector, verdict.rule) for verdict in wanting} == {("answer", "empty")}:
        return AttemptFailed("The model's answer is empty.", code="upstream_empty")
    rules = sorted({verdict.rule for verdict in wanting})
    text = f"The answer broke the rule {', '.join(rules)}."
    return AttemptFailed(text, code=BLOCKED, rests=False)
