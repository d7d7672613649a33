"""Makes a sink of its configuration."""

from collections.abc import Callable

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, Sink
from guardian_cluster.domain.alert import SinkKind
from guardian_cluster.recovery.alerts.sinks.alertmanager import Alertmanager
from guardian_cluster.recovery.alerts.sinks.email import Email
from guardian_cluster.recovery.alerts.sinks.pagerduty import PagerDuty
from guardian_cluster.recovery.alerts.sinks.sink import AlertSink
from guardian_cluster.recovery.alerts.sinks.slack import Slack
from guardian_cluster.recovery.alerts.sinks.webhook import Webhook, key_of
from guardian_cluster.specialists.transport import Transport

_NEEDED: dict[SinkKind, tuple[str, ...]] = {
    "pagerduty": ("key",),
    "alertmanager": ("url",),
    "slack": ("url",),
    "webhook": ("url", "key"),
    "email": ("url", "sender", "to"),
}
"""guardian.toml is checked for more of it, with line numbers; this holds for a policy from anywhere."""


class ConfiguredSinks:
    """The sinks of the policy in force, by their names."""

    def __init__(self, policy: Callable[[], AlertPolicy], transport: Transport) -> None:
        self._policy = policy
        self._transport = transport

    def __call__(self, name: str) -> AlertSink | None:
        """Return a sink, `None` where there is none of this name; raises ValueError where it lacks something."""
        sink = self._policy().sinks.get(name)
        return None if sink is None else made(name, sink, self._transport)


def made(name: str, sink: Sink, transport: Transport) -> AlertSink:
    """Return a sink; raises ValueError where its configuration lacks something."""
    if lacking := ", ".join(each for each in _NEEDED[sink.kind] if not _is_given(sink, each)):
        raise ValueError(f"it cannot work without {lacking}")
    match sink.kind:
        case "pagerduty":
            return PagerDuty(name, sink, transport)
        case "alertmanager":
            return Alertmanager(name, sink, transport)
        case "slack":
            return Slack(name, sink, transport)
        case "webhook":
            key_of(sink.key.value if sink.key else "")
            return Webhook(name, sink, transport)
        case "email":
            return Email(name, sink)


def _is_given(sink: Sink, field: str) -> bool:
    value = getattr(sink, field)
    return bool(value.value if isinstance(value, Secret) else value)
