"""Who takes over what of whom: by leases, by what the database says, and by DBOS's own recovery."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_world import PATIENCE_S, World, until, until_done, until_inside

from guardian_cluster.engine import leftovers
from guardian_cluster.engine.database import open_server
from guardian_cluster.engine.durable import DurableEngine
from guardian_cluster.engine.lease import Lease
from guardian_cluster.engine.ledger import Ledger, PendingRun
from guardian_cluster.engine.leftovers import ORPHAN_S, Leftovers
from guardian_cluster.engine.parts import Parts

OURS = PendingRun("ours", "w", "me", 1.0)
THEIRS = PendingRun("theirs", "w", "other", 1.0)


@pytest.mark.parametrize(("live", "left"), [({"me", "other"}, []), ({"me"}, [THEIRS]), (None, [])])
def test_only_what_a_dead_process_had_is_taken_over(live: set[str] | None, left: list[PendingRun]) -> None:
    found = Leftovers("me").among([OURS, THEIRS], live=live, active={"ours"}, now=1e6)

    assert found == left


def test_a_run_of_ours_that_nothing_works_on_is_handed_back_after_a_moment() -> None:
    leftovers = Leftovers("me")
    moments = (0.0, ORPHAN_S - 0.1, ORPHAN_S)

    found = [leftovers.among([OURS], live=None, active=(), now=moment) for moment in moments]

    assert found == [[], [], [OURS]]
    assert leftovers.among([OURS], live=None, active={"ours"}, now=100.0) == []
    assert leftovers.among([OURS], live=None, active=(), now=101.0) == []


def test_a_run_that_is_cancelled_or_taken_over_is_lost_here() -> None:
    assert Leftovers("me").lost([OURS, THEIRS], {"ours", "theirs", "cancelled"}) == {"theirs", "cancelled"}


def parts_of(engine: DurableEngine) -> Parts:
    assert engine._parts is not None
    return engine._parts


async def test_who_lost_a_run_keeps_nothing_more_of_it(tmp_path: Path) -> None:
    """The contract of DBOS's private recovery: where it changes, this fails."""
    world = World()
    engine = DurableEngine(tmp_path / "engine.db", executor="me")
    world.add_to(engine, "gated", "total")
    await engine.start()
    id = await engine.enqueue("gated", "lost")
    await until_inside(world, 1)
    ledger = parts_of(engine).ledger
    (pending,) = ledger.pending()

    handed = [ledger.hand_back(PendingRun(id, "gated", name, 0.0)) for name in ("other", "me", "me")]
    await until_inside(world, 2)  # the old one, and the one that took it up
    world.gates["lost"].set()

    assert (pending.id, pending.executor, handed) == (id, "me", [False, True, False])
    assert await engine.result(id, timeout_s=PATIENCE_S) == f"{id}:3:after"
    assert [world.times(id, step) for step in ("before", "wait", "after")] == [1, 2, 1]
    await engine.close(drain_s=0.0)


@pytest.fixture
def ledger(empty_engine_postgres: Callable[[], str]) -> Iterator[tuple[Ledger, str]]:
    address = empty_engine_postgres()
    database = open_server(address)
    ledger = Ledger(database)
    ledger.migrate()
    yield ledger, address
    ledger.close()
    database.dispose()


def test_who_has_a_lease_is_alive_until_it_gives_it_back(ledger: tuple[Ledger, str]) -> None:
    database = open_server(ledger[1])
    first, second = Lease("first", database), Lease("second", database)
    first.take()
    second.take()
    both = first.live()

    second.give_back()

    assert (both, first.live(), first.is_held, second.is_held) == (
        {"first", "second"},
        {"first"},
        True,
        False,
    )
    first.give_back()
    database.dispose()


async def test_who_cannot_renew_its_lease_leaves_its_runs_and_takes_no_more(
    ledger: tuple[Ledger, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lease, "_beat_on", lambda self: None)
    world = World()
    engine = DurableEngine(ledger[1])
    world.add_to(engine, "gated", "total")
    await engine.start()
    async with asyncio.timeout(PATIENCE_S):
        while not engine.failure:
            await asyncio.sleep(0.02)

    id = await engine.enqueue("total", [1])
    await asyncio.sleep(0.3)

    assert (await until(engine, id, "waiting", "done")).state == "waiting"
    await engine.close(drain_s=0.0)


async def test_who_was_taken_for_dead_leaves_its_runs_to_others(
    ledger: tuple[Ledger, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "ORPHAN_S", 0.3)
    world = World()
    engine = DurableEngine(ledger[1])
    world.add_to(engine, "gated", "total")
    await engine.start()
    id = await engine.enqueue("gated", "dead")
    await until_done(world, id, "before")
    lease = parts_of(engine).lease
    assert lease is not None

    lease.lapses += 1  # as after 30 s without a beat
    async with asyncio.timeout(PATIENCE_S):
        while world.inside:
            await asyncio.sleep(0.01)
    world.gates["dead"].set()

    assert await engine.result(id, timeout_s=PATIENCE_S) == f"{id}:3:after"  # itself, when it is found idle
    assert world.times(id, "wait") == 1
    await engine.close(drain_s=0.0)
