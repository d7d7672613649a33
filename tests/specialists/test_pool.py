"""Which connections are kept, for whom, and how long."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_connection import Wire

from guardian_cluster.specialists import pool as pools
from guardian_cluster.specialists.connection import Connection, Origin
from guardian_cluster.specialists.pool import ConnectionLimits, Pool

HERE, THERE = Origin("here", 80, is_secure=False), Origin("there", 80, is_secure=False)


def connected(pool: Pool, origin: Origin = HERE) -> Connection:
    connection = Connection(pool.lane(origin))
    connection.connection_made(Wire())
    return connection


async def test_the_connection_used_last_is_used_next():
    pool = Pool()
    first, last = connected(pool), connected(pool)
    pool.lane(HERE).freed(first)
    pool.lane(HERE).freed(last)

    assert [pool.take(pool.lane(HERE)), pool.take(pool.lane(HERE)), pool.take(pool.lane(HERE))] == [
        last,
        first,
        None,
    ]
    pool.close()


async def test_a_connection_serves_its_own_origin_alone():
    pool = Pool()
    pool.lane(HERE).freed(connected(pool, HERE))

    assert pool.take(pool.lane(THERE)) is None
    assert pool.take(pool.lane(Origin("here", 80, is_secure=True))) is None
    pool.close()


async def test_a_connection_that_has_ended_is_not_used():
    pool = Pool()
    ended, lost = connected(pool), connected(pool)
    pool.lane(HERE).freed(ended)
    pool.lane(HERE).freed(lost)
    ended.abort()
    lost.connection_lost(None)

    assert pool.take(pool.lane(HERE)) is None
    pool.close()


async def test_what_is_idle_for_too_long_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pools, "IDLE_CONNECTION_S", 0.02)
    pool = Pool()
    idle = [connected(pool) for _ in range(3)]
    for connection in idle:
        pool.lane(HERE).freed(connection)

    async with asyncio.timeout(5):
        while any(connection.is_open for connection in idle):
            await asyncio.sleep(0.005)

    assert pool.take(pool.lane(HERE)) is None
    pool.close()


def full(pool: Pool, *origins: Origin) -> list[Connection]:
    """Take a place, with a connection, for each."""
    made: list[Connection] = []
    for origin in origins:
        waiting = pool.enter(pool.lane(origin))
        with pytest.raises(StopIteration):
            waiting.send(None)  # there is room: it waits for nothing
        made.append(connected(pool, origin))
    return made


async def waits(pool: Pool, origin: Origin) -> asyncio.Task[Connection | None]:
    """Begin to wait for a place."""
    task = asyncio.create_task(pool.enter(pool.lane(origin)))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_whoever_waits_longest_among_those_for_whom_there_is_room_is_next():
    pool = Pool(ConnectionLimits(per_origin=2, total=3))
    here, here_too, there = full(pool, HERE, HERE, THERE)
    first, second, third = [await waits(pool, origin) for origin in (HERE, THERE, HERE)]

    pool.lane(THERE).freed(there)  # there is no room here: two are in use
    assert await second is there
    pool.lane(HERE).freed(here)
    assert await first is here
    here_too.connection_lost(None)
    assert await third is None  # it has the place, and is to make one
    pool.close()


async def test_nobody_who_comes_later_takes_a_place_that_is_handed_over():
    pool = Pool(ConnectionLimits(per_origin=1))
    (connection,) = full(pool, HERE)
    waiting = await waits(pool, HERE)

    pool.lane(HERE).freed(connection)

    assert pool.take(pool.lane(HERE)) is None
    assert await waiting is connection
    pool.close()


async def test_who_gives_up_waiting_leaves_the_place_to_the_next():
    pool = Pool(ConnectionLimits(per_origin=1))
    (connection,) = full(pool, HERE)
    first, second, third = [await waits(pool, HERE) for _ in range(3)]
    first.cancel()
    await asyncio.wait([first])
    pool.lane(HERE).freed(connection)
    second.cancel()  # when it has been called already

    assert await third is connection
    assert (pool.used, pool.waiting) == (1, 0)
    pool.close()


async def test_an_idle_connection_elsewhere_makes_room():
    pool = Pool(ConnectionLimits(per_origin=2, total=2))
    older, newer = full(pool, THERE, THERE)
    pool.lane(THERE).freed(older)
    pool.lane(THERE).freed(newer)

    full(pool, HERE)

    assert (older.is_open, newer.is_open) == (False, True)
    pool.close()


async def test_closing_the_pool_tells_those_who_wait():
    pool = Pool(ConnectionLimits(per_origin=1))
    full(pool, HERE)
    waiting = await waits(pool, HERE)

    pool.close()

    with pytest.raises(ConnectionAbortedError):
        await waiting


@given(
    st.lists(st.tuples(st.sampled_from(["enter", "free", "lose", "cancel"]), st.integers(0, 30)), max_size=60)
)
def test_places_are_never_lost_and_never_too_many(steps: list[tuple[str, int]]):
    asyncio.run(play(steps))


async def play(steps: list[tuple[str, int]]) -> None:
    pool = Pool(ConnectionLimits(per_origin=2, total=3))
    in_use: list[Connection] = []
    waiting: list[tuple[Origin, asyncio.Task[Connection | None]]] = []
    for step, number in steps:
        if step == "enter":
            origin = (HERE, THERE)[number % 2]
            waiting.append((origin, asyncio.create_task(pool.enter(pool.lane(origin)))))
        elif step == "cancel" and waiting:
            waiting[number % len(waiting)][1].cancel()
        elif in_use:
            connection = in_use.pop(number % len(in_use))
            lane = next(lane for lane in map(pool.lane, (HERE, THERE)) if connection.keeper is lane)
            lane.freed(connection) if step == "free" else connection.connection_lost(None)
        await settle(pool, waiting, in_use)
    waiting_here = [origin for origin, _ in waiting]
    assert pool.waiting == len(waiting_here)
    assert not waiting or len(in_use) == 3 or any(pool.lane(each).used == 2 for each in waiting_here)
    pool.close()
    await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


async def settle(
    pool: Pool, waiting: list[tuple[Origin, asyncio.Task[Connection | None]]], in_use: list[Connection]
) -> None:
    """Let those who have their turn make their connections."""
    for _ in range(3):
        await asyncio.sleep(0)
    for origin, task in [each for each in waiting if each[1].done()]:
        waiting.remove((origin, task))
        if not task.cancelled():
            in_use.append(task.result() or connected(pool, origin))
    assert pool.used == len(in_use) <= 3
    assert all(pool.lane(origin).used <= 2 for origin in (HERE, THERE))
    idle = sum(len(pool.lane(origin).idle) for origin in (HERE, THERE))
    assert idle + len(in_use) <= 3


async def test_closing_the_pool_closes_connections_in_use():
    pool = Pool()
    in_use = connected(pool)

    pool.close()

    assert not in_use.is_open


async def test_the_place_of_a_connection_that_is_outdated_is_given_back():
    pool = Pool(ConnectionLimits(per_origin=1, total=1))
    lane = pool.lane(HERE)
    assert await pool.enter(lane) is None
    outdated = connected(pool)
    pool.renew(lambda origin: origin == HERE)
    lane.freed(outdated)
    outdated.connection_lost(None)

    assert (lane.used, pool.used, lane.idle, pool.open) == (0, 0, [], set())
    pool.close()
