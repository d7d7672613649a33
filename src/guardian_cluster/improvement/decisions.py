"""Decides what a person's word on an improvement or an investigation leads to: each only from the state it is for.

A decision is compared and set: of two persons who decide at once, one wins, and the other is told what became of it.
"""

from typing import NamedTuple, NoReturn, Protocol

from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.improvement import (
    Lesson,
    QueuedImprovement,
    QueueState,
    SafetyInvestigation,
    ThresholdChange,
)
from guardian_cluster.errors import BadArgument, CommandError, Problem, printable
from guardian_cluster.improvement.investigation import closed, investigation_id
from guardian_cluster.improvement.ports import Conflict, ImprovementStore

_NOTE_CHARACTERS = 2_000
"""A note is a sentence or two."""

SEE = "guardian improvement --help"
SEE_SAFETY = "guardian safety --help"


class ThresholdLedger(Protocol):
    """Where thresholds are put in force; raises CommandError where that cannot be."""

    def adopt(self, change: ThresholdChange, *, improvement_id: str, who: str, at: float) -> None:
        """Put a threshold in force, once for an improvement; nothing is changed where it is not what it was."""
        ...

    def release(self, improvement_id: str, *, who: str, at: float) -> None:
        """Undo the threshold that came of an improvement; one that is undone, or never was, changes nothing."""
        ...

    def holds(self, improvement_id: str) -> bool:
        """Tell whether there is a threshold that came of an improvement and is not undone."""
        ...


class Decision(NamedTuple):
    """Who decides, why, and when in Unix seconds."""

    who: str
    at: float
    note: str = ""


class Decisions:
    """What persons decide about improvements and investigations."""

    def __init__(self, store: ImprovementStore, thresholds: ThresholdLedger, clock: Clock) -> None:
        self._store = store
        self._thresholds = thresholds
        self._clock = clock

    async def approve(self, id: str, *, who: str, note: str = "") -> QueuedImprovement:
        """Say yes to one that waits: a threshold is in force then, whatever else is left to workflow 3.

        A threshold that was approved and not put in force, because the process ended between, is so now.

        Raises:
            CommandError: there is none, or it does not wait; or the threshold is not any more what it was.
        """
        decision = self._decision(who, note)
        item = await self.improvement(id)
        change = item.improvement.change
        is_half_done = item.state == "approved" and isinstance(change, ThresholdChange)
        if not is_half_done:
            item = await self._decide(id, "queued", "approved", decision)
        return await self._in_force(item, change, decision) if isinstance(change, ThresholdChange) else item

    async def reject(self, id: str, *, who: str, note: str = "") -> QueuedImprovement:
        """Say no to one that waits, or was approved and not taken yet; it is not proposed again.

        Raises CommandError; also for a threshold that was approved: it may be in force already, and is to be undone.
        """
        decision = self._decision(who, note)
        item = await self.improvement(id)
        is_taken_back = item.state == "approved" and not isinstance(item.improvement.change, ThresholdChange)
        expected: QueueState = "approved" if is_taken_back else "queued"
        lesson = _lesson(item, decision, "was rejected")
        rejected = await self._decide(id, expected, "rejected", decision, lesson)
        self._let_go(rejected, decision)
        return rejected

    async def undo(self, id: str, *, who: str, note: str = "") -> QueuedImprovement:
        """Undo a threshold that is in force; the one before it is in force again. Raises CommandError.

        One that is in force although its improvement is not applied, because a process ended before it could take it
        back, is undone too; the improvement stays as it is. One that is approved may be on its way, and is left.
        """
        decision = self._decision(who, note)
        item = await self.improvement(id)
        if item.state not in ("applied", "approved") and self._let_go(item, decision):
            return item
        if item.state != "applied" or not isinstance(item.improvement.change, ThresholdChange):
            _refuse(item, "undone", "applied")
        self._thresholds.release(id, who=who, at=decision.at)
        lesson = _lesson(item, decision, "was undone")
        return await self._decide(id, "applied", "undone", decision, lesson)

    async def clear(self, id: str, *, who: str, note: str = "") -> QueuedImprovement:
        """Close an investigation: nothing is to be held against the improvement, which waits in the queue now.

        `id` is that of the investigation or of the improvement. Raises CommandError.
        """
        decision = self._decision(who, note)
        found = await self._open(id)
        done = closed(found, "cleared", who=who, note=decision.note, at=decision.at)
        return await self._decide(found.improvement_id, "investigated", "queued", decision, None, done)

    async def uphold(self, id: str, *, who: str, note: str) -> QueuedImprovement:
        """Close an investigation: the improvement is blocked for good, and a lesson is kept. As `clear`."""
        decision = self._decision(who, note)
        found = await self._open(id)
        item = await self.improvement(found.improvement_id)
        done = closed(found, "upheld", who=who, note=decision.note, at=decision.at)
        lesson = _lesson(item, decision, "was found unsafe")
        return await self._decide(found.improvement_id, "investigated", "blocked", decision, lesson, done)

    async def improvement(self, id: str) -> QueuedImprovement:
        """Return an improvement. Raises CommandError where there is none."""
        item = await self._store.improvement(id)
        if item is None:
            _unknown(f"there is no improvement {printable(id, 40)}", "guardian improvement list", SEE)
        return item

    async def investigation(self, id: str) -> SafetyInvestigation:
        """Return an investigation by its own id or that of its improvement. Raises CommandError where there is none."""
        store = self._store
        found = await store.investigation(id) or await store.investigation(investigation_id(id))
        if found is None:
            _unknown(f"there is no investigation {printable(id, 40)}", "guardian safety list", SEE_SAFETY)
        return found

    async def _in_force(
        self, item: QueuedImprovement, change: ThresholdChange, decision: Decision
    ) -> QueuedImprovement:
        id = item.improvement.id
        try:
            self._thresholds.adopt(change, improvement_id=id, who=decision.who, at=decision.at)
        except CommandError:
            if not self._may_hold(id):  # somebody else may have put it in force at the same time
                failed = decision._replace(note="could not be put in force")
                await self._decide(id, "approved", "queued", failed)
            raise
        try:
            return await self._decide(id, "approved", "applied", decision)
        except BadArgument:
            now = await self.improvement(id)
            if now.state == "applied":
                return now  # somebody else who approved it has come first
            if now.state != "approved":
                self._let_go(now, decision)
            raise

    def _let_go(self, item: QueuedImprovement, decision: Decision) -> bool:
        """Release the threshold of an improvement that is not to be in force; tell whether there was one."""
        id = item.improvement.id
        is_held = isinstance(item.improvement.change, ThresholdChange) and self._thresholds.holds(id)
        if is_held:
            self._thresholds.release(id, who=decision.who, at=decision.at)
        return is_held

    def _may_hold(self, id: str) -> bool:
        try:
            return self._thresholds.holds(id)
        except CommandError:  # approving it again finds out
            return True

    async def _open(self, id: str) -> SafetyInvestigation:
        found = await self.investigation(id)
        if found.outcome != "open":
            said = f"investigation {found.id} is closed: {found.outcome} by {printable(found.who, 40)}"
            raise BadArgument(Problem("improvement-decided", said, see=SEE_SAFETY))
        return found

    async def _decide(
        self,
        id: str,
        expected: QueueState,
        state: QueueState,
        decision: Decision,
        lesson: Lesson | None = None,
        investigation: SafetyInvestigation | None = None,
    ) -> QueuedImprovement:
        try:
            return await self._store.decide(
                id,
                expected=expected,
                state=state,
                who=decision.who,
                note=decision.note,
                at=decision.at,
                lesson=lesson,
                investigation=investigation,
            )
        except KeyError as error:
            said = f"improvement {printable(id, 40)} is not kept any more"
            raise BadArgument(Problem("improvement-unknown", said, see=SEE)) from error
        except Conflict as error:
            item = await self.improvement(id)
            raise _decided(item, f"it would have to be {expected}") from error

    def _decision(self, who: str, note: str) -> Decision:
        return Decision(who, self._clock.now(), note[:_NOTE_CHARACTERS])


def _lesson(item: QueuedImprovement, decision: Decision, what: str) -> Lesson:
    improvement = item.improvement
    said = f"{improvement.reason} It {what} by {decision.who}: {decision.note or 'no reason was given'}"
    return Lesson(
        id=f"l-{improvement.id}-{item.state}",
        at=decision.at,
        specialist=improvement.specialist,
        improvement_id=improvement.id,
        said=said,
    )


def _refuse(item: QueuedImprovement, what: str, needed: QueueState) -> NoReturn:
    raise _decided(item, f"only a threshold that is {needed} can be {what}")


def _decided(item: QueuedImprovement, why: str) -> BadArgument:
    id = item.improvement.id
    if item.state == "investigated":
        said = f"improvement {id} is under investigation; {why}"
        hint = f"guardian safety show {id} tells what is held against it"
        return BadArgument(Problem("improvement-decided", said, hint=hint, see=SEE_SAFETY))
    by = f" by {printable(item.who, 40)}" if item.who and item.state != "queued" else ""
    said = f"improvement {id} is {item.state}{by}; {why}"
    hint = f"guardian improvement show {id} tells what became of it"
    return BadArgument(Problem("improvement-decided", said, hint=hint, see=SEE))


def _unknown(said: str, command: str, see: str) -> NoReturn:
    hint = f"{command} lists all that there are"
    raise BadArgument(Problem("improvement-unknown", said, hint=hint, see=see))
