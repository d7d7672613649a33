"""The loops of the control process over the databases of a data folder: monitoring, and recovery from what it finds."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from guardian_cluster.domain.action import HeldMove
from guardian_cluster.domain.clock import Clock
from guardian_cluster.engine.engine import Engine
from guardian_cluster.moves_file import MovesFile
from guardian_cluster.processes.guarding import guarding
from guardian_cluster.processes.monitor import ENGINE_NAME
from guardian_cluster.processes.recoveries import Recoveries, recoveries
from guardian_cluster.processes.rounds import DRAIN_S, Rounds

log = logging.getLogger("guardian.monitoring")


class Loops(NamedTuple):
    """What a control process does again and again, besides taking records."""

    rounds: Rounds
    recoveries: Recoveries


@asynccontextmanager
async def loops(folder: Path, clock: Clock, rng: Random | None = None) -> AsyncGenerator[Loops]:
    """Open the databases and the engine of a data folder, go on where the last process ended, and give its loops.

    Raises CannotCreate where one of them cannot be opened.
    """
    moves = MovesFile(folder)

    async def publish(held: Sequence[HeldMove]) -> None:
        await asyncio.to_thread(moves.put, held)

    async with guarding(folder, clock) as parts:
        engine = await asyncio.to_thread(_engine, folder, clock)
        async with recoveries(parts, engine, publish, parts.since, clock, rng or Random()) as repairing:
            engine.register(parts.cycle)
            await engine.start()
            try:
                watching = Rounds(parts, engine, clock, heard=repairing.note)
                await repairing.begin()
                await watching.begin(parts.known)
                log.info("guardians watch", extra={"specialists": len(parts.network.specialists)})
                yield Loops(watching, repairing)
                await watching.keep()
            finally:
                await engine.close(drain_s=DRAIN_S)


def _engine(folder: Path, clock: Clock) -> Engine:
    # Imported here: DBOS takes a second, and guardians inside a program (`own_guardians.py`) do without it.
    from guardian_cluster.engine.durable import DurableEngine

    return DurableEngine(folder / ENGINE_NAME, clock=clock)
