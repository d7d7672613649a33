"""Workflow 4: a failure is assessed, diagnosed, recovered from, and that is confirmed by a test and learned from.

Each phase is made of steps, so that a recovery that is interrupted at any moment goes on where it was, and takes each
action once (docs/design/recovery.md). What it does is kept before it is done: an action stands in the state, with
the time at which it undoes itself, before any gateway hears of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from guardian_cluster.domain.action import Action, Reroute
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import (
    MOST_OPEN,
    Conflict,
    FailureEvent,
    Incident,
    IncidentState,
)
from guardian_cluster.domain.observation import Observation
from guardian_cluster.domain.recovery import (
    DiagnosticReport,
    PlannedMove,
    PlayCount,
    RecoveryOutcome,
    RecoveryResult,
    RecoveryStrategy,
    Retried,
    SeverityAssessment,
    ValidationResult,
)
from guardian_cluster.engine.engine import StepFailed
from guardian_cluster.engine.immediate import ImmediateRun
from guardian_cluster.recovery.actions import ALREADY, ActionDesk, ended_key, is_done_once
from guardian_cluster.recovery.assessment import assess
from guardian_cluster.recovery.backup import BackupManager
from guardian_cluster.recovery.calling import called
from guardian_cluster.recovery.engine import RecoveryEngine
from guardian_cluster.recovery.evidence import bad_for, concerning, is_telling, loss_of
from guardian_cluster.recovery.following import MOST_READ, Following
from guardian_cluster.recovery.incidents import is_covered, may_be_taken_up, opened, parent_of, speaker, told
from guardian_cluster.recovery.leases import OWN_TURN
from guardian_cluster.recovery.patterns import learned
from guardian_cluster.recovery.ports import (
    Alerting,
    Diagnosing,
    IncidentStore,
    RecentRequests,
    Retrying,
    Serving,
    Steps,
)
from guardian_cluster.recovery.validation import validate

_Result = TypeVar("_Result")
Wait = Callable[[float], Awaitable[None]]

POLL_S = 2.0
"""Between two looks at what came since an action."""

POLLS = 45
"""Looks at one action, before it is left to the incident's ticks: with ten requests a minute nothing is decided by
then, and a run lives ten minutes at most (engine/engine.py)."""

POLLS_ONCE = 5
"""Looks at what is done once and leaves nothing in force: where it does not show soon, the next plan is not kept
waiting."""

MOST_PLANS = 3
"""Tried in one run, each with all its polls: 4.5 minutes, and the backup as many again."""

RETRY_S = 20.0
"""What was not answered by then proves nothing; four times that is what a run can spare."""


@dataclass
class _Recovery:
    """One recovery under way. All of it follows from what its steps returned."""

    event: FailureEvent
    steps: Steps
    assessment: SeverityAssessment
    report: DiagnosticReport
    incident: Incident
    strategy: RecoveryStrategy = field(default_factory=lambda: RecoveryStrategy(type="manual", cause=None))
    taken: list[Action] = field(default_factory=list[Action])
    kept: list[Action] = field(default_factory=list[Action])
    proposed: list[PlannedMove] = field(default_factory=list[PlannedMove])
    counts: list[PlayCount] = field(default_factory=list[PlayCount])
    helped: str = ""
    has_called: bool = False
    escalated: bool = False
    """Whether people have heard of it."""
    stood_down: bool = False
    is_gone: bool = False
    """Whether its specialist is not deployed any more."""
    validation: ValidationResult = field(default_factory=lambda: ValidationResult(state="undecided"))


class _Opened(msgspec.Struct, frozen=True):
    """An incident, and who works on it."""

    incident: Incident
    is_ours: bool
    """Whether it is for this run to work on it."""
    is_covered: bool
    """Whether what is done about the incident that it is folded into concerns all of it."""


class _TakenOver(Exception):
    """A person has ended the incident meanwhile."""


class FailureRecoveryWorkflow:
    """Recoveries of a cluster's failures."""

    def __init__(
        self,
        recovery_engine: RecoveryEngine,
        alert_system: Alerting,
        diagnosing: Diagnosing,
        retrying: Retrying,
        recent: RecentRequests,
        serving: Serving,
        store: IncidentStore,
        clock: Clock,
        wait: Wait = asyncio.sleep,
        *,
        backup_manager: BackupManager | None = None,
    ) -> None:
        self.cluster = serving
        self.recovery_engine = recovery_engine
        self.backup_manager = backup_manager
        """Whom the engine's situations ask who may take over; `None` where somebody else tells them."""
        self.alert_system = alert_system
        self.desk = ActionDesk(store, serving, clock)
        self._diagnosing = diagnosing
        self._retrying = retrying
        self._recent = recent
        self._store = store
        self._clock = clock
        self._wait = wait
        self._opening = asyncio.Lock()

    async def handle_failure_event(
        self, failure_event: FailureEvent, steps: Steps | None = None
    ) -> RecoveryResult:
        """Recover from a failure, or call people, and return what was done.

        Without `steps` nothing of a recovery that is interrupted is kept. An event of an incident that is open
        already is counted there, and nothing else is done. Raises KeyError where the specialist is not deployed.
        """
        steps = steps or ImmediateRun(f"recovery-{uuid4().hex}")
        severity_assessment = await self._assess_failure_severity(failure_event, steps)
        diagnostic_report = await self._conduct_emergency_diagnosis(failure_event, steps)
        found = await self._open(failure_event, diagnostic_report, severity_assessment, steps)
        recovery = _Recovery(failure_event, steps, severity_assessment, diagnostic_report, found.incident)
        if not found.is_ours:
            return await self._told_again(recovery)
        try:
            if found.is_covered:
                why = f"it is part of {found.incident.parent}"
                recovery.strategy = RecoveryStrategy(type="automatic", cause=found.incident.cause, why=why)
            else:
                await self._recover(recovery)
        except _TakenOver:
            await self._stand_down(recovery, "the incident is over")
        except StepFailed as failure:
            recovery.is_gone = failure.step == "strategy" and failure.text == repr(failure_event.specialist)
            why = "it is not deployed any more" if recovery.is_gone else f"recovery itself failed: {failure}"
            recovery.strategy = replace(recovery.strategy, why=why[:300])
            if not recovery.is_gone:
                await self._call_people(recovery)
            await self._stand_down(recovery, why[:300])
        await self._integrate_recovery_learning(recovery)
        if recovery.incident.is_open:
            await self._conclude(recovery)
        return await self._result(recovery)

    async def _recover(self, recovery: _Recovery) -> None:
        recovery.strategy = await recovery.steps.step(
            "strategy",
            lambda _: self.recovery_engine.select_strategy(
                recovery.event, recovery.report, recovery.assessment
            ),
            RecoveryStrategy,
        )
        match recovery.strategy.type:
            case "automatic":
                await self._execute_automatic_recovery(recovery)
            case "backup_activation":
                await self._activate_backup_systems(recovery)
            case "manual":
                await self._escalate_to_manual_intervention(recovery)

    async def _told_again(self, recovery: _Recovery) -> RecoveryResult:
        """Keep that nothing else was done; people who have the incident may have to hear that it is worse now."""
        cause = recovery.incident.cause
        recovery.strategy = RecoveryStrategy(type="automatic", cause=cause, why="it is worked on already")
        if recovery.incident.state == "escalated":
            recovery.strategy = RecoveryStrategy(type="manual", cause=cause)
            await self._call_people(recovery)
            recovery.strategy = replace(recovery.strategy, why="people have it already")
        return await self._result(recovery)

    async def _assess_failure_severity(self, event: FailureEvent, steps: Steps) -> SeverityAssessment:
        """Phase 1: how many it concerns, and how much they lose."""

        async def assessed(_: str) -> SeverityAssessment:
            recent = await self._recent.since(event.specialist, event.onset)
            return assess(event, recent, self._clock.now())

        return await steps.step("assess", assessed, SeverityAssessment)

    async def _conduct_emergency_diagnosis(self, event: FailureEvent, steps: Steps) -> DiagnosticReport:
        """Phase 2: the diagnostician looks at what there is; a failure that was seen before is known again."""

        async def diagnosed(_: str) -> DiagnosticReport:
            return await self._diagnosing.diagnose(event)

        return await steps.step("diagnose", diagnosed, DiagnosticReport)

    async def _open(
        self,
        event: FailureEvent,
        report: DiagnosticReport,
        assessment: SeverityAssessment,
        steps: Steps,
    ) -> _Opened:
        """Open the incident, or find the one that is open, and take it up where nobody works on it."""

        async def open_it(key: str) -> _Opened:
            # Alarms of one fault come together: each has to see the incident that the one before it opened.
            async with self._opening:
                return await self._opened(event, report, assessment, key)

        return await steps.step("open", open_it, _Opened)

    async def _opened(
        self, event: FailureEvent, report: DiagnosticReport, assessment: SeverityAssessment, key: str
    ) -> _Opened:
        """Keep the incident of an event, folded into what explains it, and say whether it is for this run."""
        now = self._clock.now()
        mine = opened(event, report, assessment, id=event.again or f"incident-{event.id}", now=now)
        others = await self._store.incidents(open_only=True, limit=MOST_OPEN)
        parent = parent_of(mine, others, self.desk.backed_up_by(event.specialist))
        folded = replace(mine, parent="" if parent is None else parent.id)
        kept = await self._store.open_incident(event, folded, key=key)
        active = await self._store.actions(active_only=True)
        covered = parent is not None and not event.again and is_covered(folded, parent, active, now)
        if not may_be_taken_up(kept, active, now):
            return _Opened(kept, False, covered)
        # One that a person opened was not looked at before; of one that came back, what is kept counts.
        known = mine if kept.id == mine.id else kept
        taken = replace(told(known, now, "recovery works on it", "diagnosed"), parent=folded.parent)
        try:
            taken = await self._store.put_incident(taken, key=f"{key}:taken", expected=kept.state)
        except Conflict:  # another run was quicker
            return _Opened(kept, False, covered)
        return _Opened(taken, taken.is_open, covered)

    async def _execute_automatic_recovery(self, recovery: _Recovery) -> None:
        """Phase 4, automatic: take the moves that apply, one plan after another, until one is confirmed to help.

        Where none does, people are called and the backup answers while they come.
        """
        plans = recovery.strategy.plans[:MOST_PLANS]
        if recovery.strategy.page:
            await self._call_people(recovery)
        if not await self._may_act(recovery, plans):
            return
        for number, plan in enumerate(plans):
            if await self._try(recovery, plan, f"{number}", is_last=number == len(plans) - 1):
                break
        else:
            await self._call_people(recovery)
            await self._backed_up(recovery)

    async def _activate_backup_systems(self, recovery: _Recovery) -> None:
        """Phase 4, backup: give the requests to whoever can take them."""
        backup = recovery.strategy.backup
        if await self._may_act(recovery, [] if backup is None else [backup]) and not await self._backed_up(
            recovery
        ):
            await self._call_people(recovery)

    async def _escalate_to_manual_intervention(self, recovery: _Recovery) -> None:
        """Phase 4, manual: call people, and let the backup answer while they come."""
        if recovery.strategy.page:
            await self._call_people(recovery)
        backup = recovery.strategy.backup
        if await self._may_act(recovery, [] if backup is None else [backup]):
            await self._backed_up(recovery)

    async def _may_act(self, recovery: _Recovery, plans: Sequence[PlannedMove]) -> bool:
        """Return whether recovery acts by itself here; where it may not, people hear what it would have done."""
        autonomy = recovery.strategy.autonomy
        if not plans or autonomy == "act":
            return bool(plans)
        if autonomy == "propose":
            recovery.proposed += plans
            said = "; ".join(f"{plan.kind} ({plan.why})" for plan in plans)
            await self._note(recovery, "proposed", f"it proposes: {said}", None, ())
        await self._call_people(recovery)
        return False

    async def _backed_up(self, recovery: _Recovery) -> bool:
        backup = recovery.strategy.backup
        return backup is not None and await self._try(recovery, backup, "backup")

    async def _try(self, recovery: _Recovery, plan: PlannedMove, name: str, *, is_last: bool = True) -> bool:
        """Take a plan and verify it; undo it where it does not help. Return whether it is in force.

        What cannot be decided yet, for few requests came, stays as long as they do not tell against it: it is bounded
        in time, and the incident's ticks look at it from then on. What is done once and leaves nothing in force is
        followed by the next plan instead.
        """

        async def take(key: str) -> tuple[Action, ...]:
            incident = recovery.incident
            return await self.desk.take(
                plan,
                incident_id=incident.id,
                family=incident.parent,
                run=recovery.steps.id,
                key=key,
                # It has shown to be bad beside all that is done for others.
                insists=bool(recovery.event.again),
            )

        actions = await recovery.steps.step(f"take-{name}", take, tuple[Action, ...])
        active = [each for each in actions if each.state == "active"]
        if not active:
            recovery.proposed.append(plan)
            why = actions[0].note if actions else "nothing is left to do"
            await self._note(recovery, f"refused-{name}", f"{plan.kind} was refused: {why}", None, ())
            # It is for another incident that something is done here: ticks see whether that is enough for this one.
            return why.startswith((ALREADY, OWN_TURN))
        recovery.taken += active
        recovery.kept += active
        await self._note(recovery, f"acting-{name}", f"took {plan.kind}: {plan.why}", "acting", active)
        await recovery.steps.step(f"publish-{name}", self.desk.publish, bool)
        await self._tell(recovery, f"change-{name}", active)
        found = recovery.validation = await self._validate_recovery(recovery, plan, active, name)
        if found.state != "undecided":
            recovery.counts.append(_count(recovery, plan, helped=found.state == "confirmed"))
        if found.state == "confirmed":
            recovery.helped = plan.kind
            return True
        is_open = found.state == "undecided" and found.e_value >= 1.0
        if is_open and all(map(is_done_once, active)) and not is_last:
            said = f"{plan.kind} may have helped, which too few requests tell"
            await self._note(recovery, f"next-{name}", said, None, ())
            return False
        if not is_open:
            await self._undo(recovery, active, f"undone-{name}", f"undid {plan.kind}: it did not help")
        return is_open

    async def _undo(self, recovery: _Recovery, actions: Sequence[Action], name: str, said: str) -> None:
        async def undo(key: str) -> bool:
            return await self.desk.end(actions, "undone", said, key=key)

        await recovery.steps.step(name, undo, bool)
        await recovery.steps.step(f"publish-{name}", self.desk.publish, bool)
        recovery.kept = [each for each in recovery.kept if each not in actions]
        await self._tell(recovery, f"change-{name}", actions, undone=True)
        await self._note(recovery, name, said, None, ())

    async def _stand_down(self, recovery: _Recovery, why: str) -> None:
        """Undo all that this run has in force, and put nothing in its place."""
        recovery.stood_down = True
        recovery.strategy = replace(recovery.strategy, why=why)
        if recovery.kept:
            await self._undo(recovery, tuple(recovery.kept), "stand-down", f"undid all: {why}")

    async def _validate_recovery(
        self, recovery: _Recovery, plan: PlannedMove, actions: Sequence[Action], name: str
    ) -> ValidationResult:
        """Phase 5: do again what failed, and test `it is still bad` on the requests that the actions changed."""

        async def retry(_: str) -> Retried:
            try:
                async with asyncio.timeout(RETRY_S):
                    return await self._retrying.retry(recovery.event, plan.moves)
            except TimeoutError:
                return Retried(said=f"no answer within {RETRY_S:g} s")

        retried = await recovery.steps.step(f"retry-{name}", retry, Retried)

        async def look(_: str) -> ValidationResult:
            await self._wait(POLL_S)
            losses = await self._losses(recovery, actions, following)
            return validate(losses, bad, retried, is_telling=is_telling(recovery.event))

        by_marks = recovery.assessment.marked is not None
        following = Following(min(each.taken for each in actions), by_marks=by_marks)
        bad = bad_for(recovery.event, recovery.assessment, actions)
        found = ValidationResult(state="undecided", bad=bad, retried=retried)
        for poll in range(POLLS_ONCE if all(map(is_done_once, actions)) else POLLS):
            found = await recovery.steps.step(f"validate-{name}-{poll}", look, ValidationResult)
            if found.state != "undecided":
                break
        return found

    async def _losses(
        self, recovery: _Recovery, actions: Sequence[Action], following: Following
    ) -> list[float]:
        """Return what the requests lost whose way the actions changed, in their order."""
        event, by_marks = recovery.event, recovery.assessment.marked is not None
        concerns = concerning(actions, event.where)

        def lost(each: Observation) -> float | None:
            return loss_of(each, event.signal, by_marks=by_marks) if concerns(each) else None

        recent = await self._recent.since(event.specialist, following.at, limit=MOST_READ)
        return following.take(recent, self._clock.now() - recovery.assessment.known_after_s, lost)

    async def _integrate_recovery_learning(self, recovery: _Recovery) -> None:
        """Phase 6: what helped and what did not is counted, and the failure is known again the next time."""

        async def learn(key: str) -> bool:
            found, pattern = recovery.report.diagnosis, None
            if found is not None:
                recent = await self._recent.since(recovery.event.specialist, recovery.event.onset)
                now = self._clock.now()
                pattern = learned(recovery.event, found, recent, now, recovery.helped)
            await self._store.learn(pattern, recovery.counts, key=key)
            return True

        await recovery.steps.step("learn", learn, bool)

    async def _call_people(self, recovery: _Recovery) -> None:
        """Tell those who are to know of it, once; of what is folded into another incident, by that one.

        It is theirs only where somebody was called, now or before: of what is not bad enough nobody hears.
        """
        if recovery.has_called:
            return
        recovery.has_called = True

        async def call(key: str) -> Incident:
            incident = recovery.incident
            parent = await self._store.incident(incident.parent) if incident.parent else None
            spoken_for = speaker(incident, parent)
            return await called(self.alert_system, self._store, spoken_for, self._clock.now(), key=key)

        recovery.incident = replace(recovery.incident, summary=_told_summary(recovery))
        told_of = await recovery.steps.step("page", call, Incident)
        recovery.escalated = told_of.paged is not None
        if told_of.id == recovery.incident.id:
            recovery.incident = told_of

    async def _tell(
        self, recovery: _Recovery, name: str, actions: Sequence[Action], *, undone: bool = False
    ) -> None:
        """Send the change events of actions that were taken, or undone."""

        async def tell(key: str) -> bool:
            now = self._clock.now()
            for action in actions:
                if undone:
                    ended = replace(action, state="undone", ended=now)
                    await self.alert_system.tell_change(ended, key=ended_key(action))
                else:
                    await self.alert_system.tell_change(action, key=f"{key}:{action.id}")
            return True

        await recovery.steps.step(name, tell, bool)

    async def _note(
        self,
        recovery: _Recovery,
        name: str,
        said: str,
        state: IncidentState | None,
        actions: Sequence[Action],
    ) -> None:
        """Keep one more line of the incident's history, and what was taken for it.

        Raises _TakenOver where a person has ended it meanwhile; whoever stands down hears of that once.
        """

        async def note(key: str) -> Incident:
            now = self._clock.now()
            changed = told(recovery.incident, now, said, state)
            ids = (*changed.action_ids, *(each.id for each in actions))
            return await self._store.put_incident(replace(changed, action_ids=ids), key=key)

        recovery.incident = await recovery.steps.step(f"note-{name}", note, Incident)
        if not recovery.incident.is_open and not recovery.stood_down:
            raise _TakenOver

    async def _result(self, recovery: _Recovery) -> RecoveryResult:
        """Keep what came of it, and return that."""

        async def record(key: str) -> RecoveryResult:
            result = self._assembled(recovery, self._clock.now())
            await self._store.put_result(result, key=key)
            # Where this step is done a second time, what was kept the first time counts.
            return await self._store.result(recovery.event.id) or result

        return await recovery.steps.step("record", record, RecoveryResult)

    async def _conclude(self, recovery: _Recovery) -> None:
        """Bring the incident into the state in which its ticks go on with it."""
        confirmed = recovery.validation.state == "confirmed" and bool(recovery.kept)
        is_over = confirmed and not recovery.escalated and all(map(is_done_once, recovery.kept))
        is_over = is_over or recovery.is_gone
        state: IncidentState = "escalated" if recovery.escalated else "resolved" if is_over else "validating"
        helped = "it is well again" if is_over else "its users are served well"
        said = helped if confirmed else recovery.strategy.why or "it is looked after"

        async def conclude(key: str) -> Incident:
            now = self._clock.now()
            changed = told(recovery.incident, now, said, state)
            changed = replace(
                changed, mitigated=now if confirmed else None, resolved=now if is_over else None
            )
            return await self._store.put_incident(changed, key=key)

        recovery.incident = await recovery.steps.step("conclude", conclude, Incident)

    def _assembled(self, recovery: _Recovery, now: float) -> RecoveryResult:
        moves = [each.move for each in recovery.kept]
        to = next((move.to for move in moves if isinstance(move, Reroute) and move.as_backup), "")
        return RecoveryResult(
            failure_event_id=recovery.event.id,
            incident_id=recovery.incident.id,
            recovery_strategy=recovery.strategy,
            recovery_outcome=RecoveryOutcome(
                action_ids=tuple(each.id for each in recovery.taken),
                kept=tuple(each.id for each in recovery.kept),
                backup=to,
                escalated=recovery.escalated,
                proposed=tuple(recovery.proposed),
                said=recovery.strategy.why,
                ended=now,
            ),
            validation_result=recovery.validation,
            severity_assessment=recovery.assessment,
            diagnostic_report=recovery.report,
            recovery_duration=self._calculate_recovery_time(recovery.event, now),
        )

    def _calculate_recovery_time(self, event: FailureEvent, ended: float) -> float:
        """Return the seconds from an event to the end of what was done about it."""
        return max(ended - event.at, 0.0)


def _count(recovery: _Recovery, plan: PlannedMove, *, helped: bool) -> PlayCount:
    return PlayCount(
        cause=recovery.strategy.cause,
        kind=plan.kind,
        specialist=recovery.event.specialist,
        helped=int(helped),
        failed=int(not helped),
    )


def _told_summary(recovery: _Recovery) -> str:
    why = f"{recovery.strategy.why}." if recovery.strategy.why else ""
    return f"{recovery.incident.summary} {why}".strip()
