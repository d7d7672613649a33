"""What is done for one incident already is not done again for another."""

from msgspec.structs import replace
from recovery_samples import World

from guardian_cluster.domain.action import Action, Drain, Move, Reroute, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.actions import ALREADY, ActionDesk

DRAIN = Drain(specialist="writer", endpoint="writer/1")
PLAN = PlannedMove(
    kind="drain",
    moves=(DRAIN,),
    scope=Scope(specialist="writer", endpoint="writer/1"),
    blast_radius=0.5,
    hold_s=900.0,
    why="it fails",
)


async def second(move: Move, *, plan: PlannedMove = PLAN) -> Action:
    """Return what becomes of a plan while another incident has a move in force in its scope."""
    world = World()
    desk = ActionDesk(world.store, world, world.clock)
    first = replace(plan, moves=(move,))
    [taken] = await desk.take(first, incident_id="i1", run="r1", key="k1")
    assert taken.state == "active"
    [wanted] = await desk.take(plan, incident_id="i2", run="r2", key="k2")
    return wanted


async def test_the_same_move_is_refused_as_in_force_already_a_trial_of_it_too() -> None:
    for move in (DRAIN, replace(DRAIN, trial=0.05)):
        wanted = await second(move)

        assert wanted.state == "refused"
        assert wanted.note == f"{ALREADY}r1:drain:0"


async def test_another_move_in_its_scope_is_refused_for_what_goes_before() -> None:
    wanted = await second(Reroute(specialist="writer", to="editor"))

    assert wanted.state == "refused"
    assert "goes before" in wanted.note
