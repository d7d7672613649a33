"""What a rule is given to decide on: the specialist as it is deployed, its window, and what is to be improved."""

from collections.abc import Sequence
from functools import cached_property

from guardian_cluster.contract.snapshot import Base, Endpoint, Specialist, Variant, WatchPolicy
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.monitoring import ComplianceFinding, Opportunity
from guardian_cluster.domain.observation import Observation, Slice, holds
from guardian_cluster.domain.window import Window

About = Diagnosis | Opportunity | ComplianceFinding

LEAST_SOUND = 50
"""Sound answers from which a p99 is read: of fewer it is the slowest of them all."""


class Situation:
    """One thing that is to be improved of one specialist, with the requests that have it and those that have not."""

    def __init__(self, specialist: Specialist, base: Base, window: Window, about: About) -> None:
        self.specialist = specialist
        self.base = base
        self.window = window
        self.about = about
        self.diagnosis = about if isinstance(about, Diagnosis) else None

    @cached_property
    def where(self) -> Slice:
        """The slice that it is about."""
        return self.about.where

    @cached_property
    def onset(self) -> float:
        """Since when, in Unix seconds; of what was so all the time, the window's beginning."""
        return self.window.since if self.diagnosis is None else self.diagnosis.onset

    @cached_property
    def affected(self) -> Sequence[Observation]:
        """The requests of the slice since the onset."""
        return [
            each for each in self.window.observations if each.at >= self.onset and holds(self.where, each)
        ]

    @cached_property
    def sound(self) -> Sequence[Observation]:
        """Answered whole, at the first try; of what has an onset, none of those affected."""
        affected = {each.id for each in self.affected} if self.diagnosis is not None else set[str]()
        return [each for each in self.window.observations if is_sound(each) and each.id not in affected]

    @property
    def changes(self) -> Sequence[ChangeEvent]:
        """The changes that fit, best first, as far as nothing has changed the same again since."""
        if self.diagnosis is None:
            return ()
        by_id = {change.id: change for change in self.window.changes}
        found = [by_id[id] for id in self.diagnosis.changes if id in by_id]
        return [change for change in found if self._is_last(change)]

    def _is_last(self, change: ChangeEvent) -> bool:
        last = [each for each in self.window.changes if each.subject == change.subject][-1]
        return last.id == change.id or last.after == change.after

    @property
    def endpoint(self) -> Endpoint | None:
        """The endpoint of the slice, or `None` where it names none of the specialist's own."""
        named = dict(self.where).get("endpoint")
        return next((each for each in self.specialist.endpoints if each.id == named), None)

    @property
    def variant(self) -> Variant:
        """The variant that most requests are answered by."""
        return max(self.specialist.variants, key=lambda variant: variant.share)

    @property
    def has_stand_ins(self) -> bool:
        """Whether anybody else can answer at once where one endpoint does not."""
        return len(self.specialist.endpoints) > 1 or bool(self.specialist.equals)

    @property
    def watch(self) -> tuple[str, WatchPolicy]:
        """The path of the policy that watches the slice, and the policy: its tenant's own, or the cluster's."""
        named = dict(self.where).get("tenant")
        for tenant in self.base.tenants:
            if tenant.name == named and tenant.watch is not None:
                return f"tenants.{tenant.name}.watch", tenant.watch
        return "watch", self.base.watch


def is_sound(observation: Observation) -> bool:
    """Return whether a request was answered whole, at the first try."""
    return observation.outcome == "ok" and all(each.outcome == "ok" for each in observation.tries)
