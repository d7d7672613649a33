"""Says what share of a specialist's requests a change concerns, as far as a window can tell."""

from guardian_cluster.contract.snapshot import Base
from guardian_cluster.domain.improvement import Change, SettingChange, ThresholdChange, VariantChange
from guardian_cluster.domain.observation import Dimension
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.reviewing.paths import place_of


def blast_radius(change: Change, window: Window, base: Base) -> float:
    """Return the share of the requests in a window that a change concerns; all, where no dimension bounds it."""
    found = _bounded_by(change, base)
    if found is None or not window.observations:
        return 1.0
    dimension, value = found
    hit = sum(each.dimensions.get(dimension) == value for each in window.observations)
    return hit / len(window.observations)


def _bounded_by(change: Change, base: Base) -> tuple[Dimension, str] | None:
    match change:
        case ThresholdChange() if change.tenant:
            return "tenant", change.tenant
        case VariantChange():
            return "variant", change.before
        case SettingChange():
            place = place_of(change.path, base)
            if place.kind == "endpoint":
                return "endpoint", place.name
            return ("tenant", place.name) if place.kind == "tenant" else None
        case _:
            return None
