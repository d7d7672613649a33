"""Decides whether a change concerns more, or goes further in one step, than may be changed at once."""

import math
from collections.abc import Iterator

from guardian_cluster.contract.snapshot import Base
from guardian_cluster.domain.improvement import (
    Concern,
    DocumentChange,
    Improvement,
    ParameterChange,
    SettingChange,
    ThresholdChange,
)
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.reviewing.paths import Place, number, owner_of_endpoint, place_of

RULE = "blast-radius"

MOST_STEP = 10.0
"""Times that a number may change in one step: a timeout of a minute, which is usual, becomes at least 6 s."""

OF_TIME = 100.0
"""The same of a time that is waited: one of ten minutes may become six seconds, as it was never meant to be waited."""

NEWLY_REPORTED = 0.1
"""The share of a specialist's requests that a threshold may report, and has not so far."""

TOLERATED = 0.05
"""By so much the share that a proposer names may be less than the one in the window, which goes on."""


def too_far(improvement: Improvement, base: Base, window: Window, share: float) -> Iterator[Concern]:
    """Yield why a change goes too far; `share` is that of the specialist's requests which it concerns."""
    yield from (Concern(rule=RULE, said=said) for said in _said(improvement, base, window))
    stated = improvement.blast_radius
    if not 0.0 <= stated <= 1.0 or stated < share - TOLERATED:
        yield Concern(
            rule=RULE, said=f"it says that it concerns {stated:.0%} of the requests, and may {share:.0%}"
        )


def _said(improvement: Improvement, base: Base, window: Window) -> Iterator[str]:
    change, own = improvement.change, improvement.specialist
    match change:
        case ThresholdChange():
            if own != change.specialist or not change.tenant:
                yield "it concerns answers of other specialists, or of all tenants"
            yield from _newly_reported(change, window)
        case SettingChange():
            place = place_of(change.path, base)
            if _owner(place) != own:
                yield f"{change.path[:120]} concerns more than {own}"
            if place.kind in ("specialist", "endpoint") and _is_nothing(change.after):
                yield f"{change.path[:120]} would let no request through"
            yield from _step(change.before, change.after, OF_TIME if place.key.endswith("_s") else MOST_STEP)
        case ParameterChange():
            yield from _whose(change.specialist, own)
            yield from _step(change.before, change.after, MOST_STEP)
        case DocumentChange(origins=()):
            yield "it is not known which documents, so it concerns all of them"
        case _:
            yield from _whose(change.specialist, own)


def _whose(named: str, own: str) -> Iterator[str]:
    if named != own:
        yield f"it is proposed for {own[:64]} and changes {named[:64]}"


def _owner(place: Place) -> str | None:
    match place.kind:
        case "specialist":
            return place.name
        case "endpoint":
            return owner_of_endpoint(place.name)
        case _:
            return None


def _is_nothing(after: object) -> bool:
    """Return whether it is a number that leaves nothing: no requests at once, none in a minute, no time."""
    left = number(after)
    return left is not None and not left > 0


def _step(before: object, after: object, most: float) -> Iterator[str]:
    old, new = number(before), number(after)
    if isinstance(before, bool) or new is None:
        return
    if not math.isfinite(new) or new < 0.0:
        yield f"{new:g} is no value that could be meant"
    elif old is not None and not old / most <= new <= old * most:
        yield f"from {old:g} to {new:g} is more than one step"


def _newly_reported(change: ThresholdChange, window: Window) -> Iterator[str]:
    if change.after is None or not window.observations:
        return
    least = 1.0 if change.before is None else change.before
    scores = [each.scores.get(change.detector, -1.0) for each in window.observations]
    new = sum(change.after <= score < least for score in scores) / len(scores)
    if new > NEWLY_REPORTED:
        yield f"{new:.0%} of the specialist's requests would be reported, and are not so far"
