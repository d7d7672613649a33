"""How fast room comes free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.waiting.vacancies import MEMORY_S, Vacancies


def every(seconds: float, turns: int, at_once: int = 1) -> tuple[Vacancies, float]:
    """Return what was seen of so many turns, and when the last was."""
    seen = Vacancies()
    seen.begin(0.0)
    for number in range(1, turns + 1):
        for _ in range(at_once):
            seen.turn(number * seconds)
    return seen, turns * seconds


@pytest.mark.parametrize(("seconds", "at_once"), [(0.01, 1), (0.5, 1), (2.0, 1), (2.0, 5)])
def test_the_time_from_one_turn_to_the_next_is_estimated(seconds: float, at_once: int):
    seen, now = every(seconds, 40, at_once)

    assert seen.seconds_each(now) == pytest.approx(seconds / at_once, rel=0.1)


def test_little_is_not_believed():
    seen, now = every(0.5, 1)

    assert seen.seconds_each(now) is None


def test_the_estimate_grows_when_no_turn_comes_any_more():
    seen, now = every(0.1, 20)

    assert (seen.seconds_each(now + 20.0) or 0.0) > 1.0


def test_time_in_which_nobody_waits_does_not_count():
    seen, now = every(0.1, 20)
    seen.end(now)
    before = seen.seconds_each(now)

    assert seen.seconds_each(now + 3_600.0) == before


def test_what_was_is_forgotten():
    seen, now = every(1.0, 60)
    for number in range(int(4 * MEMORY_S / 0.2)):
        seen.turn(now + number * 0.2)

    assert seen.seconds_each(now + 4 * MEMORY_S) == pytest.approx(0.2, rel=0.2)


@given(st.lists(st.tuples(st.sampled_from(["begin", "turn", "end"]), st.floats(-1e9, 1e9)), max_size=50))
def test_clocks_that_jump_give_no_negative_time(events: list[tuple[str, float]]):
    seen = Vacancies()
    for what, now in events:
        getattr(seen, what)(now)
        assert (seen.seconds_each(now) or 0.0) >= 0.0
