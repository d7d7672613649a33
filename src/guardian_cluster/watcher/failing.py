"""Decides what becomes of an answer when a detector raises: it goes on without it, or ends, as the policy says."""

import logging
from collections.abc import Sequence

import msgspec

from guardian_cluster.contract.snapshot import DetectorName
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher.sensors import Sensed

RULES: DetectorName = "rules"
"""All that the release gate looks for."""

log = logging.getLogger("guardian.gateway")


class Failures:
    """What a policy wants done when one of its detectors fails."""

    def __init__(self, fail_closed: tuple[DetectorName, ...]) -> None:
        self._closed: Sequence[str] = fail_closed

    def of(self, sensed: Sensed, error: Exception) -> Sensed:
        """Return the failure of a sensor as a finding in its place."""
        name = sensed.detector if sensed.detector != "answer" else sensed.named.rstrip("-")
        return msgspec.structs.replace(
            sensed, detector="failed", named=name, action=self.action(name, error), only_in_time=False
        )

    def action(self, name: str, error: Exception) -> Action:
        """Return what is done about the failure of a detector, and log where it failed.

        Its message is not logged: it may hold the text that was looked at.
        """
        closed = name in self._closed
        log_failure(f"detector {name}", error, f"the answer {'ends' if closed else 'goes on without it'}")
        return "cut" if closed else "observe"


def log_failure(what: str, error: Exception, outcome: str) -> None:
    """Log that a part failed, where, and what becomes of what it was looking at; never the error's own message."""
    log.error("the %s failed with %s at %s; %s", what, type(error).__name__, _place(error), outcome)


def _place(error: Exception) -> str:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return "an unknown place"
    code = at.tb_frame.f_code
    return f"{code.co_qualname} line {at.tb_lineno}"
