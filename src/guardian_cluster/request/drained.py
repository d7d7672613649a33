"""What recovery has taken out of service for now."""

from collections.abc import Mapping

from guardian_cluster.domain.clock import Clock


class Drained:
    """Names of specialists and endpoints that are not chosen, each until its own time.

    The time is looked at on each question, for a gateway that hears of no further snapshot must not pass over
    them for ever.
    """

    def __init__(self, until: Mapping[str, float], clock: Clock) -> None:
        self._until = until
        self._clock = clock

    def __contains__(self, name: object) -> bool:
        until = self._until.get(name) if isinstance(name, str) else None
        return until is not None and until > self._clock.now()
