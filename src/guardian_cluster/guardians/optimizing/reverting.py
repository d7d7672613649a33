"""Rules that take a change back: as its event says, as long as the configuration still has what it brought."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.improvement import (
    Change,
    InstructionChange,
    ParameterChange,
    Scalar,
    SettingChange,
    ThresholdChange,
    VariantChange,
)
from guardian_cluster.guardians.optimizing.idea import Idea
from guardian_cluster.guardians.optimizing.situation import Situation
from guardian_cluster.guardians.reviewing.paths import Unknown, Value, number, place_of, value_at

OF_ANSWERS = frozenset({"variant", "model"})
"""Kinds of changes of the way in which a specialist answers."""

OF_CONFIGURATION = frozenset(
    {"setting", "watch", "threshold", "routing", "limits", "endpoint", "model", "variant"}
)


def variant_back(situation: Situation) -> Idea | None:
    """Go back to how the specialist answered before: what the best fitting change brought is taken back."""
    return _first(situation, _is_of_answers)


def setting_back(situation: Situation) -> Idea | None:
    """Go back to what the best fitting change of the configuration replaced."""
    return _first(situation, lambda event: event.kind in OF_CONFIGURATION)


def earlier_variant(situation: Situation) -> Idea | None:
    """Go back to the variant that answered last before the one in use, as the window saw it."""
    current = situation.variant.id
    seen = [
        each.dimensions.get("variant") for each in situation.window.observations if each.at < situation.onset
    ]
    before = next((id for id in reversed(seen) if id and id != current), None)
    if before is None:
        return None
    change = VariantChange(specialist=situation.specialist.name, before=current, after=before)
    return Idea(change=change, reason=f"Answers were better with variant {before}, which came before.")


def _is_of_answers(event: ChangeEvent) -> bool:
    return event.kind in OF_ANSWERS or ".parameters." in event.subject


def _first(situation: Situation, fits: Callable[[ChangeEvent], bool]) -> Idea | None:
    for event in situation.changes:
        change = _taken_back(situation, event) if fits(event) else None
        if change is not None:
            subject = event.subject[:120]
            return Idea(change=change, reason=f"It began when {subject} was changed in revision {event.rev}.")
    return None


def _taken_back(situation: Situation, event: ChangeEvent) -> Change | None:
    """Return the change that takes an event back; `None` where its record does not hold all that it replaced."""
    if event.kind == "threshold":
        return _threshold(event)
    found = _single(event)
    if found is None:
        return None
    path, before, after = found
    place = place_of(path, situation.base)
    if place.kind == "specialist" and place.name == situation.specialist.name:
        change = _of_variant(situation, place.key, before, after)
        if change is not None:
            return change
    return _of_setting(situation, path, before, after)


def _of_variant(situation: Situation, key: str, before: Value, after: Value) -> Change | None:
    name, variant = situation.specialist.name, situation.variant
    last = key.rpartition(".")[2]
    if last == "instructions" and variant.instructions == after and isinstance(before, str | None):
        return InstructionChange(specialist=name, before=variant.instructions, after=before)
    if "parameters." in key and variant.parameters.get(last) == after and not isinstance(before, tuple):
        return ParameterChange(specialist=name, name=last, before=variant.parameters.get(last), after=before)
    if last in ("variant", "variants", "id") and after == variant.id and isinstance(before, str):
        return VariantChange(specialist=name, before=variant.id, after=before)
    return None


def _of_setting(situation: Situation, path: str, before: Value, after: Value) -> Change | None:
    try:
        is_in_force = value_at(path, situation.base) == after
    except Unknown:
        return None
    return SettingChange(path=path, before=after, after=before) if is_in_force and before != after else None


def _threshold(event: ChangeEvent) -> Change | None:
    scope = event.subject.removeprefix("thresholds.").split("/")
    before, after = number(_value(event.before)), number(_value(event.after))
    if len(scope) != 3 or before is None or after is None:
        return None
    detector, specialist, tenant = scope
    own = "" if specialist == "all" else specialist
    return ThresholdChange(detector=detector, specialist=own, tenant=tenant, before=after, after=before)


def _single(event: ChangeEvent) -> tuple[str, Value, Value] | None:
    """Return the one value that an event has changed, with its path: of a table the only key that differs."""
    before, after = _value(event.before), _value(event.after)
    path = event.subject
    while isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
        differing = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        if len(differing) != 1:
            return None
        path, before, after = f"{path}.{differing[0]}", old.get(differing[0]), new.get(differing[0])
    try:
        return path, msgspec.convert(before, _Value), msgspec.convert(after, _Value)
    except msgspec.ValidationError:
        return None


_Value = Scalar | tuple[str, ...]


def _value(written: str) -> Any:
    """Return what JSON says; what was shortened or masked is none and says nothing, as if it were too long to tell."""
    try:
        return msgspec.json.decode(written.encode()) if written else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return [None]
