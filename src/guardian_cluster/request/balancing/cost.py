"""What it costs to give a request to an endpoint: the time to its answer, with its load, over its success."""

from math import sqrt

from guardian_cluster.request.balancing.health import EndpointHealth

UNKNOWN_S = 0.001
"""The time to an answer of an endpoint that was never asked: below all others, so that it is."""

WARY = 0.3
"""How far a failure is taken to last as long as an answer, whatever it took: a retry is not free."""

SCARCE_S = 5.0
"""What a failure costs beside its time where no retry is left: about what is lost with a request."""

UNKNOWN_FAILED_S = 1.0
"""The same of one that only ever failed."""

SLOPE = 0.2
"""Of the load in the cost of an endpoint with room to spare: among equals the one with less is asked, while a faster
one is left for it only where it is full."""

SILENCE_SHARE = 0.5
"""Of a silence in the cost: who has been silent for long will be so for as long again, or not at all."""


def cost(health: EndpointHealth, now: float, scarcity: float = 0.0, *, streamed: bool) -> float:
    """Return the expected time to an answer, in seconds, failures and their repetition included.

    `max(expected now, added by each request * (in flight + 1), share of a long silence)`, and for each failure until
    there is an answer the time that it takes; where retries are scarce (0 to 1), what is lost without one. While more
    requests under way have not been seen to take longer, their number counts by its root only: nobody knows the room of
    an endpoint that was never full. Measured beside it: `peak EWMA * (in flight + 1) / success ** 2`, which leaves
    fast endpoints for slow ones long before they are full (docs/design/balancing.md).
    """
    pace = health.streamed if streamed else health.whole
    in_flight = health.in_flight + 1
    if pace.samples:
        expected_s = pace.expected_s(now)
        loaded_s = pace.added_s() * in_flight
        if loaded_s > expected_s:
            expected_s = loaded_s if pace.is_queueing() else sqrt(expected_s * loaded_s)
        expected_s += SLOPE * loaded_s
    else:
        expected_s = (UNKNOWN_FAILED_S if health.success.failures else UNKNOWN_S) * in_flight
    # Of both kinds, in parts of what is usual for each: one that hangs does so for all.
    other = health.whole if streamed else health.streamed
    if pace.since and (silent_s := pace.silence_s(now)):
        expected_s = max(expected_s, SILENCE_SHARE * silent_s)
    if other.since and (silent_s := other.silence_s(now)):
        usual_s = (pace.long_run_s / other.long_run_s) if other.samples and pace.samples else 1.0
        expected_s = max(expected_s, SILENCE_SHARE * silent_s * usual_s)
    success = health.success.estimate(now, health.in_flight)
    if success == 1.0:
        return expected_s
    lost_s = min(health.success.failure_s, expected_s) if pace.samples else expected_s
    lost_s += WARY * (expected_s - lost_s)
    return expected_s + (lost_s / success + SCARCE_S * scarcity) * (1.0 - success)
