"""Variant: answer with another of the specialist's variants than the one that a fault names."""

from guardian_cluster.domain.action import Scope, UseVariant
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.situation import Situation


def plan(situation: Situation) -> PlannedMove | None:
    """Use the variant with the largest share of those that are not faulty; nothing where the slice names none."""
    faulty = dict(situation.where).get("variant")
    others = [each for each in situation.specialist.variants if each.id != faulty]
    if faulty is None or not others:
        return None
    name, best = situation.specialist.name, max(others, key=lambda each: each.share)
    return PlannedMove(
        kind="variant",
        moves=(UseVariant(specialist=name, variant=best.id),),
        # Whoever was given any other variant is given this one now.
        scope=Scope(specialist=name),
        blast_radius=max(
            1.0 - situation.share_of((("variant", best.id),)), situation.share_of((("variant", faulty),))
        ),
        hold_s=situation.hold_s,
        why=f"the fault is in variant {faulty}; {best.id} is another",
    )
