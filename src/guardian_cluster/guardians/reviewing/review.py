"""Decides what is to be held against an improvement: all rules, each for itself."""

from collections.abc import Iterable, Iterator

import msgspec

from guardian_cluster.contract.snapshot import Base, Snapshot, Specialist
from guardian_cluster.domain.improvement import (
    Concern,
    DocumentChange,
    Improvement,
    InstructionChange,
    ParameterChange,
    SafetyReview,
    SettingChange,
    VariantChange,
)
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.reviewing.blast_radius import too_far
from guardian_cluster.guardians.reviewing.cost import dearer
from guardian_cluster.guardians.reviewing.deployed_texts import undecided
from guardian_cluster.guardians.reviewing.guards import weakened
from guardian_cluster.guardians.reviewing.instructions import concerns_of_text
from guardian_cluster.guardians.reviewing.paths import variants_of
from guardian_cluster.guardians.reviewing.permissions import widened
from guardian_cluster.guardians.reviewing.reach import blast_radius
from guardian_cluster.guardians.reviewing.recipients import new_recipients

MOST_CONCERNS = 20
"""Kept of a review; one is enough."""


def reviewed(
    specialist: Specialist,
    improvement: Improvement,
    window: Window,
    snapshot: Snapshot,
    *,
    at: float,
    recorded: Iterable[str] = (),
) -> SafetyReview:
    """Return the review of an improvement of a specialist.

    `recorded` are texts that must not find their way into instructions, besides what endpoints said in the window.
    """
    said = (attempt.said for each in window.observations for attempt in each.tries if attempt.said)
    found = _concerns(specialist, improvement, window, snapshot, {*said, *recorded})
    return SafetyReview(
        improvement_id=improvement.id, at=at, concerns=tuple(dict.fromkeys(found))[:MOST_CONCERNS]
    )


def _concerns(
    specialist: Specialist,
    improvement: Improvement,
    window: Window,
    snapshot: Snapshot,
    recorded: Iterable[str],
) -> Iterator[Concern]:
    base = snapshot.base
    if improvement.specialist != specialist.name:
        yield Concern(
            rule="policy", said=f"it is proposed for {improvement.specialist[:64]}, not {specialist.name}"
        )
    share = blast_radius(improvement.change, window, base)
    for part in (improvement, *_parts(improvement, base)):
        yield from weakened(part, snapshot)
        yield from too_far(part, base, window, share)
        yield from widened(part, base)
        yield from new_recipients(part, base)
        yield from dearer(part, base)
    if isinstance(improvement.change, InstructionChange):
        yield from undecided(improvement.change, base, window)
    for before, after in _texts(improvement):
        yield from concerns_of_text(before, after, base, recorded)


def _parts(improvement: Improvement, base: Base) -> Iterator[Improvement]:
    """Yield what else a change comes to: of another variant, each request field that differs."""
    change = improvement.change
    if not isinstance(change, VariantChange):
        return
    known = {each.id: each.parameters for each in variants_of(change.specialist, base)}
    before, after = known.get(change.before), known.get(change.after)
    if before is None or after is None:
        return
    for name in sorted({*before, *after}):
        values = before.get(name), after.get(name)
        if values[0] != values[1] or type(values[0]) is not type(values[1]):
            field = ParameterChange(
                specialist=change.specialist, name=name, before=values[0], after=values[1]
            )
            yield msgspec.structs.replace(improvement, change=field, parent=change.before)


def _texts(improvement: Improvement) -> Iterator[tuple[str, str]]:
    """Yield the texts, as they were and as they would be, that a model is to be given or a person to read."""
    match improvement.change:
        case InstructionChange(before=before, after=after):
            yield before or "", after or ""
        case ParameterChange(before=before, after=str(after)):
            yield before if isinstance(before, str) else "", after
        case SettingChange(before=before, after=str(after)):
            yield before if isinstance(before, str) else "", after
        case SettingChange(after=tuple(after)):
            yield "", "\n".join(after)
        case DocumentChange(origins=origins):
            yield "", "\n".join(origins)
        case _:
            return
