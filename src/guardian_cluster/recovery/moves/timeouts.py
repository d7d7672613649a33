"""Timeouts: wait less for a model that hangs, so that another is asked in time; or more, where ours are at fault."""

from guardian_cluster.domain.action import ChangeTimeouts, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.situation import Situation

LEAST_S = 1.0
PATIENCE = 3.0
"""Times the slowest of twenty sound answers: what takes longer than that does not come any more."""
LONGER = 4.0
"""Times the timeout that was made too short, as far as sound answers before it cannot say."""
ENOUGH = 20


def plan(situation: Situation) -> PlannedMove | None:
    """Change how long a first token is waited for, once; nothing where no answers are known to go by."""
    name, timeouts = situation.specialist.name, situation.specialist.timeouts
    if any(
        isinstance(held.move, ChangeTimeouts) and held.move.specialist == name for held in situation.moves
    ):
        return None
    is_ours = situation.diagnosis is not None and situation.diagnosis.cause == "own_configuration"
    if is_ours:
        if not any(".timeouts." in change.subject for change in situation.changes):
            return None
        move = ChangeTimeouts(
            specialist=name,
            first_token_s=LONGER * timeouts.first_token_s,
            between_chunks_s=LONGER * timeouts.between_chunks_s,
            total_s=LONGER * timeouts.total_s,
        )
        why = f"the timeouts of {name} were changed when it began"
    else:
        sound = [
            each.first_token_ms / 1e3
            for each in situation.recent
            if each.first_token_ms is not None and each.outcome == "ok"
        ]
        if len(sound) < ENOUGH:
            return None
        first_s = max(PATIENCE * sorted(sound)[int(0.95 * len(sound))], LEAST_S)
        if first_s >= timeouts.first_token_s:
            return None
        move = ChangeTimeouts(specialist=name, first_token_s=first_s)
        why = f"sound answers of {name} begin within {first_s / PATIENCE:.1f} s"
    return PlannedMove(
        kind="timeouts",
        moves=(move,),
        scope=Scope(specialist=name),
        blast_radius=1.0,
        hold_s=situation.hold_s,
        why=why,
    )
