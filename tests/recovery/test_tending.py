"""Tending: what a recovery left in force is looked after, and no incident is left alone."""

from collections.abc import Sequence

import pytest
from guardian_reports import alarm
from msgspec.structs import replace
from recovery_samples import NOON, World, event, incident, observation, plan

from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import TRIED
from guardian_cluster.recovery.actions import ActionDesk
from guardian_cluster.recovery.aftercare import FIRST_TRIAL_S
from guardian_cluster.recovery.endings import ALARM
from guardian_cluster.recovery.incidents import LEFT_BEHIND_S, told
from guardian_cluster.recovery.tending import Tending


class House:
    """One incident with one drain, and whoever tends it."""

    def __init__(self, **changes: object) -> None:
        self.world = World()
        self.world.requests.clear()
        self.open_alarms: list[Alarm] = []
        self.breaks_for = ""
        """The specialist whose alarms cannot be read."""
        self.desk = ActionDesk(self.world.store, self.world, self.world.clock)
        world = self.world
        self.tending = Tending(self.desk, world, world, self, world.store, world.clock)
        self.incident = told(incident(**changes), NOON, "it began")

    async def alarms(self, specialist: str = "", *, open_only: bool = True) -> Sequence[Alarm]:
        if specialist == self.breaks_for:
            raise ValueError(f"there is no {specialist}")
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


async def test_what_turns_out_not_to_help_is_undone_counted_and_worked_on_once_more() -> None:
    house = House(mitigated=None)
    await house.open()

    await house.tick(10.0, [1.0] * 60)

    assert house.world.moves == ()
    assert house.world.alerts == {}
    found = await house.now()
    assert found.state == "detected"
    again = await house.world.store.failure_event(found.event_ids[-1])
    assert again is not None
    assert (again.again, again.source) == ("i1", "aftercare")
    assert found.flaps == 0
    (counted,) = await house.world.store.counts(found.cause)
    assert (counted.kind, counted.helped, counted.failed) == ("drain", 0, 1)


async def test_what_recovery_may_not_act_on_by_itself_is_left_to_people() -> None:
    house = House(mitigated=None)
    await house.open()
    house.world.policy = RecoveryPolicy(autonomy="propose")

    await house.tick(10.0, [1.0] * 60)

    found = await house.now()
    assert (found.state, found.escalation) == ("escalated", 1)
    assert list(house.world.alerts.values()) == [("i1", "trigger")]


async def test_what_is_left_to_people_is_left_to_them_once() -> None:
    house = House(mitigated=None)
    await house.open()
    house.world.policy = RecoveryPolicy(autonomy="propose")
    await house.tick(10.0, [1.0] * 60)
    before = await house.now()

    for _ in range(10):
        await house.tick(60.0, [1.0] * 60)

    assert (await house.now()).history == before.history


async def test_what_a_person_has_is_not_worked_on_behind_their_back() -> None:
    house = House(mitigated=None, state="escalated", acknowledged=NOON, acknowledged_by="ada")
    await house.open(drained=False)

    await house.tick(100.0, [1.0] * 60)

    assert (await house.now()).state == "escalated"


async def test_a_recovery_that_is_not_heard_of_any_more_is_left_to_people() -> None:
    house = House(state="acting", mitigated=None)
    await house.open()

    await house.tick(LEFT_BEHIND_S - 1.0)
    assert (await house.now()).state == "acting"
    await house.tick(2.0)

    assert (await house.now()).state == "escalated"
    assert list(house.world.alerts.values()) == [("i1", "trigger")]


async def test_a_fault_that_nothing_is_in_force_against_is_worked_on_once_more_later_each_time() -> None:
    house = House(mitigated=None)
    await house.open(drained=False)

    await house.tick(10.0, [1.0] * 60)
    assert (await house.now()).state == "validating"  # what was done just now may have to show
    began: list[float] = []
    for _ in range(30):
        await house.tick(10.0, [1.0] * 60)
        if (await house.now()).state == "detected":
            began.append(house.world.clock.now() - NOON)
            back = told(await house.now(), house.world.clock.now(), "nothing helped", "validating")
            await house.world.store.put_incident(back, key=f"back:{len(began)}")

    assert len(began) == 4
    assert began == sorted(began)
    assert began[-1] - began[-2] >= 2 * (began[2] - began[1]) - 10.0


async def test_what_is_well_after_a_trial_waits_for_its_alarm_to_close() -> None:
    house = House(event_ids=(f"{ALARM}a1",))
    house.open_alarms = [alarm(id="a1")]
    await house.open()
    await house.tick(FIRST_TRIAL_S + 1.0)
    await house.tick(10.0, [0.0] * 30, TRIED)
    assert house.world.moves == ()
    assert (await house.now()).state == "validating"

    await house.tick(60.0, [1.0] * 60)  # it is back, and no watcher tells of it a second time
    assert (await house.now()).state == "detected"


async def test_an_incident_that_cannot_be_looked_after_keeps_no_other_from_it() -> None:
    house = House(mitigated=None)
    await house.open()
    broken = replace(
        house.incident, id="i0", key="other", specialist="nobody", event_ids=(f"{ALARM}a0",), action_ids=()
    )
    await house.world.store.open_incident(event("e0"), broken, key="open:i0")
    house.breaks_for = "nobody"

    with pytest.raises(ValueError, match="nobody"):
        await house.tick(10.0, [0.0] * 60)

    assert (await house.now()).mitigated is not None


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


async def test_of_a_busy_specialist_the_few_that_tell_are_waited_for() -> None:
    house = House()
    await house.open()
    await house.tick(FIRST_TRIAL_S + 1.0)
    began = house.world.clock.now()
    for number in range(12_000):
        moves = (f"run:drain:0{TRIED}",) if number % 1_000 == 999 else ()
        house.world.requests.append(observation(number, began + number / 200, 0.0, moves=moves))

    states: list[str] = []
    for _ in range(6):
        await house.tick(10.0)
        states.append((await house.now()).state)

    assert states[:3] == ["validating"] * 3  # two of 2,000 tell, and more are read with each look
    assert states[-1] == "resolved"


async def test_where_those_whom_nothing_moved_are_not_well_it_is_worked_on_once_more() -> None:
    house = House(where=())
    await house.open()
    others = [observation(1_000 + number, NOON + 31.0 + number / 10, 1.0) for number in range(60)]

    house.world.requests.extend(others[:20])
    await house.tick(20.0)
    assert (await house.now()).state == "validating"  # what was done just now may have to show
    house.world.requests.extend(others[20:])
    await house.tick(20.0)

    found = await house.now()
    assert (found.state, found.mitigated) == ("detected", None)
    assert len(house.world.moves) == 1


async def test_requests_that_try_the_old_way_are_not_those_whom_nothing_moved() -> None:
    house = House(where=())
    await house.open()
    await house.tick(FIRST_TRIAL_S + 1.0)

    await house.tick(10.0, [1.0] * 3, TRIED)
    await house.tick(60.0, [0.0] * 3, TRIED)

    assert (await house.now()).state == "validating"
