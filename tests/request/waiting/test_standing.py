"""When a line stands, and what it loses."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.waiting.standing import INTERVAL_SHARE, TARGET_SHARE, Standing

WAIT_S = 10.0
TARGET_S, INTERVAL_S = TARGET_SHARE * WAIT_S, INTERVAL_SHARE * WAIT_S


def losses(standing: Standing, age_s: float, start: float, seconds: float) -> list[float]:
    """Return when a line whose oldest is always this old loses one, from `start` on."""
    times = [start + 0.05 * step for step in range(int(seconds / 0.05))]
    return [now for now in times if standing.note(now - age_s, now, WAIT_S)]


def ease(standing: Standing, now: float) -> None:
    """Let nobody wait for an interval."""
    standing.note(None, now, WAIT_S)
    standing.note(None, now + INTERVAL_S, WAIT_S)


def test_a_burst_that_is_worked_off_in_time_is_no_overload():
    standing = Standing()
    lost = [standing.note(0.0, 0.05 * step, WAIT_S) for step in range(int(WAIT_S / 0.05))]

    assert not any(lost)
    assert not standing.stands


def test_a_line_that_stands_loses_its_oldest_after_an_interval_and_then_ever_faster():
    lost = losses(Standing(), TARGET_S + 0.1, 0.0, 60.0)
    gaps = [later - earlier for earlier, later in pairwise(lost)]

    assert INTERVAL_S <= lost[0] < INTERVAL_S + 0.1
    assert all(later <= earlier + 0.1 for earlier, later in pairwise(gaps))
    assert gaps[-1] < INTERVAL_S / 3


def test_a_line_stands_no_more_when_nobody_waited_long_for_an_interval():
    standing = Standing()
    losses(standing, TARGET_S + 0.1, 0.0, 20.0)
    lost = losses(standing, TARGET_S - 0.1, 20.0, INTERVAL_S)

    assert (lost, standing.stands) == ([], True)
    assert not losses(standing, TARGET_S - 0.1, 20.0 + INTERVAL_S, 0.2)
    assert not standing.stands


def test_a_line_that_stands_again_soon_goes_on_as_fast_as_before():
    standing = Standing()
    first = losses(standing, TARGET_S + 0.1, 0.0, 60.0)
    ease(standing, 60.0)

    again = losses(standing, TARGET_S + 0.1, 70.0, 20.0)

    assert again[1] - again[0] < first[1] - first[0]


def test_a_line_that_stands_again_much_later_begins_anew():
    standing = Standing()
    first = losses(standing, TARGET_S + 0.1, 0.0, 60.0)
    ease(standing, 60.0)

    again = losses(standing, TARGET_S + 0.1, 1_000.0, 20.0)

    assert abs((again[1] - again[0]) - (first[1] - first[0])) < 0.11


@given(st.lists(st.tuples(st.none() | st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), max_size=60))
def test_whatever_the_clock_does_no_loss_is_further_away_than_an_interval(
    notes: list[tuple[float | None, float]],
):
    standing = Standing()
    for since, now in notes:
        standing.note(since, now, WAIT_S)

    assert losses(standing, TARGET_S + 0.1, 2e9, 2 * INTERVAL_S + 1.0)


def test_time_to_wait_of_zero_is_well_defined():
    assert Standing().note(0.0, 1.0, 0.0)
