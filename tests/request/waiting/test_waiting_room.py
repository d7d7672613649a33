"""Requests that wait for an endpoint to have room."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest
from harness import Collected

from guardian_cluster.contract.snapshot import BalancingPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.errors import LimitExceeded
from guardian_cluster.request.waiting.waiting_room import WaitingRoom

CLOCK = SystemClock()


class Place:
    """So many requests at once, behind a waiting room."""

    def __init__(self, slots: int = 0, **policy: float) -> None:
        self.slots = slots
        self.collected = Collected()
        self.room = WaitingRoom(CLOCK, self.collected, BalancingPolicy(**policy))  # type: ignore[arg-type]
        self.served: list[str] = []
        self.looked = 0

    def take(self, name: str) -> Callable[[], str | None]:
        def may_go() -> str | None:
            self.looked += 1
            if self.slots <= 0:
                return None
            self.slots -= 1
            self.served.append(name)
            return name

        return may_go

    async def enter(self, key: str = "a", left_s: float = 60.0, *, specialist: str = "smart") -> str:
        return await self.room.enter(specialist, key, CLOCK.monotonic() + left_s, self.take(key))

    def free(self, slots: int = 1) -> None:
        self.slots += slots
        self.room.wake()

    async def waiting(self, *keys: str) -> "list[asyncio.Task[str]]":
        """Let one of each key wait, in this order."""
        tasks = [asyncio.create_task(self.enter(key)) for key in keys]
        await self.until(len(self.room) + len(tasks))
        return tasks

    async def until(self, count: int) -> None:
        """Wait until so many wait."""
        async with asyncio.timeout(5.0):
            while len(self.room) != count:
                await asyncio.sleep(0)


async def soon(entering: "asyncio.Future[str] | asyncio.Task[str]") -> str:
    """Return what it found within a few rounds of the event loop: long before room is looked for the next time."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert entering.done()
    return await entering


async def busy(entering: "asyncio.Future[str] | asyncio.Task[str]") -> LimitExceeded:
    with pytest.raises(LimitExceeded) as caught:
        await asyncio.wait_for(entering, 5.0)
    assert caught.value.code == "specialist_busy"
    assert (caught.value.retry_after_s or 0.0) >= 1.0
    return caught.value


async def test_who_finds_room_does_not_wait():
    place = Place(slots=1)

    assert await place.enter() == "a"
    assert place.looked == 1
    assert len(place.room) == 0


async def test_who_waits_goes_when_room_appears():
    place = Place()
    (one,) = await place.waiting("a")
    place.free()

    assert await one == "a"
    assert len(place.room) == 0


async def test_turns_are_fair_between_keys():
    place = Place()
    tasks = await place.waiting(*["many"] * 50, "one")
    place.free(3)
    await place.until(48)

    assert Counter(place.served) == {"many": 2, "one": 1}
    place.free(48)
    assert sorted(await asyncio.gather(*tasks)) == ["many"] * 50 + ["one"]


async def test_who_comes_goes_after_those_that_wait():
    place = Place()
    (first,) = await place.waiting("a")
    place.slots = 1  # nobody was told of it yet
    (second,) = await place.waiting("b")
    place.room.wake()

    assert await first == "a"
    place.free()
    assert await second == "b"


async def test_who_waits_for_a_busy_specialist_does_not_hold_up_those_of_another():
    place = Place()
    (stuck,) = await place.waiting("a")
    deadline = CLOCK.monotonic() + 60.0
    found: list[str] = []
    other = asyncio.create_task(place.room.enter("other", "a", deadline, lambda: found[0] if found else None))
    await place.until(2)
    found.append("here")
    place.room.wake()

    assert await asyncio.wait_for(other, 5.0) == "here"
    assert not stuck.done()
    place.free()
    await stuck


async def test_room_that_no_event_tells_of_is_found():
    place = Place()
    (one,) = await place.waiting("a")
    place.slots = 1

    assert await asyncio.wait_for(one, 5.0) == "a"


@pytest.mark.parametrize("policy", [{"wait_s": 0.0}, {"max_waiting": 0}])
async def test_where_nobody_may_wait_who_finds_no_room_is_refused_at_once(policy: dict[str, float]):
    place = Place(**policy)

    await busy(asyncio.ensure_future(place.enter()))
    place.slots = 1
    assert await place.enter() == "a"


async def test_who_waited_as_long_as_it_may_is_refused():
    place = Place(wait_s=0.03)
    error = await busy(asyncio.ensure_future(place.enter()))

    assert "busy; none had room in 0." in error.message
    assert (len(place.room), len(place.collected.reports)) == (0, 1)


async def test_a_deadline_ends_the_waiting_before():
    place = Place(wait_s=60.0)

    await busy(asyncio.ensure_future(place.enter(left_s=0.03)))
    await busy(asyncio.ensure_future(place.enter(left_s=-1.0)))
    assert len(place.room) == 0


async def test_one_too_many_is_refused_at_once():
    place = Place(max_waiting=2)
    tasks = await place.waiting("a", "a")
    error = await busy(asyncio.ensure_future(place.enter()))

    assert "and 2 requests wait already" in error.message
    place.free(2)
    await asyncio.gather(*tasks)


async def test_who_is_one_of_many_of_a_key_makes_room_for_another_key():
    place = Place(max_waiting=3)
    oldest, *others = await place.waiting("many", "many", "many")
    one = asyncio.create_task(place.enter("one"))

    await busy(oldest)
    place.free(3)
    assert await asyncio.gather(one, *others) == ["one", "many", "many"]


async def test_a_client_that_leaves_leaves_no_trace():
    place = Place()
    left, stays = await place.waiting("a", "b")
    left.cancel()
    await asyncio.wait([left])
    place.free()

    assert await stays == "b"
    assert (place.served, len(place.room)) == (["b"], 0)


async def test_a_turn_is_not_given_to_a_client_that_is_about_to_leave():
    place = Place()
    left, stays = await place.waiting("a", "b")
    left.cancel()
    place.free()  # before its task could run

    assert await soon(stays) == "b"
    assert place.served == ["b"]


async def test_who_leaves_when_it_is_its_turn_passes_it_on():
    place = Place()
    left, stays = await place.waiting("a", "b")
    place.free()
    left.cancel()  # before its task could run

    assert await soon(stays) == "b"
    assert place.served == ["b"]


async def test_who_is_refused_when_it_is_its_turn_passes_it_on():
    place = Place(max_waiting=2)
    pushed_out, stays = await place.waiting("many", "many")
    one = asyncio.create_task(place.enter("one"))
    await asyncio.sleep(0)
    assert not pushed_out.done()
    place.free(2)

    assert [await soon(stays), await soon(one)] == ["many", "one"]
    await busy(pushed_out)


async def test_a_failure_to_look_for_room_is_that_requests_own():
    def fails() -> str | None:
        if place.slots:
            raise ValueError("a defect")
        return None

    place = Place()
    failing = asyncio.create_task(place.room.enter("smart", "a", CLOCK.monotonic() + 60.0, fails))
    await place.until(1)
    (stays,) = await place.waiting("b")
    place.free()

    with pytest.raises(ValueError, match="a defect"):
        await failing
    assert await soon(stays) == "b"


async def test_nobody_is_asked_twice_for_one_piece_of_news():
    place = Place()
    tasks = await place.waiting(*"abcdefgh")
    place.looked = 0
    place.room.wake()
    place.room.wake()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert (
        place.looked <= 2
    )  # all want the same: one speaks for the others, and once more where time has passed
    place.free(8)
    await asyncio.gather(*tasks)


async def test_an_empty_room_leaves_no_timer_behind():
    place = Place()
    (one,) = await place.waiting("a")
    place.free()
    await one

    assert place.room._look is None  # pyright: ignore[reportPrivateUsage]
    place.room.wake()
    assert len(place.room) == 0


async def test_a_new_policy_bounds_those_that_come():
    place = Place()
    place.room.configure(BalancingPolicy(wait_s=0.0))

    await busy(asyncio.ensure_future(place.enter()))


@pytest.mark.parametrize("seed", range(5))
async def test_whoever_leaves_and_whenever_no_place_is_lost(seed: int):
    rng, place, tasks = random.Random(seed), Place(max_waiting=20), list[asyncio.Task[str]]()
    for _ in range(400):
        match rng.choice(["enter", "enter", "leave", "free", "pass"]):
            case "enter":
                tasks.append(asyncio.create_task(place.enter(rng.choice("abc"))))
            case "leave" if tasks:
                rng.choice(tasks).cancel()
            case "free":
                place.free(rng.randint(1, 3))
            case _:
                await asyncio.sleep(0)
        assert len(place.room) <= 20
    place.free(len(tasks))
    ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5.0)

    assert Counter(each for each in ended if isinstance(each, str)) == Counter(place.served)
    assert {type(each) for each in ended} <= {str, LimitExceeded, asyncio.CancelledError}
    assert len(place.room) == 0
