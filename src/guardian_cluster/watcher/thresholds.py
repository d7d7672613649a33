"""Decides from which score on a detector reports, for the answers of one specialist to one tenant."""

from collections.abc import Mapping, Sequence

from guardian_cluster.contract.snapshot import DetectorThreshold

NO_THRESHOLDS: Mapping[str, float] = {}
"""Scores are recorded, and nothing is reported."""


class Thresholds:
    """The thresholds of one specialist's detectors.

    One that names a tenant comes before that of all tenants, whose tenant is the empty name.
    """

    def __init__(self, specialist_id: str, thresholds: Sequence[DetectorThreshold]) -> None:
        own = [each for each in thresholds if each.specialist == specialist_id]
        self._of_all = {each.detector: each.value for each in own if not each.tenant}
        self._of_tenants = {
            tenant: {**self._of_all, **{each.detector: each.value for each in own if each.tenant == tenant}}
            for tenant in {each.tenant for each in own if each.tenant}
        }

    def of(self, tenant: str) -> Mapping[str, float]:
        """Return for each detector that has one the score from which on it reports."""
        return self._of_tenants.get(tenant, self._of_all)
