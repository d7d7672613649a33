"""Tending: what a recovery left in force is looked after, and no incident is left alone."""

from collections.abc import Sequence

from msgspec.structs import replace
from recovery_samples import NOON, World, event, incident, observation, plan

from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.incident import Incident
from guardian_cluster.recovery.actions import ActionDesk
from guardian_cluster.recovery.aftercare import FIRST_TRIAL_S, TRIED
from guardian_cluster.recovery.incidents import LEFT_BEHIND_S, told
from guardian_cluster.recovery.tending import Tending


class House:
    """One incident with one drain, and whoever tends it."""

    def __init__(self, **changes: object) -> None:
        self.world = World()
        self.world.requests.clear()
        self.open_alarms: list[Alarm] = []
        self.desk = ActionDesk(self.world.store, self.world, self.world.clock)
        world = self.world
        self.tending = Tending(self.desk, world, world, self, world.store, world.clock)
        self.incident = told(incident(**changes), NOON, "it began")

    async def alarms(self, specialist: str = "", *, open_only: bool = True) -> Sequence[Alarm]:
        return self.open_alarms

    async def open(self, *, drained: bool = True) -> None:
        await self.world.store.open_incident(event("e1"), self.incident, key="open")
        if drained:
            await self.desk.take(plan(), incident_id="i1", run="run", key="take")
            await self.desk.publish()

    async def tick(self, after_s: float, losses: Sequence[float] = (), mark: str = "") -> None:
        """Let time go by, have requests come in its last seconds, and tend."""
        self.world.clock.advance(after_s)
        for number, loss in enumerate(losses):
            at = self.world.clock.now() - (len(losses) - number) / 100
            moves = (f"run:drain:0{mark}",)
            where = {"endpoint": "writer/1"}
            self.world.requests.append(
                observation(len(self.world.requests), at, loss, moves=moves, dimensions=where)
            )
        await self.tending.tend()

    async def now(self) -> Incident:
        found = await self.world.store.incident("i1")
        assert found is not None
        return found


async def test_a_fault_that_is_over_is_tried_undone_and_resolved() -> None:
    house = House()
    await house.open()
    await house.tick(FIRST_TRIAL_S + 1.0)
    (held,) = house.world.moves
    assert isinstance(held.move, Drain)
    assert held.move.trial > 0.0

    await house.tick(10.0, [0.0] * 30, TRIED)

    assert house.world.moves == ()
    assert (await house.now()).state == "resolved"
    assert ("i1", "resolve") in house.world.alerts.values()


async def test_a_fault_that_is_not_over_stays_drained() -> None:
    house = House()
    await house.open()
    await house.tick(FIRST_TRIAL_S + 1.0)

    await house.tick(10.0, [1.0] * 30, TRIED)

    (held,) = house.world.moves
    assert held.move == Drain(specialist="writer", endpoint="writer/1")
    assert (await house.now()).is_open


async def test_what_was_not_confirmed_is_confirmed_later() -> None:
    house = House(mitigated=None)
    await house.open()

    await house.tick(10.0, [0.0] * 60)

    assert (await house.now()).mitigated == house.world.clock.now()
    assert len(house.world.moves) == 1


async def test_what_turns_out_not_to_help_is_undone_and_people_are_called() -> None:
    house = House(mitigated=None)
    await house.open()

    await house.tick(10.0, [1.0] * 60)

    assert house.world.moves == ()
    found = await house.now()
    assert (found.state, found.escalation) == ("escalated", 1)
    assert list(house.world.alerts.values()) == [("i1", "trigger")]


async def test_a_recovery_that_is_not_heard_of_any_more_is_left_to_people() -> None:
    house = House(state="acting", mitigated=None)
    await house.open()

    await house.tick(LEFT_BEHIND_S - 1.0)
    assert (await house.now()).state == "acting"
    await house.tick(2.0)

    assert (await house.now()).state == "escalated"
    assert list(house.world.alerts.values()) == [("i1", "trigger")]


async def test_a_fault_that_nothing_is_in_force_against_is_left_to_people() -> None:
    house = House(mitigated=None)
    await house.open(drained=False)

    await house.tick(10.0, [1.0] * 60)

    assert (await house.now()).state == "escalated"


async def test_too_little_to_act_on_calls_nobody_however_long_it_lasts() -> None:
    house = House(mitigated=None, severity="info")
    await house.open(drained=False)

    await house.tick(10.0, [1.0] * 60)
    await house.tick(10.0, [1.0] * 60)

    assert (await house.now()).state == "validating"
    assert house.world.alerts == {}


async def test_at_its_time_an_action_lapses_whatever_is_known() -> None:
    house = House(state="escalated", mitigated=None)
    await house.open()

    await house.tick(901.0)

    (lapsed,) = await house.world.store.actions()
    assert (lapsed.state, house.world.moves) == ("lapsed", ())


async def test_what_stands_for_an_incident_that_a_person_ended_is_undone() -> None:
    house = House()
    await house.open()
    over = replace(await house.now(), state="resolved", resolved=house.world.clock.now())
    await house.world.store.put_incident(over, key="person")

    await house.tick(1.0)

    assert house.world.moves == ()
