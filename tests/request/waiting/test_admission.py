"""Who may wait, and who waits no longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import BalancingPolicy
from guardian_cluster.request.waiting.admission import LANES_KEPT, LONGEST_RETRY_S, Admission, Seat

WAIT_S = 10.0


def admission(**facts: float) -> Admission[Seat]:
    return Admission(BalancingPolicy(**({"wait_s": WAIT_S, "max_waiting": 8} | facts)))  # type: ignore[arg-type]


def seat(of: Admission[Seat], now: float, key: str = "a", deadline: float = 1e9, lane: str = "smart") -> Seat:
    return Seat(lane=lane, key=key, since=now, specialist=lane, until=of.until(deadline, now))


def come(to: Admission[Seat], now: float, key: str = "a", **facts: float) -> Seat | str:
    """Come, and return one's seat, or why one must not wait."""
    one = seat(to, now, key, **facts)
    why = to.refusal(one, now)
    if why is None:
        to.seat(one, now)
    return why or one


def paced(**facts: float) -> Admission[Seat]:
    """Return a room in which one could go every second, twenty times, until 20.0 s."""
    room = admission(**facts)
    come(room, 0.0)
    for second in range(1, 21):
        come(room, float(second))
        first = room.next(())
        assert first is not None
        room.served(first, float(second))
    return room


@pytest.mark.parametrize("facts", [{"wait_s": 0.0}, {"max_waiting": 0}])
def test_who_must_not_wait_at_all_is_refused_at_once(facts: dict[str, float]):
    assert come(admission(**facts), 0.0) == "no_wait"


@pytest.mark.parametrize("deadline", [5.0, 4.0, float("-inf")])
def test_who_has_no_time_left_is_refused_at_once(deadline: float):
    assert come(admission(), 5.0, deadline=deadline) == "no_wait"


def test_no_number_at_all_is_no_deadline():
    room = admission()

    assert room.until(float("nan"), 1.0) == room.until(float("inf"), 1.0) == 11.0


def test_who_could_not_go_in_time_is_refused_at_once():
    room = paced()
    came = [come(room, 20.0, deadline=24.5) for _ in range(8)]

    assert [one for one in came if isinstance(one, str)] == [
        "too_long"
    ] * 5  # with the one that waits, four have time


def test_one_may_always_wait_so_that_the_pace_is_learned_anew():
    room = paced()
    (waiting,) = (room.next(()),)
    assert waiting is not None
    room.leave(waiting, 20.0)

    assert isinstance(come(room, 20.0, deadline=20.1), Seat)


def test_another_key_may_wait_where_one_fills_the_room():
    room = admission()
    first = come(room, 0.0, "many")
    for _ in range(7):
        come(room, 1.0, "many")
    one = seat(room, 2.0, "one")

    assert come(room, 2.0, "many") == "full"
    assert room.refusal(one, 2.0) is None
    assert room.seat(one, 2.0) is first
    assert len(room.line) == 8


def test_a_full_room_of_many_keys_takes_no_more():
    room = admission()
    for number in range(8):
        come(room, 0.0, f"key {number}")

    assert come(room, 0.0, "another") == "full"


def test_who_waited_as_long_as_it_may_waits_no_longer():
    room = admission()
    late, _ = come(room, 0.0), come(room, 1.0)

    assert room.overdue(9.9) == []
    assert room.overdue(10.0) == [(late, "time_over")]


def overloaded() -> Admission[Seat]:
    """Return a room whose line has stood for so long that it lost one."""
    room = admission(max_waiting=100)
    for tenth in range(200):
        come(room, tenth / 10, "ab"[tenth % 2])
        if any(why == "overloaded" for _, why in room.overdue(tenth / 10)):
            return room
    raise AssertionError("nobody was let go")


def test_a_line_that_stands_loses_its_oldest_and_serves_the_newest_of_a_key_first():
    room = overloaded()
    oldest, first = room.line.oldest("smart"), room.next(())

    assert oldest is not None
    assert first is not None
    assert first.since > oldest.since + 5.0


def test_one_alone_is_let_wait_however_slow_its_endpoint_is():
    room = admission()
    come(room, 0.0)

    assert not any(room.overdue(tenth / 10) for tenth in range(100))


def test_a_jump_of_the_clock_ends_what_waits_and_the_next_is_let_in():
    room = admission()
    for _ in range(3):
        come(room, 0.0)

    assert [why for _, why in room.overdue(1e8)] == ["time_over"] * 3
    assert isinstance(come(room, 1e8), Seat)


def test_lanes_that_are_not_used_are_forgotten():
    room = admission()
    for number in range(3 * LANES_KEPT):
        one = seat(room, 0.0, lane=f"lane {number}")
        room.seat(one, 0.0)
        room.leave(one, 0.0)

    assert len(room._lanes) <= LANES_KEPT + 1  # pyright: ignore[reportPrivateUsage]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["come", "serve", "leave", "late"]),
        st.sampled_from("abc"),
        st.sampled_from("xy"),
        st.floats(0.0, 8.0),
    ),
    max_size=100,
)


@given(EVENTS, st.integers(0, 6))
def test_nobody_is_lost_and_no_more_wait_than_may(events: list[tuple[str, str, str, float]], most: int):
    room, waiting, now = admission(max_waiting=most), set[Seat](), 0.0
    for what, key, lane, passed in events:
        now += passed
        one = seat(room, now, key, lane=lane)
        if what == "come" and room.refusal(one, now) is None:
            waiting |= {one}
            waiting -= {room.seat(one, now)}  # type: ignore[arg-type]
        elif what == "serve" and (first := room.next(lane)) is not None:
            room.served(first, now)
            waiting.remove(first)
        elif what == "leave" and waiting:
            room.leave(waiting.pop(), now)
        elif what == "late":
            waiting -= {late for late, _ in room.overdue(now)}
        assert len(room.line) == len(waiting) <= most
        assert all(each in room.line for each in waiting)
        assert 1.0 <= room.fact(one, "full", now).retry_after_s <= LONGEST_RETRY_S


@given(st.lists(st.tuples(st.sampled_from(["come", "serve", "late"]), st.floats(-1e6, 1e6)), max_size=60))
def test_a_clock_that_jumps_breaks_nothing(events: list[tuple[str, float]]):
    room = admission()
    for what, now in events:
        if what == "come":
            come(room, now)
        elif what == "late":
            room.overdue(now)
        elif (first := room.next(())) is not None:
            room.served(first, now)
        assert len(room.line) <= 8
        assert 1.0 <= room.fact(seat(room, now), "full", now).retry_after_s <= LONGEST_RETRY_S
