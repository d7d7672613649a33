"""What follows for an incident that was acted upon: trials, the end of its actions, and when it is over.

A drain hides a fault and does not end it. So from time to time a small share of the requests tries the old way again.
Where `it is still bad` is refuted on those, the action is undone and the incident resolved; where it is not, the share
is taken back and the next trial waits twice as long. What a recovery could not decide, for few requests came, is
decided here: an action that was not confirmed is not made to last, and is undone where it is refuted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from guardian_cluster.domain.action import Action, ChangeTimeouts, Drain, Reroute, UseVariant
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import Observation, Try, holds
from guardian_cluster.recovery.actions import is_done_once
from guardian_cluster.recovery.evidence import AT_ENDPOINT, brought, concerned, losses_of
from guardian_cluster.recovery.moves.reroute import HALF
from guardian_cluster.recovery.validation import validate

TRIAL = 0.05
"""The share that tries the old way: what it can lose is a twentieth of the fault."""

FIRST_TRIAL_S = 60.0
LONGEST_PAUSE_S = 1_800.0
"""Between trials, which wait twice as long each time: a fault of a day is tried some fifty times."""

TRIAL_S = 120.0
"""A trial that few requests took, and that they rather tell against, ends."""

STOPS_AT = 4.0
"""Evidence at which a trial ends as one that fails: four answers lost, instead of seven. To end one too soon costs
nobody an answer, to go on with one does."""

AT_MOST_S = 86_400.0
"""So long an action is made to last for a fault that stays; then a person has to decide."""

TRIED = ":trial"
"""What follows an action's id in the record of a request that tried the old way."""

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
    actions: Iterable[Action],
    trials: Mapping[str, Trial],
    requests: Sequence[Observation],
    incident: Incident,
    bad: float,
    now: float,
    *,
    hold_s: float,
) -> list[Due]:
    """Return what is due for the active actions of an incident, given the requests since `looked_at_since`.

    One that is still needed is made to last by `hold_s` at a time: a control process that is gone leaves it no longer.
    """
    due = [_due(each, trials.get(each.id), requests, incident, bad, now, hold_s) for each in actions]
    return [each for each in due if each is not None]


def looked_at_since(
    actions: Iterable[Action], trials: Mapping[str, Trial], incident: Incident
) -> float | None:
    """Return since when requests are needed to care for actions; `None` where none are."""
    if incident.mitigated is None:
        return min((each.taken for each in actions), default=None)
    begun = [trials[each.id].begun for each in actions if each.id in trials]
    return min((at for at in begun if at is not None), default=None)


def first_trial(action: Action, flaps: int = 0) -> Trial:
    """Return where an action stands that was just taken; what came back before is tried later."""
    pause_s = min(FIRST_TRIAL_S * 2.0 ** min(flaps, 10), LONGEST_PAUSE_S)
    return Trial(next=action.taken + pause_s, pause_s=pause_s)


def with_trial(action: Action, share: float) -> Action:
    """Return an action whose move lets that share of the requests try the old way; none with 0."""
    move = action.move
    if isinstance(move, Drain):
        return replace(action, move=replace(move, trial=share))
    if isinstance(move, Reroute):
        whole = 1.0 if move.as_backup or move.where else HALF
        return replace(action, move=replace(move, share=min(whole, 1.0 - share)))
    return action


def is_triable(action: Action) -> bool:
    """Return whether a share of the requests can try the old way while an action is in force."""
    return isinstance(action.move, Drain | Reroute)


def _due(
    action: Action,
    trial: Trial | None,
    requests: Sequence[Observation],
    incident: Incident,
    bad: float,
    now: float,
    hold_s: float,
) -> Due | None:
    trial = trial or first_trial(action, incident.flaps)
    if now >= action.until:
        return Due(verb="lapse", action=action, trial=trial, said="its time was over")
    # While a recovery works on it, its actions are that recovery's; a person's are that person's.
    is_ours = incident.state in ("validating", "escalated") and action.loop == "recovery"
    if not is_ours:
        return None
    if incident.mitigated is None:
        return _verified(action, trial, requests, incident, now)
    return _trial(action, trial, requests, incident, bad, now) or _extended(action, trial, now, hold_s)


def _trial(
    action: Action,
    trial: Trial,
    requests: Sequence[Observation],
    incident: Incident,
    bad: float,
    now: float,
) -> Due | None:
    """Return what is due of the trials of an action."""
    if not is_triable(action):
        return None
    if trial.begun is not None:
        return _judged(action, trial, requests, incident, bad, now)
    if now < trial.next:
        return None
    said = f"{TRIAL:.0%} of the requests try the old way"
    return Due(verb="try", action=action, trial=replace(trial, begun=now), said=said)


def _verified(
    action: Action, trial: Trial, requests: Sequence[Observation], incident: Incident, now: float
) -> Due | None:
    """Return whether an action that was not confirmed yet is by now."""
    changed = concerned(requests, [action], incident.where)
    until = now - incident.known_after_s
    losses = losses_of(changed, incident.signal, until=until, by_marks=incident.by_marks)
    found = validate(losses, incident.bad if isinstance(action.move, AT_ENDPOINT) else incident.bad_alike)
    if found.state == "confirmed":
        said = f"{found.requests} requests were served well since"
        return Due(verb="confirm", action=action, trial=trial, said=said)
    if found.state == "failed":
        return Due(verb="fail", action=action, trial=trial, said="it did not help")
    return None


def _judged(
    action: Action, trial: Trial, requests: Sequence[Observation], incident: Incident, bad: float, now: float
) -> Due | None:
    """Return what a trial under way has come to; nothing while that is not decided."""
    begun, mark = trial.begun or now, action.id + TRIED
    mine = [each for each in requests if each.specialist == incident.specialist and each.at >= begun]
    alike = [each for each in mine if mark in each.moves and holds(brought(incident.where), each)]
    tried = [_with_tries(each, action, incident) for each in alike]
    until = now - incident.known_after_s
    losses = losses_of(tried, incident.signal, until=until, by_marks=incident.by_marks)
    found = validate(losses, bad, fails_at=STOPS_AT)
    if found.state == "confirmed":
        said = f"{found.requests} requests that tried the old way were served well"
        return Due(verb="undo", action=action, trial=trial, said=said)
    is_vain = now - begun > TRIAL_S + incident.known_after_s and found.e_value <= 1.0
    if found.state == "failed" or is_vain:
        pause_s = min(2.0 * trial.pause_s, LONGEST_PAUSE_S)
        waits = Trial(next=now + trial.pause_s, pause_s=pause_s)
        said = "the old way is still bad" if found.state == "failed" else "too few requests tried the old way"
        return Due(verb="stop_trying", action=action, trial=waits, said=said)
    return None


def _with_tries(each: Observation, action: Action, incident: Incident) -> Observation:
    """Return a request that tried the old way as it was there: one that failed, whoever answered it in the end."""
    if not any(_is_failure(one, action) for one in each.tries):
        return each
    return replace(each, losses={**each.losses, incident.signal: 1.0})


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
