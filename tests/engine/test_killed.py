"""Processes that are killed in the middle of a run: a sample; `make soak` has all."""

from pathlib import Path

import psycopg
import pytest

from benchmarks.kill_sweep_world.dying import Death
from benchmarks.kill_sweep_world.kinds import BY_NAME, recovery_in
from benchmarks.kill_sweep_world.place import Place
from benchmarks.kill_sweep_world.sweep import died
from benchmarks.kill_sweep_world.upgrade import CHANGES, upgraded


def made(place: Place) -> Place:
    effects = place.open_effects()
    effects.create()
    effects.close()
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return made(Place(str(tmp_path / "engine.db"), str(tmp_path / "effects.db")))


def test_a_killed_run_comes_to_its_right_end_with_each_effect_once(place: Place) -> None:
    ended = died(place, BY_NAME["at-once"], Death("inside", 3))

    assert (ended.died, ended.right, ended.duplicated, ended.lost) == (True, True, 0, 0)


TAKEN = 5
"""The step of a recovery in which its first action is taken."""


def test_a_killed_recovery_takes_each_action_once_and_leaves_none_without_its_undo(tmp_path: Path) -> None:
    place = made(Place(str(tmp_path / "engine.db"), str(tmp_path / "effects.db"), str(tmp_path)))
    kind = recovery_in(tmp_path, "repaired")

    ended = died(place, kind, Death("inside", TAKEN))

    assert (ended.died, ended.right, ended.duplicated, ended.lost) == (True, True, 0, 0)


def test_a_run_of_a_killed_process_goes_on_in_another_one(engine_postgres: str) -> None:
    with psycopg.connect(engine_postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE killed")
    own = engine_postgres.replace("/postgres?", "/killed?")
    place = made(Place(own, own))

    ended = died(place, BY_NAME["five-steps"], Death("inside", 3))

    assert (ended.died, ended.right, ended.duplicated, ended.lost) == (True, True, 0, 0)


@pytest.mark.parametrize("change", [CHANGES[1]], ids=lambda change: change.name)
def test_an_upgrade_strands_no_run(place: Place, change: object) -> None:
    assert upgraded(place, change).as_meant  # type: ignore[arg-type]
