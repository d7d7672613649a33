"""Traffic with known truth: the records, marks and changes of one specialist's recent past, drawn from one seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.simulation.traffic.distractions import UNREVISED, distractions
from guardian_cluster.simulation.traffic.draft import Draft, Usual
from guardian_cluster.simulation.traffic.faults import Case, Fault, manners
from guardian_cluster.simulation.traffic.habits import Habits
from guardian_cluster.simulation.traffic.marks import marks_of
from guardian_cluster.simulation.traffic.people import SPECIALISTS, TOPICS, Place, Staff, population
from guardian_cluster.simulation.traffic.question import Question, Questions, Roster
from guardian_cluster.simulation.traffic.scopes import Masks, NoSuchSliceError, drawn_slice, is_apart
from guardian_cluster.simulation.traffic.serving import Serving
from guardian_cluster.simulation.traffic.truth import Magnitude, Scope, Truth

MONDAY = 1_772_409_600.0
"""2 March 2026, 0:00 UTC: windows lie in the weeks after it."""
_NEW_VARIANT = 0.2
"""Of windows in which a new variant is deployed that does as well as the old one."""
_SHIFTS = 0.3
"""Of windows in which what is asked about changes at some time."""
_LAG = 0.15
"""By how much of the time since the first onset a second fault may begin later."""
_TRIES = 12


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A fault to be drawn."""

    cause: Cause
    scope: Scope
    magnitude: Magnitude
    manner: str = ""
    """Empty is any in which the cause occurs there."""


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The recent past of one specialist."""

    specialist: str
    since: float
    until: float
    records: tuple[RequestRecord, ...]
    """Oldest first."""
    feedback: tuple[Feedback, ...]
    """All that will ever be said, in the order in which it comes; what comes after `until` is not known then."""
    changes: tuple[ChangeEvent, ...]
    """Oldest first."""
    truths: tuple[Truth, ...] = ()


class TrafficWorld:
    """One installation: the same seed gives the same people, and the same traffic for the same calls."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        """All chance of this world."""
        self.people = population(self.rng)
        self.habits = Habits(seed)
        """What is usual in it."""

    def traffic(
        self,
        faults: Sequence[Planned] = (),
        *,
        specialist: str = "",
        reference: int = 4_000,
        after: int = 1_000,
        shifts: float = _SHIFTS,
    ) -> Traffic:
        """Return so many requests before the first onset and so many since; without faults it is a time like any.

        Raises NoSuchSliceError where no slice fits the plan in this world: another seed may hold one.
        """
        for _ in range(_TRIES - 1):
            try:
                return _Stretch(self, self._staff(specialist), reference, after, shifts, faults).traffic()
            except NoSuchSliceError:
                continue
        return _Stretch(self, self._staff(specialist), reference, after, shifts, faults).traffic()

    def _staff(self, name: str) -> Staff:
        return self.people.staff[name or self.rng.choice(SPECIALISTS)]


@dataclass(slots=True)
class _Stretch:
    """The making of one stretch of traffic."""

    world: TrafficWorld
    staff: Staff
    reference: int
    after: int
    shifts: float
    planned: Sequence[Planned]
    faults: list[Fault] = field(default_factory=list[Fault])
    roster: Roster = field(default_factory=list)  # type: ignore[assignment]

    def traffic(self) -> Traffic:
        rng, staff = self.world.rng, self.staff
        since = MONDAY + rng.uniform(0.0, 28 * 86_400.0)
        self.roster = [(since, staff.variants)]
        questions = self._questions(since)
        onset = questions[self.reference].at - 1e-3
        self._place_faults(questions[self.reference :])
        until = questions[-1].at + 1.0
        changes, bringing = self._changes(since, until, onset)
        records, feedback = self._served(questions, changes)
        return Traffic(
            specialist=staff.name,
            since=since,
            until=until,
            records=tuple(records),
            feedback=tuple(sorted(feedback, key=lambda each: each.received)),
            changes=tuple(changes),
            truths=tuple(self._truth(n, questions, bringing[n]) for n in range(len(self.faults))),
        )

    def _questions(self, since: float) -> list[Question]:
        rng, source = self.world.rng, Questions(self.world.people, self.staff, self.world.rng)
        shifts_at = rng.randrange(self.reference + self.after) if rng.random() < self.shifts else -1
        changes_at = rng.randrange(self.reference) if rng.random() < _NEW_VARIANT and not self.planned else -1
        questions: list[Question] = []
        at = since
        while len(questions) < self.reference + self.after:
            if shifts_at == len(questions):
                source.shift({topic: rng.uniform(0.4, 2.5) for topic in TOPICS})
            if changes_at == len(questions):
                self._deploy_in_vain(at)
            if len(questions) == self.reference:
                self._begin(at)
            questions += source.ask(at, 1, self.roster)
            at = questions[-1].at
            for fault in self.faults:
                if at >= fault.onset:
                    fault.ask(questions[-1])
        return questions

    def _begin(self, at: float) -> None:
        """Draw the faults, now that the first onset is known."""
        rng, rate = self.world.rng, self.staff.per_day / 86_400
        for number, plan in enumerate(self.planned):
            onset = at + 1e-3 + (rng.uniform(0.0, _LAG) * self.after / rate if number else 0.0)
            case = Case(self.world.people, self.staff, onset, plan.magnitude, rng)
            known = [each for each in manners(plan.cause, plan.scope) if plan.manner in ("", each.manner)]
            if not known:
                raise ValueError(f"{plan.cause} does not occur as {plan.manner or 'any'} in {plan.scope}")
            fault = rng.choice(known)(case)
            self.faults.append(fault)
            if fault.roster:
                self.roster.append((onset, fault.roster))
                self._know(fault)

    def _know(self, fault: Fault) -> None:
        """Let a new variant have the base rates of the old one, apart from what is wrong with it."""
        for variant in fault.roster:
            if variant not in self.staff.variants:
                self.world.habits.copy_effect("variant", next(iter(self.staff.variants)), variant)

    def _deploy_in_vain(self, at: float) -> None:
        new = f"{self.world.rng.getrandbits(48):012x}"
        self.world.habits.copy_effect("variant", next(iter(self.staff.variants)), new)
        self.roster.append((at, {new: 1.0}))

    def _place_faults(self, since_onset: Sequence[Question]) -> None:
        for number, (fault, plan) in enumerate(zip(self.faults, self.planned, strict=True)):
            questions = [each for each in since_onset if each.at >= fault.onset]
            for _ in range(_TRIES):
                fault.where = drawn_slice(questions, plan.scope, fault, self.world.rng)
                masks = Masks.of(questions, fault)
                if all(is_apart(fault.where, other.where, masks) for other in self.faults[:number]):
                    break
            else:
                raise NoSuchSliceError("no two slices that are apart")

    def _changes(
        self, since: float, until: float, onset: float
    ) -> tuple[list[ChangeEvent], list[tuple[str, ...]]]:
        found = list(distractions(self.staff, since, until, onset, self.world.rng))
        found += [self._deployment(at) for at, _ in self.roster[1 : len(self.roster) - self._rosters]]
        bringing = [fault.changes() for fault in self.faults]
        aftermath = [each for fault in self.faults for each in fault.aftermath() if each.at < until]
        found += [each for changes in bringing for each in changes] + aftermath
        ids = [tuple(each.id for each in changes) for changes in bringing]
        return _revised(sorted(found, key=lambda each: each.at)), ids

    @property
    def _rosters(self) -> int:
        return sum(bool(fault.roster) for fault in self.faults)

    def _deployment(self, at: float) -> ChangeEvent:
        return ChangeEvent(
            id=f"chg_{self.world.rng.getrandbits(48):012x}",
            at=at,
            kind="variant",
            subject=f"specialists.{self.staff.name}.instructions",
            specialist=self.staff.name,
            before='"Answer in the style of the house."',
            after='"Answer in the style of the house, please."',
        )

    def _served(
        self, questions: Sequence[Question], changes: Sequence[ChangeEvent]
    ) -> tuple[list[RequestRecord], list[Feedback]]:
        rng = self.world.rng
        serving = Serving(self.staff, Usual(self.world.habits, rng), rng)
        records: list[RequestRecord] = []
        feedback: list[Feedback] = []
        revisions = [(each.at, each.rev) for each in changes if each.rev]
        rev = revisions[0][1] - 1 if revisions else 1
        for question in questions:
            while revisions and revisions[0][0] <= question.at:
                rev = revisions.pop(0)[1]
            record, disliked = serving.serve(question, self._bend, rev)
            records.append(record)
            feedback += marks_of(record, question.tenant, disliked, rng)
        return records, feedback

    def _bend(self, draft: Draft, question: Question, place: Place) -> None:
        for fault in self.faults:
            fault.strike(draft, question, place)

    def _truth(self, number: int, questions: Sequence[Question], changes: tuple[str, ...]) -> Truth:
        fault, plan = self.faults[number], self.planned[number]
        since = [each for each in questions if each.at >= fault.onset]
        return Truth(
            specialist=self.staff.name,
            cause=fault.cause,
            manner=fault.manner,
            scope=plan.scope,
            where=fault.where,
            onset=fault.onset,
            magnitude=plan.magnitude,
            requests=frozenset(each.id for each in since if each.is_in(fault.where)),
            changes=changes,
        )


def _revised(changes: Sequence[ChangeEvent]) -> list[ChangeEvent]:
    """Return changes with numbers of revisions; what was changed at one time is one."""
    rev, at, out = 11, 0.0, list[ChangeEvent]()
    for each in changes:
        if each.kind in UNREVISED:
            out.append(each)
            continue
        rev, at = (rev + 1, each.at) if each.at != at else (rev, at)
        out.append(msgspec.structs.replace(each, rev=rev))
    return out
