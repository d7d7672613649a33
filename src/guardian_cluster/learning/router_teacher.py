"""Decides what the router learns from records and feedback, when that is offered, and when it must not be."""

import copy
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.router_model import RouterModel
from guardian_cluster.learning.comparison import Comparison, Lift
from guardian_cluster.learning.labels import Lesson
from guardian_cluster.learning.question_model import QuestionModel
from guardian_cluster.learning.recent import RecentRequests, Remembered

log = logging.getLogger("guardian.learning")

ENOUGH_LESSONS = 20
"""New ones that make a model worth its deployment: fewer hardly move an estimate, and each is a new revision."""

OFFER_S = 30.0
"""The least time between two models, from which a gateway builds its parts anew."""


class AnswerModel(Protocol):
    """Learns of answers how likely they are wrong; `learning/` may not import what knows how to read them."""

    def teach(self, specialist: str, answer: bytes, label: float, weight: float, /) -> None:
        """Take in a verdict (1 is right) on the answer with these features. Raises ValueError for what is none."""
        ...

    def forget_all_but(self, specialists: Collection[str], /) -> None:
        """Drop what was learned of everyone else."""
        ...

    def encode(self) -> bytes:
        """Return the whole model as bytes."""
        ...


@dataclass(slots=True)
class Models:
    """What is learned, of questions and of answers."""

    before: QuestionModel
    after: AnswerModel

    def learn(self, lesson: Lesson) -> None:
        """Take in a lesson; one that is none teaches nothing."""
        try:
            self.before.teach(lesson.specialist, lesson.question, lesson.label, lesson.weight)
            if (
                lesson.answer and lesson.source != "checks"
            ):  # of answers the checks would only hear their own opinion
                self.after.teach(lesson.specialist, lesson.answer, lesson.label, lesson.weight)
        except ValueError as error:
            log.debug("a lesson is none", extra={"reason": str(error)})

    def encode(self) -> RouterModel:
        """Return them as they go into a file."""
        return RouterModel(before=self.before.encode(), after=self.after.encode())


Permitted = Callable[[Remembered], Sequence[Lesson]]
"""Returns what a request teaches of specialists that there are."""


class Draft:
    """What would be offered now. It is made in small steps, so that whoever makes it can do other things between."""

    def __init__(
        self,
        models: Models,
        remembered: Sequence[Remembered],
        permitted: Permitted,
        verdicts: int,
        lift: Lift,
    ) -> None:
        self.models = models
        self.verdicts = verdicts
        """It has learned from so many when all steps are done."""
        self.lift = lift
        self._remembered = remembered
        self._permitted = permitted

    def steps(self) -> Iterator[None]:
        """Learn from what is remembered, one lesson a step: 2 ms, and 4 more when old verdicts fade."""
        for remembered in self._remembered:
            for lesson in self._permitted(remembered):
                self.models.learn(lesson)
                self.verdicts += 1
                yield


class RouterTeacher:
    """Learns from records and from what callers say of the answers in them.

    A request is learned from for good when it is *settled*: an hour old, or pushed out by newer ones. What is
    offered has learned from all the others too, as they stand. So the last word of a caller counts and no other,
    and the order in which reports arrive does not matter as long as they arrive within that hour. Pure: values in,
    values out; the times given are Unix seconds.
    """

    def __init__(
        self,
        new: Callable[[], Models],
        *,
        restored: Models | None = None,
        verdicts: int = 0,
    ) -> None:
        """Learn on from what was `restored`, which had learned from `verdicts`; `new` is for beginning anew."""
        self._new = new
        self._models = restored or new()
        self._verdicts = verdicts
        self._comparison = Comparison()
        self._recent = RecentRequests()
        self._news = 0
        self._offered_at = 0.0
        self._specialists: frozenset[str] | None = None

    @property
    def news(self) -> int:
        """Lessons since the last draft."""
        return self._news

    def remembers(self, request_id: str) -> bool:
        """Return whether a request is still remembered; of another its record has to be shown again."""
        return request_id in self._recent

    def take(self, record: RequestRecord, *, now: float, was_learned: bool = False) -> None:
        """Take in a request, once; `was_learned` tells that it is shown again for what its caller says of it now."""
        self._news += self._recent.add(record, was_learned=was_learned)
        self.settle(now)

    def settle(self, now: float) -> bool:
        """Learn for good from one request that is old enough; return whether there was one."""
        remembered = self._recent.settle(now)
        if remembered is None:
            return False
        self._comparison.take(remembered.record, remembered.score)
        for lesson in self._permitted(remembered):
            self._models.learn(lesson)
            self._verdicts += 1
        return True

    def hear(self, feedback: Feedback) -> None:
        """Take in what a caller said. What is said of a request that is not known waits for it, for a while."""
        self._news += self._recent.mark(feedback)

    def compare(self, record: RequestRecord, score: float | None) -> None:
        """Take in a decision from before the start, to know on what the comparison stood."""
        self._comparison.take(record, score)

    def keep_only(self, specialists: Collection[str]) -> None:
        """Forget every specialist but these, and teach about no other."""
        if frozenset(specialists) == self._specialists:
            return
        self._specialists = frozenset(specialists)
        self._models.before.forget_all_but(self._specialists)
        self._models.after.forget_all_but(self._specialists)

    def is_due(self, now: float) -> bool:
        """Return whether there is enough new for another model."""
        return self._news >= ENOUGH_LESSONS and not 0 <= now - self._offered_at < OFFER_S

    def draft(self, now: float) -> Draft | None:
        """Return what is to be offered; `None` where it is proven that the router does harm, and begin anew."""
        self._news, self._offered_at = 0, now
        lift = self._comparison.lift()
        if lift.is_harm:
            log.error(
                "the router chose worse than a fixed mix: what it learned is withdrawn", extra=lift._asdict()
            )
            self._begin_anew()
            return None
        return Draft(copy.deepcopy(self._models), tuple(self._recent), self._permitted, self._verdicts, lift)

    def _begin_anew(self) -> None:
        self._models, self._comparison, self._verdicts = self._new(), Comparison(), 0
        self._recent.forget()

    def _permitted(self, remembered: Remembered) -> list[Lesson]:
        return [lesson for lesson in remembered.lessons() if self._is_known(lesson.specialist)]

    def _is_known(self, specialist: str) -> bool:
        return self._specialists is None or specialist in self._specialists
