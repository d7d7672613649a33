"""Leases: on one scope one loop acts at a time, who goes first displaces the others, and the hour has a budget."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from recovery_samples import NOON, World, action, plan, specialist

from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.action import LOOPS, Action, Drain, LimitConcurrency, Scope, Shed
from guardian_cluster.recovery.actions import ActionDesk
from guardian_cluster.recovery.leases import HOUR_S, Admission, admit, leaves_nobody, within_budget

SCOPES = [
    Scope(specialist="writer"),
    Scope(specialist="writer", endpoint="writer/1"),
    Scope(specialist="writer", endpoint="writer/2"),
    Scope(specialist="writer", where=(("tenant", "acme"),)),
    Scope(specialist="writer", where=(("tenant", "globex"),)),
    Scope(specialist="editor"),
]

_wanted = st.builds(
    lambda number, loop, scope, incident: action(
        f"a{number}", loop=loop, scope=scope, incident_id=incident, taken=NOON + number
    ),
    st.integers(0, 10_000),
    st.sampled_from(LOOPS),
    st.sampled_from(SCOPES),
    st.sampled_from(["", "i1", "i2"]),
)


@given(st.lists(_wanted, max_size=14, unique_by=lambda each: each.id))
def test_two_that_overlap_are_never_active_at_once_but_for_one_plan(wanted: list[Action]) -> None:
    active: list[Action] = []
    for each in wanted:
        admission = admit(each, active)
        if not admission.refused:
            active = [other for other in active if other not in admission.displaced]
            active.append(each)
        else:
            assert admission.displaced == ()

    for one, other in itertools.combinations(active, 2):
        is_one_plan = one.incident_id and (one.incident_id, one.loop) == (other.incident_id, other.loop)
        assert is_one_plan or not one.scope.overlaps(other.scope)


@given(st.sampled_from(LOOPS), st.sampled_from(LOOPS))
def test_of_two_loops_one_goes_first(one: str, other: str) -> None:
    first, second = action("a1", loop=one, incident_id="i1"), action("a2", loop=other, incident_id="i2")

    there, back = admit(second, [first]), admit(first, [second])

    if one == other:
        # Equals: whoever came first stays, but that the last word of people counts.
        assert bool(there.refused) == bool(back.refused) == (one != "person")
    else:
        assert bool(there.refused) != bool(back.refused)
        goes_first = LOOPS.index(other) < LOOPS.index(one)
        assert (there.displaced == (first,)) == goes_first


@given(st.sampled_from(SCOPES), st.sampled_from(SCOPES))
def test_overlap_is_mutual(one: Scope, other: Scope) -> None:
    assert one.overlaps(other) == other.overlaps(one)
    assert one.overlaps(one)


def test_a_person_takes_over_what_recovery_does_even_for_the_same_incident() -> None:
    recovery = action("a1", incident_id="i1")
    person = action("a2", incident_id="i1", loop="person")

    assert admit(person, [recovery]).displaced == (recovery,)
    assert "person" in admit(recovery, [person]).refused


def test_the_budget_is_of_the_hour_and_counts_what_loops_did() -> None:
    taken = [action(f"a{number}", state="undone") for number in range(3)]
    others = [action("p", loop="person"), action("r", state="refused"), action("o", taken=NOON - HOUR_S - 1)]

    assert within_budget([*taken, *others], NOON, 4)
    assert not within_budget([*taken, *others], NOON, 3)
    assert not within_budget([*taken, *others], NOON, 4, wanted=2)


@given(st.sets(st.integers(1, 4)), st.sets(st.integers(1, 4)))
def test_drains_leave_somebody(wanted: set[int], held: set[int]) -> None:
    names = [each.id for each in specialist(endpoints=4).endpoints]
    moves = [Drain(specialist="writer", endpoint=f"writer/{number}") for number in sorted(wanted)]
    active = [action(f"h{n}", Drain(specialist="writer", endpoint=f"writer/{n}")) for n in sorted(held)]

    assert leaves_nobody(moves, active, "writer", names) == (bool(wanted) and len(wanted | held) == 4)


async def test_the_desk_drains_the_last_endpoint_for_nobody_but_a_person() -> None:
    world = World()
    desk = ActionDesk(world.store, world, world.clock)
    one, other = (Drain(specialist="writer", endpoint=f"writer/{number}") for number in (1, 2))
    await desk.take(plan(one), incident_id="i1", run="run-1", key="k1")

    (refused,) = await desk.take(plan(other), incident_id="i2", run="run-2", key="k2")
    (by_hand,) = await desk.take(plan(other), incident_id="", run="run-3", key="k3", loop="person", who="ada")

    assert (refused.state, refused.note) == ("refused", "it would leave writer no endpoint")
    assert (by_hand.state, by_hand.who) == ("active", "ada")


async def test_who_is_displaced_is_told_by_whom_and_who_displaces_says_so() -> None:
    world = World()
    desk = ActionDesk(world.store, world, world.clock)
    (first,) = await desk.take(plan(), incident_id="i1", run="run-1", key="k1")

    (person,) = await desk.take(plan(), incident_id="", run="run-2", key="k2", loop="person")
    await desk.publish()

    kept = {each.id: each for each in await world.store.actions()}
    assert kept[first.id].state == "displaced"
    assert person.id in kept[first.id].note
    assert first.id in kept[person.id].note
    assert world.published == [(person.id,)]


async def test_taken_twice_under_one_run_it_is_the_action_that_is_kept() -> None:
    world = World(policy=RecoveryPolicy(actions_per_hour=1))
    desk = ActionDesk(world.store, world, world.clock)
    first = await desk.take(plan(), incident_id="i1", run="run-1", key="k1")
    world.clock.advance(5.0)

    assert await desk.take(plan(), incident_id="i1", run="run-1", key="k1") == first


async def test_what_is_over_stands_in_the_overlay_no_longer() -> None:
    world = World()
    desk = ActionDesk(world.store, world, world.clock)
    await desk.take(plan(), incident_id="i1", run="run-1", key="k1")
    await desk.take(
        plan(Shed(specialist="editor", share=0.5), "shed", scope=Scope(specialist="editor"), hold_s=100.0),
        incident_id="i2", run="run-2", key="k2",
    )  # fmt: skip
    world.clock.advance(500.0)

    await desk.publish()

    assert [held.move for held in world.moves] == [Drain(specialist="writer", endpoint="writer/1")]


def test_an_action_that_ended_holds_no_scope() -> None:
    ended = replace(action("a1", incident_id="i1"), state="undone")

    assert admit(action("a2", incident_id="i2"), [ended]).refused == ""


def test_what_is_still_bad_beside_what_is_done_for_others_is_acted_upon_but_no_setting_is_set_twice() -> None:
    everything = Scope(specialist="writer")
    drained = action("a1", incident_id="i1", scope=everything)
    limited = replace(
        drained, id="a2", move=LimitConcurrency(specialist="writer", endpoint="writer/1", most=2)
    )
    wanted = replace(drained, id="a3", incident_id="i2")

    assert admit(wanted, [drained]).refused
    assert admit(wanted, [drained], insists=True) == Admission()
    assert admit(replace(limited, id="a4", incident_id="i2"), [limited], insists=True).refused
    assert admit(wanted, [replace(drained, loop="person")], insists=True).refused
