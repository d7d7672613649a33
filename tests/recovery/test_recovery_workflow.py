"""Workflow 4 over a small world: every branch of the specification's diagram, and what a recovery leaves behind."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import pytest
from msgspec.structs import replace
from recovery_samples import NOON, World, event

from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.action import HeldMove, kind_of
from guardian_cluster.domain.incident import REOPEN_S, FailureEvent, Incident
from guardian_cluster.domain.recovery import DiagnosticReport, RecoveryResult, Retried, SeverityAssessment
from guardian_cluster.engine.engine import Workflow
from guardian_cluster.engine.memory import MemoryEngine
from guardian_cluster.recovery.engine import RecoveryEngine
from guardian_cluster.recovery.incidents import SHOWS_AFTER_S
from guardian_cluster.recovery.memory_store import MemoryIncidentStore
from guardian_cluster.recovery.situation import Situation
from guardian_cluster.recovery.validation import still_bad_from
from guardian_cluster.recovery.workflow import POLL_S, POLLS, FailureRecoveryWorkflow


class Situations:
    """What the engine asks, of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts = world.counts

    @property
    def policy(self) -> RecoveryPolicy:
        return self.world.policy

    async def of(
        self, event: FailureEvent, report: DiagnosticReport, assessment: SeverityAssessment
    ) -> Situation:
        return await self.world.of(event, report, assessment)


def workflow(world: World) -> FailureRecoveryWorkflow:
    # A seed whose first draws leave the playbook's order as it is.
    engine = RecoveryEngine(Situations(world), random.Random(1))
    return FailureRecoveryWorkflow(
        engine, world, world, world, world, world, world.store, world.clock, world.wait
    )


async def only_incident(world: World) -> Incident:
    (found,) = await world.store.incidents()
    return found


def in_force(world: World) -> list[str]:
    return [kind_of(held.move) for held in world.moves]


async def test_the_first_move_that_helps_stays_and_nobody_is_called() -> None:
    world = World(helped_by=frozenset({"drain"}))

    result = await workflow(world).handle_failure_event(event())

    assert result.recovery_strategy.type == "automatic"
    assert result.validation_result.state == "confirmed"
    assert result.validation_result.e_value >= 20
    assert [kind_of(held.move) for held in world.moves] == ["drain"]
    assert result.recovery_outcome.kept == tuple(held.id for held in world.moves)
    assert world.alerts == {}
    kept = await only_incident(world)
    assert (kept.state, kept.mitigated) == ("validating", result.recovery_outcome.ended)
    assert result.recovery_duration == result.recovery_outcome.ended - NOON
    assert await world.store.result("e1") == result


async def test_what_does_not_help_is_undone_before_the_next_plan() -> None:
    world = World(helped_by=frozenset({"pool"}))

    result = await workflow(world).handle_failure_event(event())

    states = {kind_of(each.move): each.state for each in await world.store.actions()}
    assert states == {"drain": "undone", "pool": "active"}
    assert len(result.recovery_outcome.action_ids) == 2
    counts = {each.kind: (each.helped, each.failed) for each in await world.store.counts("hang")}
    assert counts == {"drain": (0, 1), "pool": (1, 0)}
    assert list(world.changes.values()) == ["drain active", "drain undone", "pool active"]
    (pattern,) = await world.store.patterns("writer")
    assert (pattern.cause, pattern.helped) == ("hang", "pool")


async def test_where_no_plan_helps_the_backup_answers_and_people_are_called() -> None:
    world = World(helped_by=frozenset({"backup"}))

    result = await workflow(world).handle_failure_event(event())

    assert in_force(world) == ["backup"]
    assert result.recovery_outcome.backup == "editor"
    assert result.recovery_outcome.escalated
    assert [state for _, state in world.alerts.values()] == ["trigger"]
    kept = await only_incident(world)
    assert (kept.state, kept.escalation) == ("escalated", 1)
    assert kept.paged is not None
    assert kept.mitigated is not None


async def test_where_nothing_helps_nothing_is_left_in_force() -> None:
    world = World()

    result = await workflow(world).handle_failure_event(event())

    assert world.moves == ()
    assert result.recovery_outcome.kept == ()
    assert result.validation_result.state == "failed"
    assert {each.state for each in await world.store.actions()} == {"undone"}
    assert (await only_incident(world)).state == "escalated"


async def test_a_backup_is_activated_where_nothing_narrower_applies() -> None:
    policy = RecoveryPolicy(playbook={"hang": ("variant", "backup")})
    world = World(helped_by=frozenset({"backup"}), policy=policy)

    result = await workflow(world).handle_failure_event(event())

    assert result.recovery_strategy.type == "backup_activation"
    assert in_force(world) == ["backup"]
    assert world.alerts == {}


async def test_an_unknown_cause_activates_the_backup_and_calls_people() -> None:
    world = World(cause=None, helped_by=frozenset({"backup"}))

    result = await workflow(world).handle_failure_event(event(where=()))

    assert result.recovery_strategy.type == "manual"
    assert in_force(world) == ["backup"]
    assert len(world.alerts) == 1
    assert result.recovery_outcome.escalated


async def test_without_a_backup_people_are_called_all_the_same() -> None:
    world = World(cause=None, backups=())

    result = await workflow(world).handle_failure_event(event(where=()))

    assert (world.moves, len(world.alerts)) == ((), 1)
    assert (await only_incident(world)).state == "escalated"
    assert result.recovery_outcome.action_ids == ()


async def test_a_detector_that_drifts_gets_no_backup() -> None:
    world = World(cause="detector_drift")

    await workflow(world).handle_failure_event(event())

    assert (world.published, len(world.alerts)) == ([], 1)


@pytest.mark.parametrize("autonomy", ["propose", "observe"])
async def test_without_leave_nothing_is_done_and_people_hear_of_it(autonomy: str) -> None:
    world = World(policy=RecoveryPolicy(specialists={"writer": autonomy}))  # type: ignore[dict-item]

    result = await workflow(world).handle_failure_event(event())

    assert world.published == []
    assert len(world.alerts) == 1
    kinds = [each.kind for each in result.recovery_outcome.proposed]
    assert kinds == (["drain", "pool"] if autonomy == "propose" else [])
    told = any("proposes" in entry.said for entry in (await only_incident(world)).history)
    assert told == (autonomy == "propose")


async def test_where_too_little_is_lost_nothing_is_done_and_the_incident_is_not_forgotten() -> None:
    world = World()

    result = await workflow(world).handle_failure_event(event(observed=0.03))

    assert result.severity_assessment.severity == "info"
    assert (world.published, world.alerts) == ([], {})
    assert (await only_incident(world)).state == "validating"


async def test_when_the_hours_budget_is_spent_everything_is_proposed() -> None:
    world = World(policy=RecoveryPolicy(actions_per_hour=0))

    result = await workflow(world).handle_failure_event(event())

    assert world.moves == ()
    assert [each.kind for each in result.recovery_outcome.proposed] == ["drain", "pool", "backup"]
    assert {each.state for each in await world.store.actions()} == {"refused"}
    assert len(world.alerts) == 1


async def test_few_requests_that_do_not_tell_against_a_move_leave_it_in_force() -> None:
    world = World(helped_by=frozenset({"drain"}), rate=0.05)

    result = await workflow(world).handle_failure_event(event(signal="quality"))

    assert result.validation_result.state == "undecided"
    assert in_force(world) == ["drain"] or in_force(world) == ["pool", "drain"]
    kept = await only_incident(world)
    assert (kept.state, kept.mitigated) == ("validating", None)


async def test_a_move_that_rather_makes_no_difference_is_undone_though_nothing_is_proven() -> None:
    world = World(rate=0.05)
    policy = RecoveryPolicy(playbook={"hang": ("drain", "backup")})
    world.policy = policy

    await workflow(world).handle_failure_event(event())

    assert {each.state for each in await world.store.actions()} == {"undone"}


async def test_a_second_event_of_an_open_incident_is_counted_and_nothing_else() -> None:
    world = World(helped_by=frozenset({"drain"}))
    recovery = workflow(world)
    await recovery.handle_failure_event(event())
    published = len(world.published)

    result = await recovery.handle_failure_event(event("e2", at=world.clock.now()))

    kept = await only_incident(world)
    assert (kept.event_ids, kept.flaps) == (("e1", "e2"), 1)
    assert len(world.published) == published
    assert result.incident_id == kept.id


async def test_a_second_event_while_the_first_is_worked_on_is_not_worked_on_as_well() -> None:
    world = World(helped_by=frozenset({"drain"}))
    recovery = workflow(world)
    second: list[RecoveryResult] = []

    async def wait(seconds: float) -> None:
        if not second:
            second.append(await recovery.handle_failure_event(event("e2")))
        await World.wait(world, seconds)

    recovery._wait = wait  # type: ignore[attr-defined]
    await recovery.handle_failure_event(event())

    assert second[0].recovery_outcome.action_ids == ()
    assert len(await world.store.actions()) == 1


async def test_of_two_that_find_it_at_the_same_moment_one_works_on_it() -> None:
    class Racing(MemoryIncidentStore):
        other: Callable[[], Awaitable[object]] | None = None

        async def open_incident(
            self, event: FailureEvent, incident: Incident, *, key: str, reopen_s: float = REOPEN_S
        ) -> Incident:
            kept = await super().open_incident(event, incident, key=key, reopen_s=reopen_s)
            other, self.other = self.other, None
            if other is not None:
                await other()
            return kept

    store = Racing()
    world = World(helped_by=frozenset({"drain"}), store=store)
    recovery, elsewhere = workflow(world), workflow(world)
    store.other = lambda: elsewhere.handle_failure_event(event("e2"))

    first = await recovery.handle_failure_event(event())

    assert first.recovery_outcome.action_ids == ()
    assert in_force(world) == ["drain"]
    assert len(await store.actions()) == 1


async def test_alarms_that_come_together_are_one_fault_and_call_nobody_for_what_is_repaired() -> None:
    world = World(helped_by=frozenset({"drain"}))
    recovery = workflow(world)

    await asyncio.gather(
        recovery.handle_failure_event(event()),
        recovery.handle_failure_event(replace(event("e2"), signal="refusal")),
    )

    incidents = await world.store.incidents()
    assert sorted(bool(each.parent) for each in incidents) == [False, True]
    assert in_force(world) == ["drain"]
    assert all(each.paged is None for each in incidents)


async def test_a_fault_that_comes_back_is_repaired_again() -> None:
    world = World(helped_by=frozenset({"drain"}))
    recovery = workflow(world)
    await recovery.handle_failure_event(event())
    actions = await world.store.actions(active_only=True)
    await recovery.desk.end(actions, "undone", "well again", key="test:end")
    await recovery.desk.publish()
    over = await only_incident(world)
    await world.store.put_incident(
        replace(over, state="resolved", resolved=world.clock.now()), key="test:over"
    )

    again = await recovery.handle_failure_event(event("e2", at=world.clock.now()))

    assert again.validation_result.state == "confirmed"
    assert in_force(world) == ["drain"]
    assert (await only_incident(world)).flaps == 1


async def test_what_a_person_ends_meanwhile_is_undone_and_left_alone() -> None:
    world = World()
    recovery = workflow(world)

    async def wait(seconds: float) -> None:
        await World.wait(world, seconds)
        kept = await only_incident(world)
        over = replace(kept, state="resolved", resolved=world.clock.now())
        await world.store.put_incident(over, key="person:resolve")

    recovery._wait = wait  # type: ignore[attr-defined]
    result = await recovery.handle_failure_event(event())

    assert world.moves == ()
    assert "over" in result.recovery_outcome.said
    assert (await only_incident(world)).state == "resolved"
    assert world.alerts == {}


async def test_a_recovery_that_fails_itself_calls_people_and_leaves_nothing() -> None:
    class Broken(World):
        async def publish(self, moves: Sequence[HeldMove]) -> None:
            if moves:
                raise OSError("the disk is full")
            await super().publish(moves)

    world = Broken(helped_by=frozenset({"drain"}))
    result = await through_engine(world, event())

    assert len(world.alerts) == 1
    assert world.moves == ()
    assert {each.state for each in await world.store.actions()} == {"undone"}
    assert "disk is full" in result.recovery_outcome.said


async def test_the_incident_of_a_specialist_that_is_gone_ends_and_calls_nobody() -> None:
    class Gone(World):
        async def of(self, event: FailureEvent, report: object, assessment: object) -> Situation:
            raise KeyError(event.specialist)

    world = Gone()
    result = await through_engine(world, event())

    assert world.alerts == {}
    assert (await only_incident(world)).state == "resolved"
    assert "not deployed" in result.recovery_outcome.said


async def test_what_was_too_little_to_act_on_is_acted_on_when_it_is_told_of_again_and_worse() -> None:
    world = World(helped_by=frozenset({"drain"}))
    recovery = workflow(world)
    await recovery.handle_failure_event(event(observed=0.03))

    result = await recovery.handle_failure_event(event("e2", at=world.clock.now()))

    assert result.validation_result.state == "confirmed"
    assert in_force(world) == ["drain"]


async def test_people_who_have_it_hear_when_it_is_told_of_again() -> None:
    """The AlertSystem calls nobody twice; but whoever was not called while it was small has to be when it is not."""
    world = World(pages=False, backups=())
    recovery = workflow(world)
    await recovery.handle_failure_event(event())
    world.pages = True

    result = await recovery.handle_failure_event(event("e2", at=world.clock.now()))

    assert len(world.alerts) == 2
    assert result.recovery_outcome.escalated
    assert (await only_incident(world)).paged is not None


async def through_engine(world: World, failure: FailureEvent) -> RecoveryResult:
    engine = MemoryEngine()
    recovery = workflow(world)

    async def body(run: object, argument: FailureEvent) -> RecoveryResult:
        return await recovery.handle_failure_event(argument, run)  # type: ignore[arg-type]

    engine.register(
        Workflow(name="failure-recovery", body=body, argument=FailureEvent, result=RecoveryResult)
    )
    await engine.start()
    try:
        return await engine.run("failure-recovery", failure, id=f"failure-{failure.id}")
    finally:
        await engine.close(drain_s=1.0)


async def test_an_engine_brings_it_to_the_same_end() -> None:
    world, other = World(helped_by=frozenset({"drain"})), World(helped_by=frozenset({"drain"}))

    result = await through_engine(world, event())
    direct = await workflow(other).handle_failure_event(event())

    assert result.validation_result == direct.validation_result
    assert result.recovery_strategy == direct.recovery_strategy


async def test_a_part_of_an_incident_is_left_to_it() -> None:
    world = World(helped_by=frozenset({"drain"}))
    recovery = workflow(world)
    first = await recovery.handle_failure_event(event())
    narrower = (("endpoint", "writer/1"), ("tenant", "acme"))

    second = await recovery.handle_failure_event(event("e2", where=narrower, signal="latency"))

    child = await world.store.incident(second.incident_id)
    assert child is not None
    assert (child.parent, child.state) == (first.incident_id, "validating")
    assert second.recovery_outcome.action_ids == ()


async def test_a_fault_that_grows_beyond_its_incident_is_acted_on_beside_it() -> None:
    world = World(helped_by=frozenset({"drain"}))
    recovery = workflow(world)
    first = await recovery.handle_failure_event(event())
    world.clock.advance(SHOWS_AFTER_S)  # what was done had its time to show
    world.helped_by, world.cause = frozenset({"backup"}), "hang"
    world.report = DiagnosticReport(at=world.clock.now(), diagnosis=None)
    kept = await only_incident(world)
    await world.store.put_incident(replace(kept, cause=None), key="test:cause")

    second = await recovery.handle_failure_event(event("e2", where=(), at=world.clock.now()))

    child = await world.store.incident(second.incident_id)
    assert child is not None
    assert child.parent == first.incident_id
    assert in_force(world) == ["drain", "backup"]
    assert {incident for incident, _ in world.alerts.values()} == {first.incident_id}


async def test_simple_questions_that_go_well_do_not_confirm_that_answers_are_good_again() -> None:
    class Easy(World):
        async def retry(self, event: FailureEvent, moves: object) -> Retried:
            return Retried(tried=50, well=50)

    world = Easy(rate=0.001)
    hard = await workflow(world).handle_failure_event(event(signal="quality"))
    errors = await workflow(Easy(rate=0.001)).handle_failure_event(event())

    assert hard.validation_result.state == "undecided"
    assert errors.validation_result.state == "confirmed"


async def test_what_others_answer_now_is_measured_by_how_bad_it_was_for_all_of_them() -> None:
    result = await workflow(World(helped_by=frozenset({"drain"}))).handle_failure_event(event())

    assert result.severity_assessment.alike == pytest.approx(0.5, abs=0.01)
    assert result.validation_result.bad == pytest.approx(still_bad_from(0.02, 0.02 + 0.5 * 0.88), abs=0.01)


async def test_a_retry_that_never_answers_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardian_cluster.recovery.workflow.RETRY_S", 0.01)

    class Silent(World):
        async def retry(self, event: FailureEvent, moves: object) -> Retried:
            import asyncio

            await asyncio.Event().wait()
            raise AssertionError

    result = await workflow(Silent(helped_by=frozenset({"pool"}))).handle_failure_event(event())

    assert result.validation_result.retried.tried == 0
    assert result.validation_result.state == "confirmed"


async def test_a_run_ends_within_the_engines_limit() -> None:
    world = World(rate=0.0001)
    began = world.clock.now()

    await workflow(world).handle_failure_event(event())

    assert world.clock.now() - began <= 4 * POLLS * POLL_S <= 480
