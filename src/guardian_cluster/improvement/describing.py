"""Says in words what a change changes, from what and to what; hostile names and texts stay as they are."""

from typing import NamedTuple

import msgspec

from guardian_cluster.domain.improvement import (
    Change,
    DocumentChange,
    InstructionChange,
    ParameterChange,
    SettingChange,
    ThresholdChange,
    VariantChange,
)


class Described(NamedTuple):
    """A change in words."""

    subject: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.subject} from {self.before} to {self.after}"


def described(change: Change) -> Described:
    """Return what a change changes, from what, and to what."""
    match change:
        case ThresholdChange():
            scope = f"{change.detector}/{change.specialist or 'all'}/{change.tenant or 'all'}"
            return Described(f"threshold {scope}", _number(change.before), _number(change.after))
        case ParameterChange():
            subject = f"{change.specialist}: parameter {change.name}"
            return Described(subject, _value(change.before), _value(change.after))
        case InstructionChange():
            return Described(
                f"{change.specialist}: instructions", _value(change.before), _value(change.after)
            )
        case VariantChange():
            return Described(f"{change.specialist}: variant", change.before, change.after)
        case SettingChange():
            return Described(change.path, _value(change.before), _value(change.after))
        case DocumentChange():
            ways = ("in use", "left out") if change.withheld else ("left out", "in use")
            named = ", ".join(change.origins) or "all"
            return Described(f"{change.specialist}: documents {named}", *ways)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _value(value: object) -> str:
    return "none" if value is None else msgspec.json.encode(value).decode()
