"""Decides whether a change weakens a guard: a threshold raised, an action made milder, a detector left out.

What is not known to leave a guard as strong as it was is held to weaken it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping

from guardian_cluster.contract.snapshot import Base, DetectorThreshold, Snapshot
from guardian_cluster.domain.improvement import (
    Concern,
    DocumentChange,
    Improvement,
    InstructionChange,
    ParameterChange,
    SettingChange,
    ThresholdChange,
    VariantChange,
)
from guardian_cluster.guardians.reviewing.instructions import dropped_rules
from guardian_cluster.guardians.reviewing.paths import (
    Place,
    Unknown,
    Value,
    can_stand,
    number,
    place_of,
    value_at,
    variant_of,
    variants_of,
)

RULE = "policy"

STRENGTH: Mapping[Value, int] = {
    "ignore": 0, "observe": 1, "mark": 2, "retry": 2, "redact": 3, "cut": 4, "block": 4,
}  # fmt: skip
"""Of what is done about a finding. `retry` notes it only where words have left, so it comes before `redact`."""

UNLEARNED: Mapping[str, float] = {"injection": 0.5}
"""From which score on a detector reports while nothing was learned for it (docs/design/thresholds.md)."""

_GUARDING = frozenset({"safe_prompt", "guardrails", "moderation", "safety_settings", "safety_identifier"})
"""Request fields by which vendors switch guards of their own."""

_NO_PARENT = "it does not say which variant that is deployed it changes"


def weakened(improvement: Improvement, snapshot: Snapshot) -> Iterator[Concern]:
    """Yield what of a change makes a guard weaker than it is in the snapshot."""
    match improvement.change:
        case ThresholdChange() as change:
            said = _threshold(change, snapshot)
        case SettingChange() as change:
            said = _setting(change, snapshot.base)
        case ParameterChange() as change:
            said = _parameter(change, improvement.parent, snapshot.base)
        case InstructionChange() as change:
            said = _instructions(change, improvement.parent, snapshot.base)
        case VariantChange() as change:
            said = _variant(change, improvement.parent, snapshot.base)
        case DocumentChange(withheld=False):
            said = ["documents that were left out of answers would be given back"]
        case _:
            said = []
    yield from (Concern(rule=RULE, said=each) for each in said)


def _threshold(change: ThresholdChange, snapshot: Snapshot) -> Iterator[str]:
    named = f"{change.detector} of {change.specialist or 'all'} for {change.tenant or 'all tenants'}"
    if change.after is None:
        yield f"{named} would have no threshold any more"
        return
    if not 0.0 <= change.after <= 1.0:
        yield f"a threshold of {change.after:g} is no score: scores lie between 0 and 1"
        return
    known = _in_force(change, snapshot.overlay.thresholds)
    least = min((each for each in (change.before, *known) if each is not None), default=None)
    if least is not None and not change.after <= least:
        yield f"{named} would report from {change.after:.4g} on, and does from {least:.4g} on"


def _in_force(change: ThresholdChange, thresholds: Iterable[DetectorThreshold]) -> list[float]:
    """Return the thresholds by which what a change is about is reported so far, each for some of it."""
    own = [
        each.value
        for each in thresholds
        if each.detector == change.detector
        and (not change.specialist or each.specialist in ("", change.specialist))
        and (not change.tenant or each.tenant in ("", change.tenant))
    ]
    unlearned = UNLEARNED.get(change.detector)
    return own if own or unlearned is None else [unlearned]


def _setting(change: SettingChange, base: Base) -> list[str]:
    try:
        now = value_at(change.path, base)
    except Unknown:
        return [f"there is no value {change.path[:120]} that could be changed by itself"]
    if now != change.before or isinstance(now, bool) is not isinstance(change.before, bool):
        return [_outdated(change.path[:120])]
    if not can_stand(change.path, change.after, base):
        return [f"{change.path[:120]} cannot be what it would be"]
    place = place_of(change.path, base)
    guard = _guard_key(place)
    if guard is not None and _is_weaker(guard, change.before, change.after):
        return [f"{change.path[:120]} would guard less than it does"]
    return []


def _guard_key(place: Place) -> str | None:
    """Return the key of a watch policy, or of how guardians watch, that a place is about; `None` where it is none."""
    head, _, rest = place.key.partition(".")
    if head in ("watch", "guardians") and place.kind in ("cluster", "tenant"):
        return rest if head == "watch" else f"guardians.{rest}"
    return None


def _is_weaker(key: str, before: Value, after: Value) -> bool:
    name = key.rpartition(".")[2]
    match name:
        case _ if name.startswith("on_") or "personal." in key:
            return _strength(after) < _strength(before)
        case "fail_closed" | "canaries":
            return not _names(before) <= _names(after)
        case "ignored_secrets":
            return not _names(after) <= _names(before)
        case "allowed_tools":
            return after is None or (before is not None and not _names(after) <= _names(before))
        case "false_alarms":  # the share that may be reported: less is reported where it is lower
            return not (_number(before) <= _number(after) <= 1.0)
        case "unknown_fields":
            return after != "drop"
        case _:
            return True


def _strength(action: Value) -> int:
    return STRENGTH.get(action, 0)  # nothing is done where there is no action, or one that is not known


def _names(value: Value) -> frozenset[object]:
    return frozenset(value) if isinstance(value, tuple) else frozenset()


def _number(value: Value) -> float:
    found = number(value)
    return math.nan if found is None else float(found)  # every comparison of NaN is false


def _parameter(change: ParameterChange, parent: str, base: Base) -> list[str]:
    if change.name in _GUARDING:
        return [f"{change.name} is a guard of the model's vendor"]
    variant = variant_of(change.specialist, parent, base)
    if variant is None:
        return [_NO_PARENT]
    now = variant.parameters.get(change.name)
    is_so = now == change.before and isinstance(now, bool) is isinstance(change.before, bool)
    return [] if is_so else [_outdated(change.name[:60])]


def _instructions(change: InstructionChange, parent: str, base: Base) -> list[str]:
    variant = variant_of(change.specialist, parent, base)
    if variant is None:
        return [_NO_PARENT]
    if change.before != variant.instructions:
        return ["the instructions are not what they were when this was proposed"]
    return _lost_rules("the instructions would lose", change.before, change.after)


def _variant(change: VariantChange, parent: str, base: Base) -> list[str]:
    known = {each.id: each for each in variants_of(change.specialist, base)}
    before, after = known.get(change.before), known.get(change.after)
    if before is None or parent not in ("", change.before):
        return ["the variant is not the one that it was when this was proposed"]
    if after is None:
        return []  # which is a matter of who is given the requests
    return _lost_rules(f"variant {after.id} lacks", before.instructions, after.instructions)


def _outdated(what: str) -> str:
    return f"{what} is not what it was when this was proposed"


def _lost_rules(who: str, before: str | None, after: str | None) -> list[str]:
    missing = dropped_rules(before or "", after or "")
    return [f"{who} {len(missing)} rules of what must not be done"] if missing else []
