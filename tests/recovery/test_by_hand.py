"""What a person says is kept whoever changes the incident meanwhile, and recovery takes up what a person opened."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from recovery_samples import NOON, WRITER_1, World, event, incident, plan
from test_recovery_workflow import workflow

from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.incident import FailureEvent, Incident, IncidentState, dedup_key
from guardian_cluster.errors import BadArgument
from guardian_cluster.recovery.actions import ActionDesk
from guardian_cluster.recovery.by_hand import TRIES, ByHand
from guardian_cluster.recovery.incidents import parent_of, told
from guardian_cluster.recovery.memory_store import MemoryIncidentStore

OPENED = event(
    "by-hand:1", source="person", who="ada", said="all is odd", where=(), observed=1.0, expected=0.0
)


class Busy(MemoryIncidentStore):
    """A store in which a recovery changes the incident each time that somebody has read it."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._left = times

    async def incident(self, id: str) -> Incident | None:
        found = await super().incident(id)
        if found is not None and self._left:
            self._left -= 1
            state: IncidentState = "acting" if found.state == "diagnosed" else "diagnosed"
            await self.put_incident(told(found, NOON, "it goes on", state), key=f"{self._left}")
        return found


async def held(store: MemoryIncidentStore, **changes: object) -> ByHand:
    await store.open_incident(event(), incident(state="diagnosed", **changes), key="open")
    return ByHand(store, World().clock)


async def test_what_a_recovery_does_meanwhile_stays_done() -> None:
    store = Busy(times=TRIES - 2)
    kept = await (await held(store)).acknowledge("i1", who="ada")

    assert (kept.acknowledged_by, kept.state) == ("ada", "acting")
    assert "it goes on" in [each.said for each in kept.history]


async def test_one_that_changes_all_the_time_is_an_error_and_nothing_is_kept() -> None:
    store = Busy(times=100)
    by_hand = await held(store)

    with pytest.raises(BadArgument, match="changes all the time"):
        await by_hand.resolve("i1", who="ada", note="mended")
    found = await store.incident("i1")
    assert found is not None
    assert found.is_open


@pytest.mark.parametrize("cause", ["hang", None])
async def test_what_is_found_of_an_incident_that_a_person_opened_becomes_its_own(cause: Cause | None) -> None:
    world = World(cause=cause, helped_by=frozenset({"drain"}))
    opened = await ByHand(world.store, world.clock).open(OPENED)
    result = await workflow(world).handle_failure_event(OPENED)
    (kept,) = await world.store.incidents()

    assert (opened.state, opened.cause, opened.key) == (
        "detected",
        None,
        dedup_key("writer", None, (), "error"),
    )
    assert (kept.id, kept.key, kept.cause, kept.parent) == (opened.id, opened.key, cause, "")
    assert kept.severity == result.severity_assessment.severity
    assert kept.history[0].said == "opened by ada: all is odd"
    assert kept.flaps == 0


async def test_one_that_a_person_has_ended_before_it_was_taken_up_is_left_alone() -> None:
    world = World()
    by_hand = ByHand(world.store, world.clock)
    opened = await by_hand.open(OPENED)
    await by_hand.resolve(opened.id, who="ada", note="my mistake")
    await workflow(world).handle_failure_event(OPENED)

    assert world.published == []
    (kept,) = await world.store.incidents()
    assert kept.state == "resolved"


def test_no_incident_is_a_part_of_itself() -> None:
    mine = incident(cause=None, key="as it was opened")

    assert parent_of(replace(mine, key="as it was found"), [mine]) is None


@pytest.mark.parametrize("where", [(), WRITER_1])
async def test_a_failure_told_of_twice_is_counted_once_more(where: tuple[()]) -> None:
    store = MemoryIncidentStore()
    by_hand = ByHand(store, World().clock)
    again: Callable[[str], FailureEvent] = lambda id: replace(OPENED, id=id, where=where)  # noqa: E731
    first, second = await by_hand.open(again("a")), await by_hand.open(again("b"))

    assert (second.id, second.flaps, second.event_ids) == (first.id, 1, ("a", "b"))
    assert await store.failure_event("b") == again("b")


async def test_what_somebody_else_has_ended_is_published_and_told_once() -> None:
    world = World()
    desk, by_hand = ActionDesk(world.store, world, world.clock), ByHand(world.store, world.clock)
    await world.store.open_incident(event(), incident(), key="open")
    (taken,) = await desk.take(
        plan(Drain(specialist="writer", endpoint="writer/1")), incident_id="i1", run="r", key="k"
    )
    await desk.publish()
    assert await desk.follow() == ()
    await by_hand.undo(taken.id, who="ada")

    assert [each.id for each in await desk.follow()] == [taken.id]
    assert await desk.follow() == ()
    assert world.published == [(taken.id,), ()]
