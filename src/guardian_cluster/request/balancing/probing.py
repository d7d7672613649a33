"""When an endpoint that is left alone is asked something that costs nothing, to hear whether it is back."""

from collections.abc import Mapping

from guardian_cluster.request.balancing.health import EndpointHealth

FIRST_PROBE_S = 1.0
LONGEST_PROBE_S = 30.0
"""From one probe to the next: doubled each time that it was answered, and the requests after it were not."""

LONGEST_DEAF_S = 2.0
"""The same while probes are not answered: the first answer says that it is back."""


class Probes:
    """The probes of all endpoints."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, float]] = {}
        """Endpoint id -> when the next is due, and the time after which the one after that is."""

    def due(self, healths: Mapping[str, EndpointHealth], now: float) -> list[str]:
        """Return the endpoints of which a probe is due; the next of each is due later."""
        alone = [name for name, health in healths.items() if is_left_alone(health, now)]
        self._due = {name: self._due.get(name, (now + FIRST_PROBE_S, 2.0 * FIRST_PROBE_S)) for name in alone}
        found = [name for name in alone if self._due[name][0] <= now]
        for name in found:
            _, after_s = self._due[name]
            if healths[name].is_deaf:
                after_s = min(after_s, LONGEST_DEAF_S)
            self._due[name] = (now + after_s, min(2.0 * after_s, LONGEST_PROBE_S))
        return found


def is_left_alone(health: EndpointHealth, now: float) -> bool:
    """Return whether nothing is given to an endpoint, or only what must be, because it failed."""
    if health.breaker.is_ejected:
        return health.breaker.is_shut(now, health.in_flight)
    return health.success.is_on_trial() and now < health.success.rests_until
