"""Structured logs on stderr. They carry ids, names and numbers; never a key, and never what users or models wrote."""

import datetime
import json
import logging
import sys
from typing import Literal

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Fields(logging.Formatter):
    """The base of both forms: a record's time, level, name, message and extra fields."""

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        found: dict[str, object] = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        found |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return found


class JsonLines(_Fields):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps(self.fields(record), default=str)


class Text(_Fields):
    """One line for people; control characters are escaped, so that no logged value can draw on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = self.fields(record)
        head = f"{fields.pop('time')} {fields.pop('level'):7} {fields.pop('logger')}: {fields.pop('message')}"
        exception = fields.pop("exception", None)
        line = " ".join([head, *(f"{name}={value}" for name, value in fields.items())])
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        return f"{line}\n{exception}" if exception else line


def set_up_logs(level: str, form: Literal["text", "json"]) -> None:
    """Send every log of this process to stderr, in the form given."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # a migration is told by storage, in one line
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
