"""Decides what recorded threshold actions come to: which are in force, and what applying or undoing one changes.

Pure: the actions in, the actions out. A change that makes a detector report less than before is never applied here
without a person; nor is any change of a scope whose last decision was a person's to undo, or to approve an
improvement.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from guardian_cluster.contract.threshold_action import (
    CALIBRATOR,
    Scope,
    State,
    ThresholdAction,
    ThresholdEvidence,
)

Actions = tuple[ThresholdAction, ...]

UNLEARNED: Mapping[str, float] = {"injection": 0.5}
"""From which score on a detector reports while nothing was learned for it; others report nothing until then."""

MAX_ACTIONS = 1_000
"""Kept, some 600 KB; of more those go first that were undone or replaced longest ago."""


class Draft(NamedTuple):
    """A threshold that was learned, before it is decided whether it is applied."""

    scope: Scope
    before: float | None
    """What was in force when it was learned: a draft about something else is void."""
    after: float
    evidence: ThresholdEvidence
    is_free: bool = True
    """Whether it may be applied without a person where it does not weaken."""


class Adoption(NamedTuple):
    """A threshold that came of an improvement which a person approved."""

    scope: Scope
    before: float | None
    """What was in force when it was proposed: one about something else is void."""
    after: float
    improvement: str


class Undecidable(ValueError):
    """There is no such action, or nothing to decide about it any more."""


def in_force(actions: Iterable[ThresholdAction]) -> dict[Scope, ThresholdAction]:
    """Return the action that each scope's threshold rests on: of those applied the one applied last."""
    found: dict[Scope, ThresholdAction] = {}
    for action in actions:
        last = found.get(action.scope)
        if action.state == "applied" and (last is None or _decided(action) >= _decided(last)):
            found[action.scope] = action
    return found


def pending(actions: Iterable[ThresholdAction]) -> dict[Scope, ThresholdAction]:
    """Return the proposal of each scope that waits for a person."""
    return {action.scope: action for action in actions if action.state == "proposed"}


def learned_until(actions: Iterable[ThresholdAction]) -> dict[Scope, float]:
    """Return up to when, in Unix seconds, each scope's scores have led to an action, whatever became of it."""
    found: dict[Scope, float] = {}
    for action in actions:
        found[action.scope] = max(found.get(action.scope, 0.0), action.evidence.until)
    return found


def weakens(before: float | None, after: float) -> bool:
    """Return whether there are scores that were reported before and are not any more: it is higher.

    That is so also where the one before reports more than was asked: whoever sends texts that score high could
    otherwise raise it.
    """
    return before is not None and after > before


def with_drafts(actions: Actions, drafts: Iterable[Draft], now: float) -> Actions:
    """Return the actions with those that were learned: applied where they may be by themselves, else proposed.

    A proposal takes the place of an older one of its scope. Nothing comes of a draft that was made while another
    threshold was in force.
    """
    for draft in drafts:
        current = in_force(actions).get(draft.scope)
        if (current and current.after) != draft.before:
            continue
        others = tuple(a for a in actions if not (a.scope == draft.scope and a.state == "proposed"))
        actions = (*others, _action(draft, _state(actions, draft), _next_id(actions), now))
    return _pruned(actions)


def _state(actions: Actions, draft: Draft) -> State:
    decided = [each for each in actions if each.scope == draft.scope and each.decided is not None]
    last = max(decided, key=_decided, default=None)
    is_held = last is not None and (last.state == "undone" or bool(last.improvement))
    before = UNLEARNED.get(draft.scope.detector) if draft.before is None else draft.before
    may = draft.is_free and not is_held and not weakens(before, draft.after)
    return "applied" if may else "proposed"


def _action(draft: Draft, state: State, id: str, now: float) -> ThresholdAction:
    return ThresholdAction(
        id=id,
        time=now,
        **draft.scope._asdict(),
        before=draft.before,
        after=draft.after,
        evidence=draft.evidence,
        state=state,
        who=CALIBRATOR,
        decided=now if state == "applied" else None,
    )


def adopted(actions: Actions, adoption: Adoption, *, who: str, at: float) -> Actions:
    """Return the actions with the threshold of an improvement in force; the same where it came to be so before.

    It keeps the evidence of the one before, and how far from that a step may go. Raises Undecidable where another
    threshold is in force than when it was proposed, and where it was undone: somebody decided that since.
    """
    scope = adoption.scope
    if holds(actions, adoption.improvement):
        return actions
    if any(each.improvement == adoption.improvement for each in actions):
        raise Undecidable(f"what came of improvement {adoption.improvement} was undone")
    current = in_force(actions).get(scope)
    before = None if current is None else current.after
    usual = UNLEARNED.get(scope.detector) if before is None else before
    if adoption.before not in (before, usual):
        said = "none" if before is None else f"{before:.4g}"
        raise Undecidable(f"another threshold of {scope} is in force than when this was proposed: {said}")
    made = ThresholdAction(
        id=_next_id(actions),
        time=at,
        **scope._asdict(),
        before=before,
        after=adoption.after,
        evidence=_inherited(current, adoption.after, at),
        state="applied",
        who=who,
        decided=at if current is None else max(at, _decided(current)),
        improvement=adoption.improvement,
    )
    others = tuple(a for a in actions if not (a.scope == scope and a.state == "proposed"))
    return _pruned((*others, made))


def holds(actions: Iterable[ThresholdAction], improvement: str) -> bool:
    """Tell whether an action came of an improvement and is not undone."""
    return any(each.improvement == improvement and each.state == "applied" for each in actions)


def released(actions: Actions, improvement: str, *, who: str, at: float) -> Actions:
    """Return the actions without the effect of that which came of an improvement, if anything did."""
    for action in actions:
        if action.improvement == improvement and action.state == "applied":
            actions = undone(actions, action.id, who=who, at=at)
    return actions


def _inherited(current: ThresholdAction | None, after: float, at: float) -> ThresholdEvidence:
    """Return what a threshold rests on that was not learned from scores: they are those of the one before."""
    if current is not None:
        known = current.evidence
        bounds = {"least": min(known.least, after), "most": max(known.most, after)}
        return msgspec.structs.replace(known, **bounds, bounded=False)
    return ThresholdEvidence(
        examples=0, since=at, until=at, new=0, asked=0.0, expected=0.0, realised_low=0.0, realised_high=1.0,
        least=after, most=after,
    )  # fmt: skip


def applied(actions: Actions, id: str, *, who: str, at: float) -> Actions:
    """Return the actions with this one in force. Raises Undecidable where there is none, or it is in force."""
    action = _find(actions, id)
    current = in_force(actions).get(action.scope)
    if current is action:
        raise Undecidable(f"threshold {id} is in force already")
    at = max(at, _decided(current) if current else at)  # of two the last one counts, whatever the clock did
    before = None if current is None else current.after
    changed = msgspec.structs.replace(action, state="applied", before=before, who=who, decided=at)
    return _with(actions, changed)


def undone(actions: Actions, id: str, *, who: str, at: float) -> Actions:
    """Return the actions without the effect of this one; a proposal is turned down.

    The threshold applied before it is in force again, if there is one. Raises Undecidable where there is no such
    action, or it is undone already.
    """
    action = _find(actions, id)
    if action.state == "undone":
        raise Undecidable(f"threshold {id} is undone already")
    return _with(actions, msgspec.structs.replace(action, state="undone", who=who, decided=at))


def _find(actions: Actions, id: str) -> ThresholdAction:
    for action in actions:
        if action.id == id:
            return action
    raise Undecidable(f"there is no threshold {id}")


def _with(actions: Actions, changed: ThresholdAction) -> Actions:
    """Return the actions with this one changed; one that is applied becomes the last of its scope."""
    others = tuple(each for each in actions if each.id != changed.id)
    if changed.state == "applied":
        return (*others, changed)
    return tuple(changed if each.id == changed.id else each for each in actions)


def _decided(action: ThresholdAction) -> float:
    return action.time if action.decided is None else action.decided


def _next_id(actions: Actions) -> str:
    numbers = [int(each.id[1:]) for each in actions if each.id[1:].isdecimal()]
    return f"t{max(numbers, default=0) + 1}"


def _pruned(actions: Actions) -> Actions:
    """Return as many actions as are kept; those in force, and what undoing them leads to, stay."""
    if len(actions) <= MAX_ACTIONS:
        return actions
    needed = _needed(actions)
    over = len(actions) - MAX_ACTIONS
    spare = [each.id for each in actions if each.id not in needed and each.state != "proposed"][:over]
    return tuple(each for each in actions if each.id not in spare)


def _needed(actions: Sequence[ThresholdAction]) -> set[str]:
    current: Mapping[Scope, ThresholdAction] = in_force(actions)
    rest = [each for each in actions if current.get(each.scope) is not each]
    return {each.id for each in (*current.values(), *in_force(rest).values(), actions[-1])}
