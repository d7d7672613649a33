"""What follows for an incident that was acted upon: trials, the end of its actions, and when it is over.

A drain hides a fault and does not end it. So from time to time a small share of the requests tries the old way again.
Where `it is still bad` is refuted on those, the action is undone and the incident resolved; where it is not, the share
is taken back and the next trial waits twice as long. What a recovery could not decide, for few requests came, is
decided here: an action that was not confirmed is not made to last, and is undone where it is refuted.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from guardian_cluster.domain.action import Action, ChangeTimeouts, Drain, Reroute, UseVariant
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import TRIED, Observation, Try, holds
from guardian_cluster.recovery.actions import is_done_once
from guardian_cluster.recovery.evidence import AT_ENDPOINT, brought, concerning, loss_of
from guardian_cluster.recovery.following import LossOf
from guardian_cluster.recovery.validation import validate

TRIAL = 0.05
"""The share that tries the old way: what it can lose is a twentieth of the fault."""

FIRST_TRIAL_S = 60.0
FIRST_BY_MARKS_S = 300.0
"""Where callers' marks alone tell: a trial is then decided some five times later, and costs as much more."""

LONGEST_PAUSE_S = 1_800.0
"""Between trials, which wait twice as long each time: a fault of a day is tried some fifty times."""

TRIAL_S = 120.0
"""A trial that few requests took, and that they rather tell against, ends."""

STOPS_AT = 4.0
"""Evidence at which a trial ends as one that fails: four answers lost, instead of seven. To end one too soon costs
nobody an answer, to go on with one does."""

AT_MOST_S = 86_400.0
"""So long an action is made to last for a fault that stays; then a person has to decide."""

LASTING = (Drain, Reroute, UseVariant, ChangeTimeouts)
"""Moves that cost their users little while they hold. Of others, such as shedding, their end is the trial."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """Where an action stands with its trials."""

    begun: float | None = None
    """`None` while none is under way."""
    next: float
    pause_s: float = FIRST_TRIAL_S


Verb = Literal["try", "stop_trying", "undo", "extend", "lapse", "confirm", "fail"]
"""confirm, fail: of an action that was not confirmed when its recovery ended, and whether it is now."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is to be done about one action."""

    verb: Verb
    action: Action
    trial: Trial
    said: str


def care(
    action: Action,
    trial: Trial | None,
    losses: Sequence[float],
    incident: Incident,
    now: float,
    *,
    hold_s: float,
) -> Due | None:
    """Return what is due for an active action of an incident, given what the requests that tell of it lost (`telling`).

    One that is still needed is made to last by `hold_s` at a time: a control process that is gone leaves it no longer.
    """
    trial = trial or first_trial(action, incident)
    if now >= action.until:
        return Due(verb="lapse", action=action, trial=trial, said="its time was over")
    # While a recovery works on it, its actions are that recovery's; a person's are that person's.
    is_ours = incident.state in ("validating", "escalated") and action.loop == "recovery"
    if not is_ours:
        return None
    if incident.mitigated is None:
        return _verified(action, trial, losses, incident)
    return _trial(action, trial, losses, incident, now) or _extended(action, trial, now, hold_s)


def telling(action: Action, trial: Trial | None, incident: Incident) -> tuple[float, LossOf] | None:
    """Return since when, and by what they lost, requests tell of an action; `None` where none are needed."""
    if incident.mitigated is None:
        return action.taken, _loss_since(action, incident)
    if trial is None or trial.begun is None:
        return None
    return trial.begun, _loss_in_trial(action, incident)


def first_trial(action: Action, incident: Incident) -> Trial:
    """Return where an action stands that was just taken; what came back before is tried later."""
    first_s = FIRST_BY_MARKS_S if incident.by_marks else FIRST_TRIAL_S
    pause_s = min(first_s * 2.0 ** min(incident.flaps, 10), LONGEST_PAUSE_S)
    return Trial(next=action.taken + pause_s, pause_s=pause_s)


def with_trial(action: Action, share: float) -> Action:
    """Return an action whose move lets that share of the requests try the old way; none with 0."""
    move = action.move
    return replace(action, move=replace(move, trial=share)) if isinstance(move, Drain | Reroute) else action


def is_triable(action: Action) -> bool:
    """Return whether a share of the requests can try the old way while an action is in force."""
    return isinstance(action.move, Drain | Reroute)


def _trial(
    action: Action,
    trial: Trial,
    losses: Sequence[float],
    incident: Incident,
    now: float,
) -> Due | None:
    """Return what is due of the trials of an action."""
    if not is_triable(action):
        return None
    if trial.begun is not None:
        return _judged(action, trial, losses, incident, now)
    if now < trial.next:
        return None
    said = f"{TRIAL:.0%} of the requests try the old way"
    return Due(verb="try", action=action, trial=replace(trial, begun=now), said=said)


def _verified(action: Action, trial: Trial, losses: Sequence[float], incident: Incident) -> Due | None:
    """Return whether an action that was not confirmed yet is by now."""
    found = validate(losses, incident.bad if isinstance(action.move, AT_ENDPOINT) else incident.bad_alike)
    if found.state == "confirmed":
        said = f"{found.requests} requests were served well since"
        return Due(verb="confirm", action=action, trial=trial, said=said)
    if found.state == "failed":
        return Due(verb="fail", action=action, trial=trial, said="it did not help")
    return None


def _judged(
    action: Action, trial: Trial, losses: Sequence[float], incident: Incident, now: float
) -> Due | None:
    """Return what a trial under way has come to; nothing while that is not decided."""
    found, begun = validate(losses, incident.bad, fails_at=STOPS_AT), trial.begun or now
    if found.state == "confirmed":
        said = f"{found.requests} requests that tried the old way were served well"
        return Due(verb="undo", action=action, trial=trial, said=said)
    is_vain = now - begun > TRIAL_S + incident.known_after_s and found.e_value <= 1.0
    if found.state == "failed" or is_vain:
        pause_s = min(2.0 * trial.pause_s, LONGEST_PAUSE_S)
        waits = Trial(next=now + pause_s, pause_s=pause_s)
        said = "the old way is still bad" if found.state == "failed" else "too few requests tried the old way"
        return Due(verb="stop_trying", action=action, trial=waits, said=said)
    return None


def _loss_since(action: Action, incident: Incident) -> LossOf:
    """Return what the requests lost whose way an action changed."""
    concerns = concerning([action], incident.where)

    def lost(each: Observation) -> float | None:
        return loss_of(each, incident.signal, by_marks=incident.by_marks) if concerns(each) else None

    return lost


def _loss_in_trial(action: Action, incident: Incident) -> LossOf:
    """Return what the requests lost that tried the old way: all, where that failed, whoever answered in the end."""
    mark, like = action.id + TRIED, brought(incident.where)

    def lost(each: Observation) -> float | None:
        is_telling = each.specialist == incident.specialist and mark in each.moves and holds(like, each)
        if not is_telling:
            return None
        if any(_is_failure(one, action) for one in each.tries):
            each = replace(each, losses={**each.losses, incident.signal: 1.0})
        return loss_of(each, incident.signal, by_marks=incident.by_marks)

    return lost


def _is_failure(one: Try, action: Action) -> bool:
    endpoint = getattr(action.move, "endpoint", "")
    is_there = one.endpoint == endpoint if endpoint else one.endpoint.startswith(f"{action.move.specialist}/")
    return is_there and one.outcome == "failed"


def _extended(action: Action, trial: Trial, now: float, hold_s: float) -> Due | None:
    """Return whether an action is made to last."""
    if is_done_once(action) or not isinstance(action.move, LASTING):
        return None
    if action.until - now >= hold_s / 3.0 or now - action.taken > AT_MOST_S:
        return None
    said = "it is still needed"
    return Due(verb="extend", action=replace(action, until=now + hold_s), trial=trial, said=said)
