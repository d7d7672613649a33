"""Which connections are kept, for whom, and how long."""

import asyncio

import pytest
from test_connection import Wire

from guardian_cluster.specialists import pool as pools
from guardian_cluster.specialists.connection import Connection, Origin
from guardian_cluster.specialists.pool import Pool

HERE, THERE = Origin("here", 80, is_secure=False), Origin("there", 80, is_secure=False)


def connected(pool: Pool, origin: Origin = HERE) -> Connection:
    connection = Connection(origin, pool)
    connection.connection_made(Wire())
    return connection


async def test_the_connection_used_last_is_used_next():
    pool = Pool()
    first, last = connected(pool), connected(pool)
    pool.freed(first)
    pool.freed(last)

    assert [pool.take(HERE), pool.take(HERE), pool.take(HERE)] == [last, first, None]
    pool.close()


async def test_a_connection_serves_its_own_origin_alone():
    pool = Pool()
    pool.freed(connected(pool, HERE))

    assert pool.take(THERE) is None
    assert pool.take(Origin("here", 80, is_secure=True)) is None
    pool.close()


async def test_a_connection_that_has_ended_is_not_used():
    pool = Pool()
    ended, lost = connected(pool), connected(pool)
    pool.freed(ended)
    pool.freed(lost)
    ended.abort()
    lost.connection_lost(None)

    assert pool.take(HERE) is None
    pool.close()


async def test_what_is_idle_for_too_long_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pools, "IDLE_CONNECTION_S", 0.02)
    pool = Pool()
    idle = [connected(pool) for _ in range(3)]
    for connection in idle:
        pool.freed(connection)

    async with asyncio.timeout(5):
        while any(connection.is_open for connection in idle):
            await asyncio.sleep(0.005)

    assert pool.take(HERE) is None
    pool.close()


async def test_closing_the_pool_closes_connections_in_use():
    pool = Pool()
    in_use = connected(pool)

    pool.close()

    assert not in_use.is_open
