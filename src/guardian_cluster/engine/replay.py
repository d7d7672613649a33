"""What happens to a run that is gone through again: which steps are kept, and what is said of it."""

from collections.abc import Sequence

from guardian_cluster.engine.engine import RunRecord, StepRecord


class StepChanged(Exception):
    """The body does another step than it did when the run began: its code was changed in between."""

    def __init__(self, number: int, before: str, now: str) -> None:
        super().__init__(f"step {number} was {before} when this run began, and is {now} in this version")


def redone(steps: Sequence[StepRecord]) -> list[int]:
    """Return the numbers of the steps that a resumed run does again: from its first failed one on.

    Of steps at once several may have failed, and the effects of good ones are made once by their keys.
    """
    failed = [step.number for step in steps if step.error]
    return [step.number for step in steps if failed and step.number >= min(failed)]


def failed_text(run: RunRecord) -> str:
    """Return what RunFailed says of a run."""
    name = f"run {run.id} of {run.workflow}"
    if run.state == "cancelled":
        return f"{name} was cancelled"
    return f"{name} failed: {run.error}" if run.error else f"{name} failed"
