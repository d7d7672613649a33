"""What it costs to give a request to an endpoint."""

from guardian_cluster.request.balancing.cost import cost
from guardian_cluster.request.balancing.health import EndpointHealth


def known(failure_s: float | None = None) -> EndpointHealth:
    """Return an endpoint that answers in a second, and one time in five fails after so long."""
    health = EndpointHealth()
    for number in range(20):
        if failure_s is not None and not number % 5:
            health.success.note_failure(1.0, failure_s, after_content=False)
            continue
        health.streamed.begin(number, 0.0)
        health.streamed.leave(1.0)
        del health.streamed.since[number]
        health.streamed.answered(1.0, 1, 1.0)
        health.success.note_success(1.0)
    return health


def test_a_failure_that_comes_at_once_costs_less_than_a_late_one():
    never, at_once, late = (cost(known(failure_s), 1.0, streamed=True) for failure_s in (None, 0.05, 1.0))

    assert never < at_once < late


def test_a_failure_costs_more_where_retries_are_scarce():
    failing, sure = known(0.05), known()

    assert cost(failing, 1.0, 1.0, streamed=True) > cost(failing, 1.0, 0.0, streamed=True) + 0.3
    assert cost(sure, 1.0, 1.0, streamed=True) == cost(sure, 1.0, 0.0, streamed=True)
