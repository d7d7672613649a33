"""How a request fares: endpoints are asked one after another, as a gateway does, and a record is made of it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from guardian_cluster.contract.records import AttemptRecord, RequestRecord, ScoreRecord, VerdictRecord
from guardian_cluster.simulation.traffic.draft import USUAL_KINDS, Draft, Failure, Usual
from guardian_cluster.simulation.traffic.people import Place, Staff
from guardian_cluster.simulation.traffic.question import Question
from guardian_cluster.statistics.word_numbers import NUMBERS, packed

Bend = Callable[[Draft, Question, Place], None]
"""What faults make of a draft."""

MOST_ATTEMPTS = 3
_PAUSE_MS = 250.0
_CONTINUES = 0.75
"""Streams that another endpoint can go on with where they broke off."""
_LEAVES_AFTER_MS, _LEAVES = 25_000.0, 0.15
"""Of the clients that have waited so long, so many have left."""
_STATUS = {
    "answer_blocked": 400,
    "deadline_exceeded": 504,
    "specialist_busy": 429,
    "upstream_rate_limited": 429,
    "upstream_timeout": 504,
    "upstream_connections_busy": 503,
}
_HASHES, _KEPT = 12, 0.8
"""Of a bad answer; how many of them it shares with others of its kind."""
_CHARACTERS = 4
"""Of a token."""


@dataclass(slots=True)
class Course:
    """What has become of one request so far."""

    question: Question
    place: Place
    duration_ms: float = 0.0
    overhead_ms: float = 0.0
    first_ms: float | None = None
    attempts: list[AttemptRecord] = field(default_factory=list[AttemptRecord])
    verdicts: list[VerdictRecord] = field(default_factory=list[VerdictRecord])
    draft: Draft | None = None
    """The answer that left; `None` as long as there is none."""
    error: str | None = None
    kind: int = 0


class Serving:
    """Serves the questions of one specialist."""

    def __init__(self, staff: Staff, usual: Usual, rng: random.Random) -> None:
        self._staff = staff
        self._usual = usual
        self._rng = rng

    def serve(self, question: Question, bend: Bend, rev: int) -> tuple[RequestRecord, bool]:
        """Return the record of a request, and whether its caller dislikes the answer."""
        course = Course(question, question.place)
        tried: list[Place] = []
        place: Place | None = question.place
        while place is not None:
            course.place = place
            tried.append(place)
            failure = self._ask(course, place, bend)
            place = None if failure is None else self._next(course, failure, tried)
        return self._record(course, rev), self._dislikes(course)

    def _ask(self, course: Course, place: Place, bend: Bend) -> Failure | None:
        question = course.question
        draft = self._usual.draft(question, place)
        bend(draft, question, place)
        course.kind = draft.kind
        course.duration_ms += draft.overhead_ms + draft.waited_ms
        course.overhead_ms += draft.overhead_ms
        if draft.turned_away:
            course.error = draft.turned_away
            return None
        failure = draft.failure or self._late(draft, question)
        if failure is None:
            failure = self._withheld(draft, self._find(course, draft))
        self._note(course, place, draft, failure)
        if failure is None:
            course.draft, course.error = draft, None
        return failure

    def _late(self, draft: Draft, question: Question) -> Failure | None:
        limit = self._staff.first_limit_ms if question.streamed else self._staff.whole_limit_ms
        taken = draft.first_ms if question.streamed else draft.whole_ms
        return Failure("upstream_timeout", after_ms=limit, again=False) if taken > limit else None

    def _find(self, course: Course, draft: Draft) -> list[tuple[str, str, str]]:
        """Note what watchers find in an answer, and return it."""
        question = course.question
        found = list(draft.found)
        if draft.malformed and question.wants_json and draft.finish_reason == "stop" and not draft.refuses:
            found.append(("answer", draft.malformed, "observe" if question.streamed else "retry"))
        if draft.refuses:
            found.append(("answer", "refusal-opener", "observe"))
        if draft.loops:
            found.append(("answer", "repetition", "observe"))
        if draft.finish_reason == "length":
            found.append(("answer", "truncated", "observe"))
        if draft.output_tokens == 0:
            found.append(("answer", "empty", "retry"))
        if draft.leak:
            detector, _, rule = draft.leak.partition("/")
            found.append((detector, rule, "redact"))
        course.verdicts += [_verdict(*each) for each in found]
        return found

    def _withheld(self, draft: Draft, found: Sequence[tuple[str, str, str]]) -> Failure | None:
        wanting = {rule for _, rule, action in found if action == "retry"}
        if not wanting:
            return None
        code = "upstream_empty" if wanting == {"empty"} else "answer_blocked"
        return Failure(code, after_ms=draft.whole_ms, tokens=draft.output_tokens)

    def _note(self, course: Course, place: Place, draft: Draft, failure: Failure | None) -> None:
        duration = draft.whole_ms if failure is None else failure.after_ms
        first = draft.first_ms if failure is None else failure.first_ms
        tokens = draft.output_tokens if failure is None else failure.tokens
        read = draft.input_tokens if failure is None or tokens or first is not None else 0
        begun = course.first_ms is not None
        if first is not None and not begun and course.question.streamed:
            course.first_ms = course.duration_ms + first
        course.duration_ms += duration
        course.attempts.append(
            AttemptRecord(
                specialist=self._staff.name,
                endpoint=place.id,
                outcome="ok" if failure is None else "failed",
                error=None if failure is None else failure.code,
                said="" if failure is None else failure.said,
                duration_ms=duration,
                first_token_ms=first,
                input_tokens=read,
                output_tokens=tokens,
                cost_usd=(read * self._staff.input_usd + tokens * self._staff.output_usd) / 1e6,
                continues_at=_CHARACTERS * course.attempts[-1].output_tokens if begun else None,
            )
        )

    def _next(self, course: Course, failure: Failure, tried: Sequence[Place]) -> Place | None:
        """Return who is asked after a failure, as the gateway's succession decides; `None` is nobody."""
        rng = self._rng
        course.error = failure.code
        begun = course.first_ms is not None
        if len(tried) >= MOST_ATTEMPTS or not failure.elsewhere or (begun and rng.random() > _CONTINUES):
            return None
        others = [place for place in self._staff.places if place not in tried]
        if others:
            return rng.choices(others, [place.share for place in others])[0]
        if not failure.again:
            return None
        course.duration_ms += _PAUSE_MS * 2 ** len(tried)
        return tried[-1]

    def _dislikes(self, course: Course) -> bool:
        draft, rng = course.draft, self._rng
        if draft is None:
            return True
        truncated = draft.finish_reason == "length"
        malformed = bool(draft.malformed) and course.question.wants_json
        unpleasant = draft.refuses * 0.85 + draft.loops * 0.8 + truncated * 0.6 + malformed * 0.5
        return draft.disliked or rng.random() < unpleasant

    def _record(self, course: Course, rev: int) -> RequestRecord:
        question, place, draft = course.question, course.place, course.draft
        outcome = self._outcome(course)
        values = question.values
        committed = course.first_ms is not None
        return RequestRecord(
            id=question.id,
            started=question.at,
            tenant=values["tenant"],
            key=f"{values['tenant']}-key",
            requested_model=self._staff.name,
            streamed=question.streamed,
            specialist=self._staff.name,
            endpoint=place.id,
            variant=values["variant"],
            attempts=tuple(course.attempts),
            verdicts=tuple(course.verdicts),
            scores=tuple([ScoreRecord(detector=name, value=value) for name, value in draft.scores.items()])
            if draft is not None
            else (),
            quality=None if draft is None else _soundness(draft),
            intent_alignment=None if draft is None else _formedness(draft, question),
            outcome=outcome,
            status=200 if course.error is None or committed else _STATUS.get(course.error, 502),
            error=course.error if outcome == "error" else None,
            finish_reason=draft.finish_reason if draft is not None else None,
            input_tokens=sum(each.input_tokens for each in course.attempts),
            output_tokens=sum(each.output_tokens for each in course.attempts),
            cost_usd=sum(each.cost_usd for each in course.attempts),
            duration_ms=course.duration_ms,
            overhead_ms=course.overhead_ms,
            first_token_ms=course.first_ms if question.streamed or draft is None else course.duration_ms,
            chunks=sum(each.output_tokens for each in course.attempts) if question.streamed else 1,
            rev=rev,
            model=place.model,
            language=values["language"],
            template=values["template"],
            words=question.words,
            fingerprint=self._fingerprint(course.kind) if _is_bad(course) else b"",
        )

    def _outcome(self, course: Course) -> Literal["ok", "cut", "error", "cancelled"]:
        if course.duration_ms > _LEAVES_AFTER_MS and self._rng.random() < _LEAVES:
            return "cancelled"
        if course.error is not None:
            return "error"
        return "cut" if any(each.action == "cut" for each in course.verdicts) else "ok"

    def _fingerprint(self, kind: int) -> bytes:
        """Return hashes of an answer: usual kinds are wide, so that two share little; those of a fault share most."""
        rng = self._rng
        kept = _KEPT if kind >= USUAL_KINDS else 0.1
        own = random.Random(kind).choices(range(NUMBERS), k=_HASHES)
        hashes = {each if rng.random() < kept else rng.randrange(NUMBERS) for each in own}
        return packed(sorted(hashes))


def _is_bad(course: Course) -> bool:
    """Return whether something was found in words that were said."""
    said = any(each.output_tokens for each in course.attempts)
    return said and (bool(course.verdicts) or course.error is not None)


def _verdict(detector: str, rule: str, action: str) -> VerdictRecord:
    return VerdictRecord(
        detector=detector,
        rule=rule,
        action=action,  # type: ignore[arg-type]
        channel="content",
        choice=0,
        position=0,
    )


def _soundness(draft: Draft) -> float:
    checks = (draft.output_tokens > 0, draft.finish_reason != "length", not draft.loops)
    return sum(checks) / len(checks)


def _formedness(draft: Draft, question: Question) -> float:
    return 0.5 if question.wants_json and draft.malformed else 1.0
