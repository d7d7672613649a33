"""Structured logs on stderr. They carry ids, names and numbers; never a key, and never what users or models wrote."""

import datetime
import json
import logging
import sys
import traceback
from typing import Literal

from guardian_cluster.telemetry.trace import without_words

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Fields(logging.Formatter):
    """The base of both forms: a record's time, level, name, message and extra fields.

    `quotes` says that the messages of errors are told too, which may quote what users or models wrote.
    """

    def __init__(self, *, quotes: bool = False) -> None:
        super().__init__()
        self._quotes = quotes

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        found: dict[str, object] = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        found |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            whole = "".join(traceback.format_exception(error)) if self._quotes else without_words(error)
            found["exception"] = whole.rstrip()
        return found


class JsonLines(_Fields):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps(self.fields(record), default=str)


class Text(_Fields):
    """One line for people, and an indented one for each of an error.

    Control characters are escaped, so that no logged value can draw on a terminal or begin a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = self.fields(record)
        head = f"{fields.pop('time')} {fields.pop('level'):7} {fields.pop('logger')}: {fields.pop('message')}"
        exception = str(fields.pop("exception", ""))
        line = " ".join([head, *(f"{name}={value}" for name, value in fields.items())])
        return "\n".join([_visible(line), *(f"  {_visible(each)}" for each in exception.splitlines())])


def _visible(line: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def set_up_logs(level: str, form: Literal["text", "json"]) -> None:
    """Send every log of this process to stderr, in the form given; at level `debug` with the messages of errors."""
    handler = logging.StreamHandler(sys.stderr)
    quotes = level.lower() == "debug"
    handler.setFormatter(JsonLines(quotes=quotes) if form == "json" else Text(quotes=quotes))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # a migration is told by storage, in one line
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
