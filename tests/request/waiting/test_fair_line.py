"""Whose turn it is among those that wait."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.waiting.fair_line import MOST_COST, FairLine, Waiter

KEYS, LANES = st.sampled_from("abcd"), st.sampled_from("xyz")


def waiter(key: str, lane: str = "x", since: float = 0.0, cost: float = 1.0) -> Waiter:
    return Waiter(lane=lane, key=key, since=since, cost=cost)


def line_of(*waiters: Waiter) -> FairLine[Waiter]:
    line: FairLine[Waiter] = FairLine()
    for each in waiters:
        line.add(each)
    return line


def served(line: FairLine[Waiter], count: int = 10_000, closed: tuple[str, ...] = ()) -> list[Waiter]:
    """Serve so many in turn and return them."""
    found: list[Waiter] = []
    while len(found) < count and (first := line.first(closed)) is not None:
        line.served(first)
        found.append(first)
    return found


def test_one_key_with_a_thousand_requests_does_not_delay_anothers_first():
    line = line_of(*(waiter("many") for _ in range(1_000)))
    served(line, 17)

    line.add(waiter("one"))

    assert "one" in [each.key for each in served(line, 2)]


def test_a_key_with_one_request_at_a_time_has_no_more_turns_than_one_whose_requests_wait():
    line = line_of(*(waiter("many") for _ in range(100)), waiter("one"))
    keys: list[str] = []
    for _ in range(100):
        (first,) = served(line, 1)
        keys.append(first.key)
        if first.key == "one":
            line.add(waiter("one"))

    assert abs(keys.count("one") - keys.count("many")) <= 1


@given(st.lists(st.tuples(KEYS, LANES), max_size=60), st.integers(0, 50))
def test_keys_that_always_wait_differ_by_at_most_one_turn(others: list[tuple[str, str]], count: int):
    steady = [waiter(key) for key in ("p", "q") for _ in range(60)]
    line = line_of(*steady, *(waiter(key, lane) for key, lane in others))

    turns = Counter(each.key for each in served(line, count))

    assert abs(turns["p"] - turns["q"]) <= 1


def test_a_request_that_counts_for_many_uses_as_many_turns():
    line = line_of(*(waiter("heavy", cost=4.0) for _ in range(50)), *(waiter("light") for _ in range(50)))

    turns = Counter(each.key for each in served(line, 50))

    assert turns == {"heavy": 10, "light": 40}


def test_no_request_counts_for_more_than_the_most_or_less_than_one():
    line = line_of(
        *(waiter("huge", cost=1e308) for _ in range(9)), *(waiter("free", cost=-5.0) for _ in range(90))
    )

    turns = Counter(each.key for each in served(line, 45))

    assert turns["huge"] == 45 // (MOST_COST + 1)


def test_the_oldest_of_a_key_goes_first_and_under_overload_the_newest():
    line = line_of(*(waiter("a", since=float(number)) for number in range(3)))

    oldest, newest = line.first(), line.first(newest_first={"x"})

    assert oldest is not None
    assert newest is not None
    assert (oldest.since, newest.since) == (0.0, 2.0)


def test_one_that_cannot_go_does_not_hold_up_other_lanes():
    line = line_of(waiter("a", "x"), waiter("a", "y"), waiter("b", "x"))

    assert [(each.key, each.lane) for each in served(line, closed=("x",))] == [("a", "y")]


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["add", "serve", "leave"]), KEYS, LANES, st.integers(0, 20)), max_size=120
)


@given(OPERATIONS)
def test_nobody_is_lost_and_nobody_is_served_twice(operations: list[tuple[str, str, str, int]]):
    line, waiting, gone = line_of(), list[Waiter](), list[Waiter]()
    for what, key, lane, number in operations:
        if what == "add":
            waiting.append(waiter(key, lane))
            line.add(waiting[-1])
        elif what == "leave" and waiting:
            line.remove(waiting.pop(number % len(waiting)))
        elif what == "serve" and (first := line.first(closed=lane)) is not None:
            line.served(first)
            waiting.remove(first)
            gone.append(first)
        assert len(line) == len(waiting)
    assert not any(each in line for each in gone)
    assert set(served(line)) == set(waiting)
    assert not list(line.lanes())


@given(st.lists(st.tuples(KEYS, LANES), max_size=40), KEYS)
def test_no_more_go_before_one_that_comes_than_was_said(others: list[tuple[str, str]], key: str):
    line = line_of(*(waiter(other, lane) for other, lane in others))
    said = line.ahead("x", key)
    own = waiter(key)
    line.add(own)

    turns = served(line, closed=("y", "z"))

    assert turns.index(own) <= said


def test_leaving_twice_changes_nothing():
    one = waiter("a")
    line = line_of(one, waiter("b"))
    line.remove(one)
    line.remove(one)

    assert (len(line), line.waiting("a"), line.waiting("b")) == (1, 0, 1)


def test_keys_that_come_and_go_leave_nothing_behind():
    line = line_of(waiter("stays"))
    for number in range(1_000):
        passing = waiter(f"key {number}")
        line.add(passing)
        line.remove(passing)

    assert len(line._lanes["x"].turns) < 20  # pyright: ignore[reportPrivateUsage]
    assert list(line._turns) == ["stays"]  # pyright: ignore[reportPrivateUsage]
