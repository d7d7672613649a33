"""The processes that run workflows in this measurement: forked from one that has imported everything already.

So a killed process is started again in a tenth of the time, and hundreds of deaths take minutes.
"""

import asyncio
import logging
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from benchmarks.kill_sweep_world.dying import Death, dying, never
from benchmarks.kill_sweep_world.kinds import BY_NAME, Kind
from benchmarks.kill_sweep_world.place import Place
from guardian_cluster.engine.durable import DurableEngine
from guardian_cluster.engine.engine import RunFailed

END_S = 60.0


def forks() -> ForkServerContext:
    """Return what processes are started with."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "guardian_cluster.engine.parts"])
    return context


def run_one(out: Connection, place: Place, kind: str, id: str, death: Death | None) -> None:
    """Have one run come to its end, or die in it; send what it returned."""
    _quiet()
    out.send(asyncio.run(_run_one(place, kind, id, death)))


async def _run_one(place: Place, name: str, id: str, death: Death | None) -> Any:
    kind = BY_NAME[name]
    engine = DurableEngine(place.database)
    async with kind.opened(place, id, engine.executor) as workflow:
        engine.register(dying(workflow, death))
        await engine.start()
        try:
            return await _result(engine, kind, id)
        finally:
            await engine.close(drain_s=1.0)


async def _result(engine: DurableEngine, kind: Kind, id: str) -> Any:
    try:
        await engine.enqueue(kind.name, kind.argument, id=id)
        return await engine.result(id, timeout_s=END_S)
    except (RunFailed, TimeoutError) as error:
        return repr(error)


def serve(out: Connection, place: Place, kind: str, name: str) -> None:
    """Run whatever waits until killed; send the executor's name once it does."""
    _quiet()
    asyncio.run(_serve(out, place, kind, name))


async def _serve(out: Connection, place: Place, kind: str, name: str) -> None:
    engine = DurableEngine(place.database, executor=name)
    async with BY_NAME[kind].opened(place, "", name) as workflow:
        engine.register(workflow)
        await engine.start()
        out.send(name)
        await never()


class Child:
    """A process of this measurement."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        context = forks()
        self._end, theirs = context.Pipe(duplex=False)
        self.process: ForkServerProcess = context.Process(
            target=target, args=(theirs, *arguments), daemon=True
        )
        self.process.start()
        theirs.close()

    def said(self, timeout_s: float = END_S) -> Any:
        """Return what it sent; None where it died without."""
        try:
            return self._end.recv() if self._end.poll(timeout_s) else None
        except EOFError:
            return None

    def end(self) -> None:
        """Kill it, if it lives, and wait for its end."""
        self.process.kill()
        self.process.join(END_S)
        self._end.close()


def _quiet() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
