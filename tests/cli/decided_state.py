"""A data folder with improvements in its state, for the tests of the commands that decide about them."""

import asyncio
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from improvement_samples import FLAGGED, NOON, SETTING, improvement, review

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import Change, QueuedImprovement
from guardian_cluster.improvement.queue import ImprovementQueue
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import FILE_NAME


def put(
    folder: Path,
    id: str = "i1",
    change: Change = SETTING,
    *,
    flagged: bool = False,
    owner: str = "ada",
    **more: object,
) -> None:
    """Have an improvement queued, or investigated, as a monitoring cycle does."""

    async def queued() -> None:
        clock = ManualClock(NOON)
        store = StateStore.open(folder / FILE_NAME, clock)
        pair = (improvement(id, change, **more), review(id, FLAGGED if flagged else ()))
        await ImprovementQueue(store, clock, lambda: owner).queue_improvements([pair], key=f"run:1:{id}")
        await store.close()

    folder.mkdir(exist_ok=True)
    if not (folder / FILE_NAME).exists():
        (folder / FILE_NAME).write_bytes(empty())
    asyncio.run(queued())


@cache
def empty() -> bytes:
    """Return a state in which nothing is kept; to make one takes a quarter of a second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        asyncio.run(StateStore.open(path, ManualClock(NOON)).close())
        return path.read_bytes()


def kept(folder: Path) -> Sequence[QueuedImprovement]:
    """Return all improvements of a data folder."""

    async def read() -> Sequence[QueuedImprovement]:
        store = StateStore.open(folder / FILE_NAME, ManualClock(NOON))
        items = await store.improvements()
        await store.close()
        return items

    return asyncio.run(read())
