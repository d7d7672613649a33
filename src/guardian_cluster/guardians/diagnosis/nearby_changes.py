"""Decides which changes a fault may have come from: those shortly before its onset that concern its slice."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from guardian_cluster.domain.change import ChangeEvent, ChangeKind
from guardian_cluster.domain.observation import Slice

HAPPENINGS: frozenset[ChangeKind] = frozenset(
    {"endpoint_ejected", "endpoint_readmitted", "overloaded", "worker_restarted"}
)
"""What happened rather than was done: it accompanies a fault, and is noticed after it began."""

REACH_S = 300.0
REACH_SHARE = 0.02
"""Of the window: so far from the onset a change counts for a third. Deployments take effect within minutes; in a window
of days the onset itself is not known better."""

AFTER = 0.25
"""A cause comes before its effect; the onset is an estimate, so a little after counts, over so much of the reach."""

MIN_CLOSENESS = 0.05
MAX_CHANGES = 5
MAX_READ = 2_000


class Near(NamedTuple):
    """A change near an onset."""

    change: ChangeEvent
    closeness: float
    """0 to 1: how near in time, times how well it fits the slice."""


def near(
    changes: Sequence[ChangeEvent],
    *,
    onset: float,
    slack_s: float,
    span_s: float,
    where: Slice,
    specialist: str,
) -> list[Near]:
    """Return the changes near an onset that fit, best first. `slack_s` is how well the onset is known."""
    reach = max(REACH_S, REACH_SHARE * span_s)
    found = [
        Near(each, _in_time(each, onset, slack_s, reach) * _in_place(each, where))
        for each in changes
        if each.specialist in ("", specialist) and math.isfinite(each.at)
    ]
    kept = [each for each in found if each.closeness >= MIN_CLOSENESS]
    return sorted(kept, key=lambda each: (-each.closeness, -each.change.at, each.change.id))


def _in_time(change: ChangeEvent, onset: float, slack_s: float, reach_s: float) -> float:
    ago = onset - change.at
    if ago < 0 and change.kind not in HAPPENINGS:
        return math.exp(-max(-ago - slack_s, 0.0) / (AFTER * reach_s))
    return math.exp(-max(abs(ago) - slack_s, 0.0) / reach_s)


def _in_place(change: ChangeEvent, where: Slice) -> float:
    """Return how well a change fits a slice: one that concerns another endpoint or tenant cannot have caused it."""
    values = dict(where)
    fit = 1.0
    if change.endpoint and "endpoint" in values:
        fit *= 1.0 if change.endpoint == values["endpoint"] else 0.05
    if change.tenant and "tenant" in values:
        fit *= 1.0 if change.tenant == values["tenant"] else 0.05
    elif change.tenant:
        fit *= 0.4
    if change.rev and "revision" in values and values["revision"] != str(change.rev):
        fit *= 0.2
    told = f"{change.subject} {change.after}"[:MAX_READ]
    if change.kind == "variant" and "variant" in values and values["variant"] not in told:
        fit *= 0.6
    return fit
