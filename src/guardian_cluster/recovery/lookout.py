"""Looks on at an incident that nothing is in force for: whether it is over, or still bad."""

from collections.abc import Sequence

from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import Observation, holds
from guardian_cluster.domain.recovery import ValidationResult
from guardian_cluster.recovery.evidence import loss_of
from guardian_cluster.recovery.following import Following
from guardian_cluster.recovery.validation import validate


class Lookout(Following):
    """Looks on at one incident since a Unix time."""

    def look(self, requests: Sequence[Observation], incident: Incident, now: float) -> ValidationResult:
        """Take in the specialist's requests from `at` on, and return what all tell."""

        def lost(each: Observation) -> float | None:
            is_own = each.specialist == incident.specialist and not each.is_trial
            is_inside = is_own and holds(incident.where, each)
            return loss_of(each, incident.signal, by_marks=incident.by_marks) if is_inside else None

        return validate(self.take(requests, now - incident.known_after_s, lost), incident.bad)
