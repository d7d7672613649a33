"""What failed is done again as recovery would have it asked, apart from all that callers ask."""

from collections.abc import AsyncIterator

import pytest
from harness import base, specialist
from sample_records import NOON

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.processes.retrier import TIMES, SpecialistRetrier
from guardian_cluster.simulation import Hang, ModelServer, Status

FAILED = FailureEvent(
    id="e1", at=NOON, onset=NOON, specialist="writer", signal="error", source="alarm", observed=1.0
)


class Place:
    """A specialist with two endpoints, of which the first is out of order, and its retrier."""

    def __init__(self, broken: ModelServer, sound: ModelServer) -> None:
        self.broken, self.sound = broken, sound
        snapshot = Snapshot(rev=1, base=base(specialist("writer", broken.url, sound.url)))
        self.retrier = SpecialistRetrier(lambda: snapshot, SystemClock(), timeout_s=2.0)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with ModelServer("ready") as broken, ModelServer("ready") as sound:
        place = Place(broken, sound)
        yield place
        await place.retrier.close()


async def test_a_sound_specialist_answers_each_time(place: Place) -> None:
    found = await place.retrier.retry(FAILED, ())

    assert (found.tried, found.well) == (TIMES, TIMES)


async def test_it_is_asked_as_the_moves_have_it_asked(place: Place) -> None:
    place.broken.fault = Status(500)

    found = await place.retrier.retry(FAILED, [Drain(specialist="writer", endpoint="writer/1")])

    assert (found.tried, found.well) == (TIMES, TIMES)
    assert not place.broken.requests
    assert len(place.sound.requests) == TIMES


async def test_what_still_fails_is_said(place: Place) -> None:
    place.broken.fault = place.sound.fault = Status(500)

    found = await place.retrier.retry(FAILED, ())

    assert (found.tried, found.well) == (TIMES, 0)
    assert "upstream" in found.said


async def test_what_hangs_proves_nothing_and_holds_nobody_up(place: Place) -> None:
    place.broken.fault = place.sound.fault = Hang("request")

    found = await place.retrier.retry(FAILED, ())

    assert found.well == 0
    assert found.said


async def test_a_specialist_that_is_gone_is_not_tried(place: Place) -> None:
    event = FailureEvent(id="e2", at=NOON, onset=NOON, specialist="nobody", signal="error", source="person")

    found = await place.retrier.retry(event, ())

    assert (found.tried, found.said) == (0, "'nobody' is not deployed")
