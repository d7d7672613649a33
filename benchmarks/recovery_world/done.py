"""What guardians and recovery did in one play."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from guardian_cluster.domain.action import Action
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.recovery import RecoveryResult


@dataclass(slots=True)
class Done:
    """What guardians and recovery did in one play; nothing where there are none."""

    began: float = 0.0
    """Unix time of the beginning of the play, by the cluster's clock."""
    incidents: Sequence[Incident] = ()
    actions: Sequence[Action] = ()
    results: Sequence[RecoveryResult] = ()
    deliveries: Sequence[Delivery] = ()
    in_force: frozenset[str] = frozenset()
    """Ids of the actions whose moves stand in the overlay at the end."""
    notes: list[str] = field(default_factory=list[str])
    """What each recovery came to, in words."""

    def first_event_s(self, onset_s: float) -> float | None:
        """Return how long after the onset the first incident was opened."""
        return self._first([each.opened for each in self.incidents], onset_s)

    def first_action_s(self, onset_s: float) -> float | None:
        """Return how long after the onset the first action was taken."""
        return self._first([each.taken for each in self._taken()], onset_s)

    def said(self) -> tuple[str, ...]:
        """Return the actions in words."""
        return tuple(
            f"{each.taken - self.began:.0f}s {type(each.move).__name__} {each.scope}: {each.state}"
            for each in sorted(self.actions, key=lambda one: one.taken)
        )

    @property
    def left_undone(self) -> int:
        """How many moves are in force at the end that should not be: they failed, or their action has ended."""
        ended = {each.id for each in self.actions if each.state != "active"}
        failed = {id for each in self.results for id in each.recovery_outcome.action_ids} - {
            id for each in self.results for id in each.recovery_outcome.kept
        }
        active = {each.id for each in self.actions if each.state == "active"}
        return len((self.in_force & (ended | failed)) | (failed & active))

    @property
    def pages(self) -> int:
        """How often people were called."""
        return len({each.incident_id for each in self.deliveries if each.alert.state == "trigger"})

    def strayed(self, onset_s: float, struck: set[str]) -> int:
        """Return how many actions were taken before the fault, or at a specialist that has none."""
        return sum(
            each.taken < self.began + onset_s or each.scope.specialist not in struck for each in self._taken()
        )

    def _taken(self) -> list[Action]:
        return [each for each in self.actions if each.state not in ("proposed", "refused")]

    def _first(self, times: Sequence[float], onset_s: float) -> float | None:
        since = [at - self.began - onset_s for at in times if at >= self.began + onset_s]
        return min(since, default=None)
