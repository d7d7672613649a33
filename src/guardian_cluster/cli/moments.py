"""How a time is printed."""

from datetime import UTC, datetime


def moment(unix_s: float | None) -> str:
    """Return a time as people read it, in UTC."""
    if unix_s is None:
        return "-"
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "at no time"
