"""The pure parts of the kill sweep: what is counted as wrong, doubled, late or stranded."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kill_sweep import sweep_figures, takeover_figures, upgrade_figures
from benchmarks.kill_sweep_world import recovery
from benchmarks.kill_sweep_world.dying import MOMENTS, Death, DyingRun, Moment
from benchmarks.kill_sweep_world.kinds import KINDS
from benchmarks.kill_sweep_world.place import Place
from benchmarks.kill_sweep_world.sweep import Ended, deaths
from benchmarks.kill_sweep_world.takeover import TakenOver
from benchmarks.kill_sweep_world.upgrade import Upgraded
from guardian_cluster.domain.action import Drain, HeldMove
from guardian_cluster.engine.immediate import ImmediateRun
from guardian_cluster.moves_file import MovesFile


def test_a_process_dies_before_inside_and_after_each_step() -> None:
    every = deaths()

    assert len({(kind.name, death) for kind, death in every}) == 3 * sum(kind.steps for kind in KINDS)
    assert {death.moment for _, death in every} == {*MOMENTS}
    assert min(death.step for _, death in every) == 1


class Noting(ImmediateRun):
    """A run that says when what a step returned is kept."""

    def __init__(self, happened: list[str]) -> None:
        super().__init__("r")
        self._happened = happened

    async def step(self, name: str, work: Callable[[str], Awaitable[Any]], returns: type[Any]) -> Any:
        result = await super().step(name, work, returns)
        self._happened.append(f"kept {result}")
        return result


@pytest.mark.parametrize(("moment", "place"), [("before", 2), ("inside", 3), ("after", 4)])
async def test_a_run_dies_where_it_should(
    moment: Moment, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    monkeypatch.setattr("os.kill", lambda *_: happened.append("killed"))
    run = DyingRun(Noting(happened), Death(moment, 2))

    async def work(key: str) -> str:
        happened.append(f"did {key}")
        return key

    for name in ("first", "second"):
        await run.step(name, work, str)

    assert happened.pop(place) == "killed"
    assert happened == ["did r:1:first", "kept r:1:first", "did r:2:second", "kept r:2:second"]


def test_one_wrong_end_or_one_effect_more_is_seen() -> None:
    right, wrong = Ended("a", True, True, 0, 0), Ended("b", True, False, 1, 2)

    figures = sweep_figures({"sqlite": [right, right, right], "postgresql": [wrong]})

    assert figures["right_end_state"] == 0.75
    assert figures["right_end_state_by_database"] == {"sqlite": 1.0, "postgresql": 0.0}
    found = [figures[key] for key in ("wrong_end_states", "duplicated_effects", "lost_effects", "survived")]
    assert found == [1, 1, 2, 0]


def test_the_slowest_run_counts_and_without_a_server_nothing_does() -> None:
    found = [TakenOver("killed", 2.0, True, 0), TakenOver("frozen", 6.0, False, 1)]

    figures = takeover_figures(found)

    assert (figures["takeover_p95_s"], figures["takeovers"]) == (6.0, {"killed": 1, "frozen": 1})
    assert (figures["takeover_wrong"], figures["takeover_duplicated"]) == (1, 1)
    assert takeover_figures([])["takeover_p95_s"] is None


def test_a_run_without_an_end_is_stranded() -> None:
    figures = upgrade_figures([Upgraded("a", "done", True), Upgraded("b", "running", False)])

    assert figures == {"upgrades": 2, "stranded": 1, "upgraded_otherwise": 1}


def test_a_move_that_no_action_undoes_is_seen(tmp_path: Path) -> None:
    undisturbed = recovery.prepare(tmp_path / "data", "repaired")
    file = MovesFile(tmp_path / "data-undisturbed-repaired")
    stray = HeldMove(id="stray", until=recovery.NOON, move=Drain(specialist="writer"))
    file.put([*file.load(), stray])

    found = recovery.counted(tmp_path / "data", "undisturbed-repaired")

    assert (undisturbed.effects["actions"], undisturbed.effects["awry"]) == (2, 0)
    assert (found["moves"], found["awry"]) == (2, 1)


def test_a_place_is_a_file_or_a_server() -> None:
    assert Place("/x/engine.db", "/x/effects.db").is_file
    assert Place("postgresql://x", "postgresql://x").database == "postgresql://x"
