"""What is kept of a value: JSON of a declared type, never code, and never more than a bounded size."""

from typing import Any

import msgspec

from guardian_cluster.engine.engine import StepFailed

MAX_BYTES = 1_000_000
"""Of an argument or a result: each is written once, and read whenever a run is taken up again or shown."""

_MAX_TEXT = 500
"""Characters kept of an error: endpoints write into it what they like."""


class NotKeepable(ValueError):
    """A value is too large, or is not what its type says once it went through JSON."""


def plain(value: Any, type_: Any) -> Any:
    """Return a value as JSON holds it: of dicts, lists, strings and numbers. Raises NotKeepable."""
    try:
        text = msgspec.json.encode(value)
        if len(text) > MAX_BYTES:
            raise NotKeepable(f"has {len(text):,} bytes as JSON, and not at most {MAX_BYTES:,}")
        msgspec.json.decode(text, type=type_)
        return msgspec.json.decode(text)
    except (TypeError, msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        raise NotKeepable(f"cannot be kept as JSON: {error}") from error


def typed(value: Any, type_: Any) -> Any:
    """Return what `plain` was given. Raises NotKeepable where it is of another type by now."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value), type=type_)
    except msgspec.MsgspecError as error:
        raise NotKeepable(f"is not what this version of the program expects: {error}") from error


def shown(value: Any, limit: int = _MAX_TEXT) -> str:
    """Return a plain value as JSON text of at most `limit` characters; nothing for nothing."""
    if value is None:
        return ""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def told(error: BaseException) -> tuple[str, str]:
    """Return the kind of an error, and what it says, shortened."""
    try:
        text = str(error)
    except Exception:  # a class of somebody else's
        text = ""
    text = text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be written
    return type(error).__name__, text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def said(error: BaseException) -> str:
    """Return an error in one text, as the record of the step that raised it shows it."""
    kind, text = (error.kind, error.text) if isinstance(error, StepFailed) else told(error)
    return f"{kind}: {text}" if text else kind


def reason(error: BaseException) -> str:
    """Return an error in one text, as the record of the run that it ended shows it."""
    return str(error) if isinstance(error, StepFailed) and error.step else said(error)
