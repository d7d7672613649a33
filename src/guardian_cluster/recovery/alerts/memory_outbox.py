"""Alerts on their way, in memory: for library use, rehearsals and tests."""

from collections.abc import Sequence

from guardian_cluster.domain.alert import Delivery, is_untried


class MemoryOutbox:
    """An `OutboxStore` that ends with its process. One event loop may use it; no call gives way half-way."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._done: set[str] = set()

    async def put_deliveries(self, deliveries: Sequence[Delivery], *, key: str) -> None:
        """Keep deliveries that are to be made, once under the key; those with known ids change nothing."""
        if key in self._done:
            return
        for each in deliveries:
            self._deliveries.setdefault(each.id, each)
        self._done.add(key)

    async def due(self, now: float, *, limit: int = 50) -> Sequence[Delivery]:
        """Return deliveries whose time has come, those that wait longest first."""
        due = [each for each in self._deliveries.values() if each.state == "waiting" and each.due <= now]
        return sorted(due, key=lambda each: (each.due, each.id))[:limit]

    async def settle(self, delivery: Delivery) -> None:
        """Note what came of a try: delivered, given up, or when it is tried again."""
        self._deliveries[delivery.id] = delivery

    async def withdraw(self, ids: Sequence[str]) -> None:
        """Forget those of these deliveries that wait and were never tried."""
        for id in ids:
            if id in self._deliveries and is_untried(self._deliveries[id]):
                del self._deliveries[id]

    async def deliveries(
        self, *, incident_id: str = "", undelivered_only: bool = False, limit: int = 200
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first; undelivered are those that wait and those that were given up."""
        found = [
            each
            for each in self._deliveries.values()
            if incident_id in ("", each.incident_id) and not (undelivered_only and each.state == "delivered")
        ]
        return sorted(found, key=lambda each: (each.alert.at, each.id), reverse=True)[:limit]
