"""Conversations are forgotten when their time is over, and no others."""

from pathlib import Path

import msgspec
from harness import SOLVER, base

from guardian_cluster.contract.snapshot import MemoryPolicy, Snapshot
from guardian_cluster.contract.snapshot_file import write_snapshot
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.processes.forgetting import forget_old_conversations
from guardian_cluster.storage.memory_store import MemoryStore
from guardian_cluster.storage.memory_values import FILE_NAME, NewMessage

DAY_S = 86_400.0
HELLO = [NewMessage("user", b'{"role":"user","content":"hello"}', 1)]


def deploy(folder: Path, days: int) -> None:
    memory = MemoryPolicy(conversations_days=days)
    write_snapshot(folder, Snapshot(rev=1, base=msgspec.structs.replace(base(SOLVER), memory=memory)))


async def test_what_is_over_is_forgotten_and_the_rest_is_kept(tmp_path: Path) -> None:
    deploy(tmp_path, days=30)
    clock = ManualClock()
    store = MemoryStore(tmp_path / FILE_NAME, clock=clock)
    await store.append_messages("default", "old", HELLO)
    clock.advance(20 * DAY_S)
    await store.append_messages("default", "new", HELLO)
    clock.advance(15 * DAY_S)

    forgotten = await forget_old_conversations(tmp_path, clock)

    left = [len(await store.latest_messages("default", name, tokens=9)) for name in ("old", "new")]
    await store.close()
    assert (forgotten, left) == (1, [0, 1])


async def test_where_nothing_is_remembered_nothing_is_made(tmp_path: Path) -> None:
    deploy(tmp_path, days=30)

    assert await forget_old_conversations(tmp_path, ManualClock()) == 0
    assert not (tmp_path / FILE_NAME).exists()


async def test_without_a_snapshot_nothing_is_deleted(tmp_path: Path) -> None:
    assert await forget_old_conversations(tmp_path, ManualClock()) == 0


async def test_a_damaged_memory_is_left_to_who_uses_it(tmp_path: Path) -> None:
    deploy(tmp_path, days=30)
    (tmp_path / FILE_NAME).write_bytes(b"damaged" * 1_000)

    assert await forget_old_conversations(tmp_path, ManualClock()) == 0
    assert (tmp_path / FILE_NAME).read_bytes() == b"damaged" * 1_000
