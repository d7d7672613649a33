"""What the outbox needs of a sink."""

from typing import Protocol

from guardian_cluster.domain.alert import Delivery
from guardian_cluster.recovery.alerts.settling import Outcome


class AlertSink(Protocol):
    """Somewhere that alerts are sent to."""

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        """Send it, under its id or key, and return what the other side made of it.

        May take long, and be cancelled for it; raises nothing for what the other side does.
        """
        ...
