"""What a rule comes to: one change, why, and what it is expected to cost."""

from collections.abc import Callable

import msgspec

from guardian_cluster.domain.improvement import Change, ParameterChange, Scalar, SettingChange
from guardian_cluster.guardians.optimizing.situation import Situation
from guardian_cluster.guardians.reviewing.paths import Unknown, Value, value_at


class Idea(msgspec.Struct, frozen=True, kw_only=True):
    """One change that serves a need."""

    change: Change
    reason: str
    """One sentence, of our own words, names from the configuration, and numbers."""
    cost_ratio: float = 1.0


Rule = Callable[[Situation], Idea | None]
"""Returns a change, or `None` where it does not fit: there is nothing to change, or too little is known."""


def setting(
    situation: Situation, path: str, after: Value, reason: str, *, cost_ratio: float = 1.0
) -> Idea | None:
    """Return the change of one value of the configuration; `None` where it stands so already, or is not there."""
    try:
        before = value_at(path, situation.base)
    except Unknown:
        return None
    if before == after:
        return None
    return Idea(
        change=SettingChange(path=path, before=before, after=after), reason=reason, cost_ratio=cost_ratio
    )


def parameter(
    situation: Situation, name: str, after: Scalar, reason: str, *, cost_ratio: float = 1.0
) -> Idea | None:
    """Return the change of a request field of the variant in use; `None` where it has that value already."""
    before = situation.variant.parameters.get(name)
    if before == after:
        return None
    change = ParameterChange(specialist=situation.specialist.name, name=name, before=before, after=after)
    return Idea(change=change, reason=reason, cost_ratio=cost_ratio)


def of_specialist(situation: Situation, key: str) -> str:
    """Return the path of a key of the specialist."""
    return f"specialists.{situation.specialist.name}.{key}"
