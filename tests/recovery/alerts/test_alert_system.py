"""Who is called, when, and how often."""

from random import Random

import msgspec
import pytest
from alert_samples import HOSTILE, T0, House, Recording, incident, policy

from guardian_cluster.domain.action import Action, ActionState, Drain, Scope
from guardian_cluster.recovery.alerts.deciding import STAYS_S
from guardian_cluster.recovery.alerts.outbox import Outbox

replace = msgspec.structs.replace


@pytest.mark.parametrize(("severity", "is_called"), [("critical", True), ("error", True), ("warning", False)])
async def test_people_are_called_from_a_severity_on(severity: str, is_called: bool):
    house = House(policy("oncall", "channel"))

    assert await house.system.raise_alert(incident(severity=severity), "trigger", key="k") == is_called
    assert {each.sink for each in await house.kept()} == ({"oncall", "channel"} if is_called else set())


async def test_a_call_made_again_under_its_key_is_the_same_call():
    house = House(policy())

    assert await house.system.raise_alert(incident(), "trigger", key="k")
    assert await house.system.raise_alert(incident(), "trigger", key="k")
    assert len(await house.kept()) == 1


async def test_a_call_that_could_not_be_noted_is_known_all_the_same():
    house = House(policy())

    assert await house.system.raise_alert(incident(), "trigger", key="k")
    assert await house.system.raise_alert(incident(), "trigger", key="after a crash")
    assert not await house.system.raise_alert(incident(paged=T0), "trigger", key="a flap")
    assert len(await house.kept()) == 1


async def test_an_end_that_nobody_was_told_of_is_told_later():
    house = House(policy())
    await house.system.raise_alert(incident(), "trigger", key="k")
    await house.system.catch_up([incident()])
    assert await house.kept("resolve") == []
    for _ in range(3):
        house.clock.advance(1)
        await house.system.catch_up(
            [incident(state="learned"), incident("never called for", state="resolved")]
        )

    assert len(await house.kept("resolve")) == 1


async def test_an_incident_folded_into_another_calls_nobody():
    house = House(policy())

    assert not await house.system.raise_alert(incident(parent="i0"), "trigger", key="k")
    assert await house.kept() == []


async def test_without_a_sink_nobody_is_called():
    house = House(replace(policy(), sinks={}))

    assert not await house.system.raise_alert(incident(), "trigger", key="k")


async def test_a_thousand_flaps_make_one_page_and_tell_of_one_end():
    house, oncall = House(policy("oncall", escalation=[(0, ("oncall",))])), Recording()
    now = incident()
    for flap in range(1_000):
        now = replace(now, flaps=flap, reopened=house.clock.now() if flap else None, paged=None)
        await house.system.raise_alert(now, "trigger", key=f"t{flap}")
        assert await house.system.escalate(now, house.clock.now()) == 0
        await _deliver_all(house, oncall)
        house.clock.advance(7)
        await house.system.raise_alert(replace(now, state="resolved"), "resolve", key=f"r{flap}")
        await _deliver_all(house, oncall)
        house.clock.advance(7)

    assert oncall.said() == [("trigger", "i1"), ("resolve", "i1")]


async def test_what_comes_back_and_stays_is_called_for_again_after_a_while():
    house, oncall = (
        House(policy("oncall", "boss", escalation=[(0, ("oncall",)), (300, ("boss",))])),
        Recording(),
    )
    await house.system.raise_alert(incident(), "trigger", key="t0")
    await _deliver_all(house, oncall)
    await house.system.raise_alert(incident(state="resolved"), "resolve", key="r0")
    await _deliver_all(house, oncall)
    house.clock.advance(60)
    back = incident(reopened=house.clock.now(), escalation=0)

    assert await house.system.raise_alert(back, "trigger", key="t1")
    back = replace(back, paged=house.clock.now(), escalation=1)
    house.clock.advance(STAYS_S - 1)
    await _deliver_all(house, oncall)
    assert oncall.said() == [("trigger", "i1"), ("resolve", "i1")]
    assert await house.system.escalate(back, house.clock.now()) == 1
    house.clock.advance(1)
    await _deliver_all(house, oncall)
    assert oncall.said()[2:] == [("trigger", "i1")]
    house.clock.advance(299)
    assert await house.system.escalate(back, house.clock.now()) == 1
    house.clock.advance(1)
    assert await house.system.escalate(back, house.clock.now()) == 2
    await house.system.raise_alert(replace(back, state="resolved"), "resolve", key="r1")
    await _deliver_all(house, oncall)
    assert oncall.said()[3:] == [("resolve", "i1")]


async def test_one_that_came_back_before_anybody_could_be_called_is_called_for():
    house = House(policy())
    await house.system.raise_alert(incident(), "trigger", key="t1")
    (first,) = await house.kept()
    await house.store.settle(replace(first, state="given_up"))

    assert await house.system.raise_alert(incident(flaps=1), "trigger", key="t2")


async def test_an_end_goes_to_those_who_were_told_with_what_they_know_it_by():
    house = House(policy("oncall"))
    await house.system.raise_alert(incident(), "trigger", key="t")
    house.policy = policy("oncall", "new")
    house.clock.advance(60)
    worse = incident(severity="error", state="resolved", resolved=T0 + 60, acknowledged_by="ada")

    assert not await house.system.raise_alert(worse, "acknowledge", key="a")
    house.clock.advance(60)
    assert not await house.system.raise_alert(worse, "resolve", key="r")

    told = await house.kept()
    assert [(each.alert.state, each.sink) for each in told] == [
        ("trigger", "oncall"),
        ("acknowledge", "oncall"),
        ("resolve", "oncall"),
    ]
    assert {each.alert.severity for each in told} == {"critical"}
    assert {each.alert.key for each in told} == {"key-i1"}
    assert ("acknowledged by", "ada") in told[1].alert.facts


async def test_of_one_that_called_nobody_no_end_is_told():
    house = House(policy())

    await house.system.raise_alert(incident(severity="info"), "trigger", key="t")
    await house.system.raise_alert(incident(severity="info"), "resolve", key="r")

    assert await house.kept() == []


async def test_a_clock_that_is_set_back_turns_no_order_around():
    house = House(policy())
    await house.system.raise_alert(incident(), "trigger", key="t")
    house.clock.advance(-3_600)
    await house.system.raise_alert(incident(), "resolve", key="r")

    trigger, resolve = sorted(await house.kept(), key=lambda each: each.alert.state, reverse=True)
    assert trigger.alert.at <= resolve.alert.at


async def test_steps_are_taken_in_order_while_nobody_has_it():
    house = House(
        policy(
            "oncall",
            "lead",
            "boss",
            "channel",
            escalation=[(0, ("oncall",)), (300, ("lead",)), (900, ("boss",))],
        )
    )
    await house.system.raise_alert(incident(), "trigger", key="t")
    assert {each.sink for each in await house.kept()} == {"oncall", "channel"}

    now = incident(paged=T0)
    taken: list[tuple[int, int]] = []
    for second in range(0, 1_200, 30):
        house.clock.advance(30)
        steps = await house.system.escalate(now, house.clock.now())
        if steps != now.escalation:
            taken.append((second + 30, steps))
        if steps != now.escalation:  # `paged` is when people were called last
            now = replace(now, escalation=steps, paged=house.clock.now())

    assert taken == [(300, 2), (900, 3)]
    assert [each.sink for each in await house.kept()][2:] == ["lead", "boss"]


async def test_a_step_taken_twice_is_said_once():
    house = House(policy("oncall", "lead", escalation=[(0, ("oncall",)), (300, ("lead",))]))
    await house.system.raise_alert(incident(), "trigger", key="t")
    house.clock.advance(301)

    assert await house.system.escalate(incident(paged=T0), house.clock.now()) == 2
    assert await house.system.escalate(incident(paged=T0), house.clock.now()) == 2
    assert len(await house.kept()) == 2


@pytest.mark.parametrize(
    "changes",
    [{"acknowledged": T0 + 1}, {"state": "resolved"}, {"parent": "i0"}, {"paged": None}, {"escalation": 2}],
)
async def test_nobody_else_is_called_where_somebody_has_it_or_nobody_was(changes: dict[str, object]):
    house = House(policy("oncall", "lead", escalation=[(0, ("oncall",)), (300, ("lead",))]))
    await house.system.raise_alert(incident(), "trigger", key="t")
    house.clock.advance(10_000)

    await house.system.escalate(incident(**({"paged": T0} | changes)), house.clock.now())

    assert len(await house.kept()) == 1


async def test_a_first_step_that_waits_is_put_off():
    house = House(policy("oncall", escalation=[(120, ("oncall",))]))

    assert await house.system.raise_alert(incident(), "trigger", key="t")
    assert await house.store.due(T0 + 119) == []
    assert len(await house.store.due(T0 + 120)) == 1


async def test_pages_beyond_those_of_an_hour_wait_for_room_and_none_is_lost():
    house = House(policy("oncall", "channel", pages_per_hour=3))
    for number in range(10):
        house.clock.advance(60)
        assert await house.system.raise_alert(incident(f"i{number}"), "trigger", key=f"t{number}")

    assert len(await house.kept()) == 20
    due = sorted(each.due for each in await house.kept() if each.sink == "oncall")
    assert all(later - earlier >= 3_600 for earlier, later in zip(due, due[3:], strict=False))
    held = [each for each in await house.kept() if each.said.startswith("held back")]
    assert len(held) == 14
    third = (await house.kept())[4]
    assert "limit" in dict(third.alert.facts)


async def test_an_end_of_a_call_that_waits_for_room_needs_no_room():
    house = House(policy(pages_per_hour=1))
    await house.system.raise_alert(incident("i1"), "trigger", key="t1")
    await house.system.raise_alert(incident("i2"), "trigger", key="t2")
    await house.system.raise_alert(incident("i2", state="resolved"), "resolve", key="r2")

    assert [each.due for each in await house.kept("resolve")] == [T0]


@pytest.mark.parametrize(
    ("state", "is_told"), [("active", True), ("undone", True), ("proposed", False), ("refused", False)]
)
async def test_a_change_is_told_to_those_that_know_changes(state: ActionState, is_told: bool):
    from guardian_cluster.contract.snapshot import Sink

    house = House(policy("channel"))
    house.policy = replace(house.policy, sinks={**house.policy.sinks, "oncall": Sink(kind="pagerduty")})
    action = Action(
        id="a1",
        incident_id="i1",
        move=Drain(specialist="writer", endpoint="writer/2"),
        scope=Scope(specialist="writer", endpoint="writer/2"),
        state=state,
        taken=T0,
        until=T0 + 900,
        note=HOSTILE,
    )

    await house.system.tell_change(action, key="c")
    await house.system.tell_change(action, key="c")

    assert [(each.sink, each.alert.state) for each in await house.kept()] == [("oncall", "change")] * is_told
    assert all("drain writer writer/2" in each.alert.title for each in await house.kept())


async def test_what_is_kept_of_hostile_words_is_bounded_and_printable():
    house = House(policy())

    await house.system.raise_alert(incident(summary=HOSTILE * 1_000, specialist=HOSTILE), "trigger", key="t")

    (kept,) = await house.kept()
    assert len(kept.alert.text) <= 2_000
    assert len(kept.alert.title) <= 200
    assert kept.alert.title.isprintable()
    assert all(line.isprintable() for line in kept.alert.text.split("\n"))


async def _deliver_all(house: House, oncall: Recording | None = None) -> None:
    """Send what is due, `oncall`'s to it and all else to nobody in particular."""
    sinks = {"oncall": oncall or Recording()}
    outbox = Outbox(house.store, lambda name: sinks.get(name, Recording()), house.clock, Random(7))
    await outbox.start_due()
    await outbox.idle()
    await outbox.close()
