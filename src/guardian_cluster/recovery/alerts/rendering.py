"""An alert as lines of text, for sinks that people read."""

from guardian_cluster.domain.alert import Alert
from guardian_cluster.recovery.alerts.words import one_line, several_lines

_STATE = {"acknowledge": "acknowledged", "resolve": "resolved", "change": "change"}


def headline(alert: Alert, limit: int) -> str:
    """Return the alert in one line, its state or severity first: what matters of it at three in the morning."""
    return one_line(f"[{_STATE.get(alert.state, alert.severity)}] {alert.title}", limit)


def paragraphs(alert: Alert, limit: int) -> str:
    """Return what is known of it: its text, and a line for each fact."""
    facts = "\n".join(f"{one_line(name, 40)}: {one_line(value, 600)}" for name, value in alert.facts if value)
    return several_lines(f"{alert.text}\n{facts}", limit)
