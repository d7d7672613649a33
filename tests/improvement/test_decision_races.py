"""Decisions that come between one another: no threshold is in force of an improvement that is not applied."""

import threading
from asyncio import run
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from improvement_samples import NOON, THRESHOLD, House

from guardian_cluster.domain.improvement import ThresholdChange
from guardian_cluster.errors import BadArgument, CannotCreate, ConfigError
from guardian_cluster.improvement.decisions import Decisions
from guardian_cluster.improvement.memory_store import MemoryImprovements
from guardian_cluster.thresholds import ThresholdFile

FIRST = msgspec.structs.replace(THRESHOLD, before=None)


class Interrupted(ThresholdFile):
    """The file, of which something comes before or after a threshold is put in force."""

    before: Callable[[], Coroutine[Any, Any, Any]] | None = None
    after: Callable[[], Coroutine[Any, Any, Any]] | None = None

    def adopt(self, change: ThresholdChange, *, improvement_id: str, who: str, at: float) -> None:
        _do(self.before)
        super().adopt(change, improvement_id=improvement_id, who=who, at=at)
        _do(self.after)


def _do(what: Callable[[], Coroutine[Any, Any, Any]] | None) -> None:
    if what is not None:
        thread = threading.Thread(target=lambda: run(what()))
        thread.start()
        thread.join()


class Place:
    """One improvement that waits, and two who decide about it over one file."""

    def __init__(self, folder: Path) -> None:
        self.house = House(MemoryImprovements())
        self.file = ThresholdFile(folder, lock_timeout_s=0.05)
        self.late = Interrupted(folder, lock_timeout_s=0.05)
        self.ada = Decisions(self.house.store, self.file, self.house.clock)
        self.bob = Decisions(self.house.store, self.late, self.house.clock)

    async def bring(self, expected: Any, state: Any) -> None:
        await self.house.store.decide("i1", expected=expected, state=state, who="eve", note="", at=NOON)

    @property
    def in_force(self) -> list[float]:
        return [each.value for each in self.file.thresholds() or ()]


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    await place.house.propose("i1", FIRST)
    return place


async def test_who_fails_to_put_in_force_what_another_did_does_not_send_it_back(place: Place) -> None:
    await place.bring("queued", "approved")
    place.file.adopt(FIRST, improvement_id="i1", who="ada", at=NOON)

    with place.file._file.locked(), pytest.raises(CannotCreate):
        await place.bob.approve("i1", who="bob")

    assert await place.house.state() == "approved"
    await place.ada.approve("i1", who="ada")
    assert (await place.house.state(), place.in_force) == ("applied", [0.6])


async def test_a_file_that_cannot_be_read_is_not_taken_for_an_empty_one(place: Place) -> None:
    place.file.path.write_text("damaged")

    with pytest.raises(ConfigError):
        await place.ada.approve("i1", who="ada")

    assert await place.house.state() == "approved"


async def test_a_threshold_is_taken_back_where_its_improvement_was_sent_back_meanwhile(place: Place) -> None:
    place.late.after = lambda: place.bring("approved", "queued")

    with pytest.raises(BadArgument, match="i1 is queued"):
        await place.bob.approve("i1", who="bob")

    assert (await place.house.state(), place.in_force) == ("queued", [])


async def test_what_was_undone_meanwhile_is_not_put_in_force_again(place: Place) -> None:
    await place.bring("queued", "approved")

    async def applied_and_undone() -> None:
        await place.ada.approve("i1", who="ada")
        await place.ada.undo("i1", who="ada")

    place.late.before = applied_and_undone
    with pytest.raises(BadArgument, match="i1 is undone"):
        await place.bob.approve("i1", who="bob")

    assert (await place.house.state(), place.in_force) == ("undone", [])


@pytest.mark.parametrize(("decide", "state"), [("reject", "rejected"), ("undo", "queued")])
async def test_what_a_process_left_in_force_is_taken_back(place: Place, decide: str, state: str) -> None:
    place.file.adopt(FIRST, improvement_id="i1", who="ada", at=NOON)

    await getattr(place.ada, decide)("i1", who="bob")

    assert (await place.house.state(), place.in_force) == (state, [])
