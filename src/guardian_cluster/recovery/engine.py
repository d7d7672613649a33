"""The Recovery Engine: selects the strategy for a failure, from the playbook and what is served."""

import random
from collections.abc import Sequence

from msgspec.structs import replace

from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.action import MoveKind
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.incident import SEVERITIES, FailureEvent, Severity
from guardian_cluster.domain.recovery import (
    DiagnosticReport,
    PlannedMove,
    PlayCount,
    RecoveryStrategy,
    SeverityAssessment,
)
from guardian_cluster.recovery.actions import whole
from guardian_cluster.recovery.leases import autonomy_of
from guardian_cluster.recovery.moves import PLANNERS
from guardian_cluster.recovery.playbook import ordered, play_for
from guardian_cluster.recovery.ports import Situations
from guardian_cluster.recovery.situation import Situation

SURE = 0.4
"""The least probability of a cause that is acted upon. Every move is bounded and undone where it does not help, so a
cause need only be likelier than any other."""


class RecoveryEngine:
    """Chooses among the moves of the playbook those that apply, best first."""

    def __init__(self, situations: Situations, rng: random.Random) -> None:
        self._situations = situations
        self._rng = rng

    async def select_strategy(
        self,
        failure_event: FailureEvent,
        diagnostic_report: DiagnosticReport,
        severity_assessment: SeverityAssessment,
    ) -> RecoveryStrategy:
        """Return what is to be done. Raises KeyError where the specialist is not deployed any more."""
        situation = await self._situations.of(failure_event, diagnostic_report, severity_assessment)
        policy = self._situations.policy
        counts = await self._situations.counts(cause_of(diagnostic_report))
        return strategy_for(situation, diagnostic_report, policy, counts, self._rng)


def cause_of(report: DiagnosticReport) -> Cause | None:
    """Return the cause that is acted upon; `None` where none is likely enough."""
    found = report.diagnosis
    return found.cause if found is not None and found.probability >= SURE else None


def strategy_for(
    situation: Situation,
    report: DiagnosticReport,
    policy: RecoveryPolicy,
    counts: Sequence[PlayCount],
    rng: random.Random,
) -> RecoveryStrategy:
    """Return the strategy for a situation.

    With a likely cause: the moves of its play that apply. Without any, or where none does: the backup. Where there is
    none, or the cause is one that only a person can mend, people are called as well.
    """
    cause = cause_of(report)
    play, paged = play_for(cause, policy)
    kinds = ordered(play, situation.specialist.name, counts, rng, first=report.helped)
    plans = _plans(situation, kinds)
    direct = tuple(plan for plan in plans if plan.kind != "backup")
    chosen = RecoveryStrategy(
        type="automatic",
        cause=cause,
        probability=0.0 if report.diagnosis is None else report.diagnosis.probability,
        plans=direct,
        # A playbook that names no backup wants none: nobody is helped by one where the detector is at fault.
        backup=next((plan for plan in plans if plan.kind == "backup"), None),
        page=paged and is_paged(situation.severity),
        autonomy=autonomy_of(policy, situation.specialist.name),
    )
    if situation.severity == "info":
        return replace(chosen, plans=(), backup=None, why="too little is lost to act on")
    if direct:
        return replace(chosen, why=f"against {_said(cause)}: {direct[0].why}")
    if chosen.backup is not None and not paged:
        why = f"nothing narrower helps against {_said(cause)}"
        return replace(chosen, type="backup_activation", why=why)
    why = f"only people can mend {_said(cause)}" if paged else f"no move applies against {_said(cause)}"
    return replace(chosen, type="manual", page=is_paged(situation.severity), why=why)


def is_paged(severity: Severity, least: Severity = "warning") -> bool:
    """Return whether something is bad enough to call people."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(least)


def _plans(situation: Situation, kinds: Sequence[MoveKind]) -> list[PlannedMove]:
    """Return the moves that apply, without those that are in force already: they do not suffice."""
    held = [whole(each.move) for each in situation.moves]
    planned = [PLANNERS[kind](situation) for kind in kinds]
    return [
        plan for plan in planned if plan is not None and not all(whole(each) in held for each in plan.moves)
    ]


def _said(cause: Cause | None) -> str:
    return "an unknown cause" if cause is None else cause.replace("_", " ")
