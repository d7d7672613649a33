"""Recovery inside a program of one's own: it tells of a failure, and sees the incident and what was done about it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from recovery_town import USELESS, Says, rehearsed, town

from guardian_cluster.domain.action import Action, Drain, HeldMove
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.incident import FailureEvent, Incident
from guardian_cluster.domain.recovery import RecoveryResult


class Seen(NamedTuple):
    """What a program sees after it has told of a failure."""

    result: RecoveryResult | None
    kept: RecoveryResult | None
    of_nothing: RecoveryResult | None
    incidents: Sequence[Incident]
    of_others: Sequence[Incident]
    in_force: Sequence[Action]
    deliveries: Sequence[Delivery]
    moves: tuple[HeldMove, ...]
    """As the cluster serves with them."""


class Told(NamedTuple):
    """One failure, as it is seen at once, and by a program that begins after that."""

    seen: Seen
    moves_later: tuple[HeldMove, ...]
    incidents_later: Sequence[Incident]


async def told(folder: Path) -> Told:
    seen = await handled(folder)
    async with town(folder) as scene:
        return Told(seen, scene.cluster.snapshot.overlay.moves, await scene.guardians.incidents("writer"))


async def handled(folder: Path) -> Seen:
    async with town(folder) as scene:
        await asyncio.sleep(20.0)
        scene.break_down({"writer/1": Says(USELESS)})
        began = scene.clock.now()
        await asyncio.sleep(5.0)
        event = FailureEvent(
            id="told",
            at=scene.clock.now(),
            onset=began,
            specialist="writer",
            signal="quality",
            where=(("endpoint", "writer/1"),),
            source="person",
            who="ada",
            observed=0.5,
        )
        guardians = scene.guardians
        return Seen(
            result=await guardians.handle(event),
            kept=await guardians.recovered("told"),
            of_nothing=await guardians.recovered("nothing"),
            incidents=await guardians.incidents("writer", open_only=True),
            of_others=await guardians.incidents("clerk"),
            in_force=await guardians.actions(active_only=True),
            deliveries=await guardians.deliveries(),
            moves=scene.cluster.snapshot.overlay.moves,
        )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return rehearsed(told(tmp_path_factory.mktemp("house")))


def test_a_failure_that_a_program_tells_of_is_recovered_from(story: Told) -> None:
    result, kept = story.seen.result, story.seen.kept

    assert result is not None
    assert result == kept
    assert (result.recovery_strategy.type, result.validation_result.state) == ("automatic", "confirmed")
    assert story.seen.of_nothing is None


def test_it_sees_the_incident_and_who_told_of_it(story: Told) -> None:
    (incident,) = story.seen.incidents

    assert (incident.id, incident.cause, incident.state) == ("incident-told", "quality_drop", "validating")
    assert incident.history[0].said == "opened by ada"
    assert incident.mitigated is not None
    assert story.seen.of_others == []


def test_it_sees_the_action_that_its_cluster_serves_with(story: Told) -> None:
    (action,) = story.seen.in_force

    assert action.move == Drain(specialist="writer", endpoint="writer/1")
    assert action.until > action.taken
    assert story.seen.moves == (action.held(),)


def test_it_sees_what_was_said_to_people_and_that_nobody_was_called(story: Told) -> None:
    assert {each.alert.state for each in story.seen.deliveries} == {"change"}
    assert {each.sink for each in story.seen.deliveries} == {"oncall", "lead", "boss"}


def test_a_program_that_begins_later_goes_on_with_what_is_in_force(story: Told) -> None:
    assert story.moves_later == story.seen.moves
    assert [each.id for each in story.incidents_later] == ["incident-told"]
