"""A fault in force: which requests it strikes, what it makes of their answers, and which changes go with it."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from guardian_cluster.domain.change import ChangeEvent, ChangeKind
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.observation import Dimension, Slice
from guardian_cluster.simulation.traffic.draft import USUAL_KINDS, Draft
from guardian_cluster.simulation.traffic.people import Place, Population, Staff
from guardian_cluster.simulation.traffic.question import Question
from guardian_cluster.simulation.traffic.truth import FACTORS, SCOPES, SHARES, Magnitude, Scope


@dataclass(frozen=True, slots=True)
class Case:
    """What a fault is drawn for."""

    people: Population
    staff: Staff
    onset: float
    magnitude: Magnitude
    rng: random.Random


class Fault(ABC):
    """One manner of one cause."""

    cause: ClassVar[Cause]
    manner: ClassVar[str]
    scopes: ClassVar[tuple[Scope, ...]] = SCOPES
    """Where it occurs in practice."""
    within: ClassVar[Dimension | None] = None
    """The dimension that its slice is of, where it can be of one only."""

    def __init__(self, case: Case) -> None:
        self.where: Slice = ()
        """Given once the requests are known, since it is drawn among those that occur (`scopes.py`)."""
        self.onset = case.onset
        self.share = SHARES[case.magnitude]
        self.factor = FACTORS[case.magnitude]
        self.staff = case.staff
        self.rng = case.rng
        self.kind = USUAL_KINDS + case.rng.randrange(1_000_000)
        """The fingerprint of bad answers that it makes."""
        self.draw(case)

    def draw(self, case: Case) -> None:  # noqa: B027  most have nothing more to draw
        """Draw what is this fault's own."""

    @property
    def fixed(self) -> Slice:
        """The part of its slice that follows from what it is."""
        return ()

    @property
    def roster(self) -> dict[str, float]:
        """The variants that answer since the onset, where it changes them."""
        return {}

    @property
    def dimensions(self) -> int:
        """How many dimensions of its slice follow from what it is, not counting those that all requests share."""
        return len(self.fixed) if 1.0 not in self.roster.values() else 0

    def shows(self, question: Question) -> bool:
        """Return whether it can be seen in a request; some faults are of answers of one kind only."""
        return True

    def ask(self, question: Question) -> None:  # noqa: B027  most leave questions as they are
        """Change how a request since the onset is asked, where the fault lies there."""

    def strike(self, draft: Draft, question: Question, place: Place) -> None:
        """Bend the draft of a request that it strikes."""
        if question.at >= self.onset and question.is_in(self.where, place) and self.rng.random() < self.share:
            self.bend(draft, question)

    @abstractmethod
    def bend(self, draft: Draft, question: Question) -> None:
        """Make of a draft what the fault makes of it."""

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Return the changes that brought it, as they are recorded; their revision is counted later."""
        return ()

    def aftermath(self) -> tuple[ChangeEvent, ...]:
        """Return what happens because of it: endpoints that are left out, workers that are started anew."""
        return ()

    def value_of(self, dimension: Dimension) -> str:
        """Return the slice's value of a dimension; empty where it has none."""
        return dict(self.where).get(dimension, "")

    def change(self, kind: ChangeKind, subject: str, *, after_s: float = 0.0, **others: Any) -> ChangeEvent:
        """Return a change of the specialist, so many seconds after the onset; `others` are more of its fields."""
        values: dict[str, Any] = {"specialist": self.staff.name, **others}
        id = f"chg_{self.rng.getrandbits(48):012x}"
        return ChangeEvent(id=id, at=self.onset + after_s, kind=kind, subject=subject, **values)
