"""How long runs stand still when the process that has them is killed, or frozen and let go on later."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.kill_sweep_world.effects import Effects
from benchmarks.kill_sweep_world.kinds import LONG, stop_of
from benchmarks.kill_sweep_world.place import Place
from benchmarks.kill_sweep_world.program import Child, serve
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.engine.database import open_server
from guardian_cluster.engine.ledger import Ledger

RUNS = 4
"""Under way at the same time in the process that is struck."""

_PATIENCE_S = 60.0
_LOOK_S = 0.05


class TakenOver(NamedTuple):
    """What became of the runs of a process that was struck."""

    how: str
    slowest_s: float
    """From the blow until another process had gone on with the last of them."""
    right: bool
    duplicated: int


class Town:
    """Two processes over one PostgreSQL: one that runs, and one that stands by."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._rng = random.Random(seed)
        self._effects: Effects = place.open_effects()
        self._effects.create()
        self._database = open_server(place.runs)
        self.ledger = Ledger(self._database)
        self.ledger.migrate()
        self.ledger.register_queue(LONG.name, RUNS)
        self._count = 0
        self._rounds = 0

    def close(self) -> None:
        """Let go of the database."""
        self.ledger.close()
        self._database.dispose()
        self._effects.close()

    def struck(self, freeze_s: float | None) -> TakenOver:
        """Strike a process in the middle of its runs: kill it, or freeze it for so long; another one stands by."""
        first = self._start()
        ids = self._enqueue(first[1])
        second = self._start()
        try:
            return self._struck(first, second, ids, freeze_s)
        finally:
            for child, _ in (first, second):
                child.end()

    def _struck(
        self, first: tuple[Child, str], second: tuple[Child, str], ids: list[str], freeze_s: float | None
    ) -> TakenOver:
        time.sleep(self._rng.uniform(0.3, 1.5))  # at any place of a beat and of a step
        blow = SystemClock().now()
        self._strike(first[0], freeze_s)
        slowest_s = max(self._went_on(id, second[1], blow) for id in ids)
        if freeze_s is not None:
            time.sleep(max(blow + freeze_s - SystemClock().now(), 0.0))
            os.kill(_pid(first[0]), signal.SIGCONT)
        for id in ids:
            asyncio.run(self._effects.make(f"{stop_of(id)}:0:stop", "town"))
        steps = [self._steps(id) for id in ids]
        time.sleep(1.0 if freeze_s is not None else 0.0)  # whoever was let go on has time to do harm
        extra = [self._effects.amount(id) - count for id, count in zip(ids, steps, strict=True)]
        how = "killed" if freeze_s is None else "frozen"
        return TakenOver(
            how, slowest_s, min(steps) > 0 and min(extra) >= 0, sum(max(more, 0) for more in extra)
        )

    def _start(self) -> tuple[Child, str]:
        self._count += 1
        name = f"process-{self._count}"
        child = Child(serve, self._place, LONG.name, name)
        if child.said() != name:
            raise RuntimeError(f"{name} did not start")
        return child, name

    def _enqueue(self, executor: str) -> list[str]:
        """Have runs begin in the only process there is."""
        self._rounds += 1
        ids = [f"{self._place.runs[-6:]}-{self._rounds}-{number}" for number in range(RUNS)]
        for id in ids:
            self.ledger.enqueue(LONG.name, LONG.argument, id=id, once="", limit_s=300.0)
        for id in ids:
            _until(
                lambda id=id: any(done.executor == executor for done in self._effects.of(id)), f"{id} began"
            )
        return ids

    def _strike(self, child: Child, freeze_s: float | None) -> None:
        os.kill(_pid(child), signal.SIGKILL if freeze_s is None else signal.SIGSTOP)

    def _went_on(self, id: str, executor: str, blow: float) -> float:
        """Return how long after the blow another process had an effect of a run."""

        def seen() -> bool:
            return any(done.executor == executor for done in self._effects.of(id))

        _until(seen, f"{executor} went on with {id}")
        return min(done.at for done in self._effects.of(id) if done.executor == executor) - blow

    def _steps(self, id: str) -> int:
        """Return how many steps a run says it had, once it ended; 0 where it did not end well."""
        _until(lambda: self._has_ended(id), f"{id} ended")
        run = self.ledger.run_of(id)
        return int(run.result) if run is not None and run.state == "done" else 0

    def _has_ended(self, id: str) -> bool:
        run = self.ledger.status(id)
        return run is not None and run.state not in ("waiting", "running")


def _pid(child: Child) -> int:
    if child.process.pid is None:
        raise RuntimeError("a process was not started")
    return child.process.pid


def _until(happened: Callable[[], bool], what: str) -> None:
    late = time.monotonic() + _PATIENCE_S
    while not happened():
        if time.monotonic() > late:
            raise RuntimeError(f"not within {_PATIENCE_S:g} s: {what}")
        time.sleep(_LOOK_S)
