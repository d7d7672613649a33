"""What of DBOS's own log is said in ours."""

import logging

from guardian_cluster.errors import printable

log = logging.getLogger("guardian.engine")


class _Forwarder(logging.Handler):
    """Says in our log, on one line, what DBOS found worth a warning; a failed run is told of by the engine.

    The same thing is said once a minute: without a database each queue would complain ten times a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        said = printable(record.getMessage().partition("\n")[0], 300)  # the statement says nothing to anybody
        about = said[:_SAME]
        if said.startswith(_NOISE) or record.created - self._last.get(about, 0.0) < _AGAIN_S:
            return
        if len(self._last) > _MOST_KINDS:
            self._last.clear()
        self._last[about] = record.created
        log.log(record.levelno, "%s", said)


_SAME = 40
_AGAIN_S = 60.0
_MOST_KINDS = 100
_NOISE = (
    "Exception encountered in asynchronous workflow",  # a body that raised, or was left off
    "Asyncio task cancelled",
    "Contention detected",  # two processes looked into a queue at once
    "Duplicate registration",
    "The total number of pending workflows",  # a limit that was lowered
    "Current version",
    "Synchronous",
)


def tame_logs() -> None:
    """Have what DBOS says from now on come out of our log alone."""
    logger = logging.getLogger("dbos")
    if not any(isinstance(handler, _Forwarder) for handler in logger.handlers):
        logger.handlers[:] = [_Forwarder()]
    logger.propagate = False
    logger.setLevel(logging.WARNING)
