"""Forgets conversations that nobody went on with for longer than they are to be kept."""

import asyncio
import logging
from pathlib import Path

from guardian_cluster.contract.snapshot_file import read_snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.storage.memory_store import MemoryStore, location_of
from guardian_cluster.storage.records import DAY_S

log = logging.getLogger("guardian.control")


async def forget_old_conversations(folder: Path, clock: Clock) -> int:
    """Delete what is over in the memory that the deployed snapshot names; return how many conversations.

    What goes wrong costs nothing but time: the next round tries again.
    """
    try:
        policy = (await asyncio.to_thread(read_snapshot, folder)).base.memory
    except (OSError, ValueError):
        return 0  # nothing is deployed, or nothing that can be read
    store = MemoryStore(location_of(policy, folder), clock=clock)
    forgotten = 0
    try:
        if store.exists:
            before = clock.now() - policy.conversations_days * DAY_S
            while some := await store.expire_conversations(before=before):
                forgotten += some
    except OSError as error:
        log.warning("old conversations could not be forgotten", extra={"reason": str(error)})
    finally:
        await store.close()
    return forgotten
