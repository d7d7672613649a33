"""Decides how often the reporter's troubles are logged: the same one once a minute."""

import logging
from pathlib import Path

from guardian_cluster.domain.clock import Clock

log = logging.getLogger("guardian.reporter")

COMPLAINT_S = 60.0
"""How often the same trouble is logged while it lasts."""


class Complaints:
    """Logs what is wrong with the ways of one data folder."""

    def __init__(self, data_folder: Path, clock: Clock) -> None:
        self._data_folder = data_folder
        self._clock = clock
        self._last: dict[str, float] = {}

    def log(self, message: str, error: Exception) -> None:
        """Log a trouble, unless it was logged within `COMPLAINT_S`."""
        now = self._clock.monotonic()
        if now - self._last.get(message, float("-inf")) >= COMPLAINT_S:
            self._last[message] = now
            reason = str(error) or type(error).__name__
            log.warning(message, extra={"error": reason, "folder": str(self._data_folder)})
