"""What becomes of a cycle whose specialist disappears, and of one that meets a database which is away."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.engine import again
from guardian_cluster.engine.engine import Run, RunFailed, Workflow
from guardian_cluster.engine.memory import MemoryEngine
from guardian_cluster.errors import Problem
from guardian_cluster.guarded import CYCLE, Guarded
from guardian_cluster.storage.state_database import StateUnavailable


class Cycles:
    """A workflow of one step, which raises one error each time it is done, and then no more."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def execute_monitoring_cycle(self, specialist_id: str, steps: Run) -> None:
        await steps.step("ask", self._ask, str)

    async def _ask(self, key: str) -> str:
        if self._errors:
            raise self._errors.pop(0)
        return key


async def done(*errors: Exception) -> str:
    """Run a cycle, and return what its engine returns."""
    guarded = cast("Any", SimpleNamespace(workflow=Cycles(*errors)))
    guarded._cycle = lambda run, specialist: Guarded._cycle(guarded, run, specialist)
    engine = MemoryEngine(SystemClock())
    engine.register(cast("Workflow[str, str]", Guarded.cycle.__get__(guarded)))
    await engine.start()
    try:
        return await engine.run(CYCLE, "writer", id="c1")
    finally:
        await engine.close(drain_s=0.0)


async def test_a_cycle_waits_for_the_state_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "FIRST_PAUSE_S", 0.001)
    away = StateUnavailable(Problem("state-unavailable", "it is locked"))

    assert await done(away, away) == "c1"


async def test_a_cycle_of_a_specialist_that_is_gone_ends_early(caplog: pytest.LogCaptureFixture) -> None:
    assert await done(KeyError("no specialist 'writer' is deployed")) == "c1"
    assert "a cycle ended early" in caplog.text


async def test_any_other_error_fails_the_cycle() -> None:
    with pytest.raises(RunFailed, match="step ask: LookupError"):
        await done(LookupError("a fault"))
