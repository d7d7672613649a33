"""Decides which of several slices that hold the same requests is named: the one that the cause works through."""

from collections.abc import Mapping, Sequence

from guardian_cluster.domain.diagnosis import Cause, Finding
from guardian_cluster.domain.observation import Dimension, Slice

_SERVED: Sequence[Dimension] = ("endpoint", "model", "variant")
_ANSWERED: Sequence[Dimension] = ("model", "endpoint", "variant", "template")

WORKS_THROUGH: Mapping[Cause, Sequence[Dimension]] = {
    "upstream_errors": _SERVED,
    "quota": _SERVED,
    "hang": _SERVED,
    "slow": _SERVED,
    "truncated_stream": _SERVED,
    "own_resources": (),
    "wrong_format": _ANSWERED,
    "refusal_spike": _ANSWERED,
    "quality_drop": _ANSWERED,
    "stale_context": ("topic", "template", "language"),
    "variant_regression": ("variant", "template", "model"),
    "cost_blowup": ("variant", "template", "model"),
    "detector_drift": ("revision",),
    "own_configuration": ("revision", "endpoint", "variant"),
}
"""Where a cause works, most directly first. Endpoints fail; models answer badly on all of theirs."""


def named_for(cause: Cause, findings: Sequence[Finding], alike: Sequence[Slice]) -> tuple[Finding, ...]:
    """Return the findings with the one first that names the cause's own dimension, among those that hold the same."""
    order = WORKS_THROUGH[cause]
    shortest = min((len(where) for where in alike), default=0)

    def rank(finding: Finding) -> tuple[int, int]:
        dimensions = [name for name, _ in finding.where]
        if finding.where not in alike or len(dimensions) > shortest:
            return (1, 0)
        return (0, min((order.index(each) for each in dimensions if each in order), default=len(order)))

    return tuple(sorted(findings, key=rank))
