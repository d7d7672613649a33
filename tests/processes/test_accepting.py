"""Who takes a new connection: the worker with the fewest in use, and any one where others do not."""

import asyncio
import os
import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.processes.accepting import HANGING_S, MOST_UNCLAIMED, Accepting
from guardian_cluster.processes.headcount import MOST_WORKERS, Headcount, new_headcount


class Named(asyncio.Protocol):
    """Says whose it is."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._name)


def accepting(listening: socket.socket, headcount: Headcount, worker: int) -> Accepting:
    """Return a worker that takes in connections."""
    taking = Accepting([listening], lambda: Named(b"%d" % worker), None, headcount=headcount, worker=worker)
    taking.start()
    return taking


async def who_answers(listening: socket.socket, times: int) -> list[int]:
    """Return who took in each of so many connections, which all stay open."""
    found: list[int] = []
    kept: list[asyncio.StreamWriter] = []
    for _ in range(times):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        found.append(int(await reader.read(2)))
        kept.append(writer)
    for writer in kept:
        writer.close()
    return found


def noting(
    times: list[float], take_up: Callable[[Accepting, socket.socket], None]
) -> Callable[[Accepting, socket.socket], None]:
    """Return what notes each time that a connection was left to others first."""

    def noted(self: Accepting, listening: socket.socket) -> None:
        times.append(asyncio.get_running_loop().time())
        take_up(self, listening)

    return noted


async def test_connections_are_taken_in_turn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, listening.dup() as same:
        headcount = Headcount(new_headcount())
        workers = accepting(listening, headcount, 1), accepting(same, headcount, 2)
        found = await who_answers(listening, 20)
        for each in workers:
            each.stop()

    assert found.count(1) == found.count(2) == 10


async def test_a_worker_with_more_takes_whom_nobody_else_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        headcount = Headcount(new_headcount())
        headcount.put(2, 0)  # and hangs
        worker = accepting(listening, headcount, 1)
        found = await who_answers(listening, 5)
        worker.stop()

    assert found == [1] * 5


async def test_workers_that_hang_hold_up_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, left = asyncio.get_running_loop(), list[float]()
    monkeypatch.setattr(Accepting, "_take_up", noting(left, Accepting._take_up))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        headcount = Headcount(new_headcount())
        headcount.put(2, 0)  # and hangs
        worker = accepting(listening, headcount, 1)
        started = loop.time()
        found = await who_answers(listening, 200)
        seconds = (loop.time() - started) // HANGING_S
        worker.stop()

    assert found == [1] * 200
    assert MOST_UNCLAIMED <= len(left) <= MOST_UNCLAIMED * (1 + seconds)  # and not each of the 200


async def test_one_that_has_stopped_takes_nobody_and_is_waited_for_by_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, listening.dup() as same:
        headcount = Headcount(new_headcount())
        first, second = accepting(listening, headcount, 1), accepting(same, headcount, 2)
        first.stop()
        first.note(0)
        found = await who_answers(listening, 5)
        second.stop()

    assert found == [2] * 5
    assert (headcount.of(1), headcount.of(2)) == (None, None)


@given(st.dictionaries(st.integers(1, MOST_WORKERS), st.integers(0, 10_000), max_size=6), st.integers(1, 64))
def test_the_least_of_the_others_is_that_of_the_others(counts: dict[int, int], worker: int) -> None:
    descriptor = new_headcount()
    writing, reading = Headcount(descriptor), Headcount(descriptor)
    os.close(descriptor)
    for number, count in counts.items():
        writing.put(number, count)

    others = [count for number, count in counts.items() if number != worker]
    assert reading.least_of_others(worker) == min(others, default=None)
    assert reading.of(worker) == counts.get(worker)
