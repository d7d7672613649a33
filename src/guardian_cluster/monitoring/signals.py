"""What a request loses on each signal, 0 to 1: its record and what its caller said of it become an observation."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from guardian_cluster.contract.records import AttemptRecord, Feedback, RequestRecord, VerdictRecord
from guardian_cluster.domain.observation import Dimension, Observation, Signal, Try
from guardian_cluster.domain.verdict import Action
from guardian_cluster.statistics.word_numbers import unpacked
from guardian_cluster.watcher.guard import LEAKS
from guardian_cluster.watcher.intake_names import REQUEST_NAMES
from guardian_cluster.watcher.scoring.answers import UNGROUNDED

FORMAT_RULES = frozenset({"empty", "truncated", "after-the-end", "choice-number", "too-many-channels"})
"""What watchers call an answer that has not its form (`watcher/judgement.py`, `watcher/watch.py`), besides those below:
it says nothing, or not all, or comes as no honest server sends it."""

FORMAT_KIND = "format-"
"""How the rules begin of an answer that is not the JSON that was asked for: `format-json`, `-object`, `-schema`."""

TOOL_CALL = "tool-call"
"""Detector of calls that no tool of the request takes."""

REFUSAL = "refusal-opener"
"""What watchers call an answer that begins like a refusal."""

FILTERED = "content_filter"
"""Why an answer ended that its provider's filter ended. One that a watcher cut has it as well, and is no refusal."""

WITHHELD = "answer_blocked"
"""The code of an answer that a watcher did not want: it came, and is judged by what was found in it."""

ASKED = "request:"
"""Begins the name of what was found in the request itself; whoever answered it is not to blame for that."""

MAX_VERDICTS = 64
"""Names in an observation; a hostile answer can break more rules, and says nothing more with it."""

MILDEST_FIRST: Sequence[Action] = ("observe", "retry", "redact", "cut")
"""What is done about a finding; what is only noted is delivered."""

ALWAYS_KNOWN: frozenset[Signal] = frozenset({"error", "latency", "cost", "leak"})
"""Signals that are known of a request that failed."""

FOUND_AT_ONCE: frozenset[Signal] = frozenset({"error", "latency", "leak", "refusal", "format"})
"""Signals on which a loss is certain once it has come about, whatever would have followed."""

_OF_ANSWERS = frozenset({"function_call", "audio", "logprobs"})
_OF_REQUESTS = REQUEST_NAMES - _OF_ANSWERS
"""How the places begin in which a request is looked through (`watcher/intake.py`); answers have others."""


class Budgets(msgspec.Struct, frozen=True, kw_only=True):
    """What a request of a specialist may take; `None` is not known yet, and then the signal is not there."""

    whole_ms: float | None = None
    """For an answer in one piece."""
    first_token_ms: float | None = None
    """For the beginning of a streamed one."""
    cost_usd: float | None = None


def observation_of(
    record: RequestRecord,
    feedback: Sequence[Feedback] = (),
    *,
    budgets: Budgets = Budgets(),  # noqa: B008  a frozen value
    topic: str = "",
) -> Observation | None:
    """Return a request as guardians see it; `None` where nobody was asked.

    Of several marks of its own tenant the last one counts; marks of others, or outside 0 to 1, do not.
    """
    if record.specialist is None:
        return None
    mark = _mark(record, feedback)
    done = _done(_own_verdicts(record, record.specialist))
    return Observation(
        id=record.id,
        at=record.started,
        specialist=record.specialist,
        dimensions=_dimensions(record, topic),
        losses=_losses(record, mark, budgets),
        outcome=record.outcome,
        error=record.error or "",
        finish_reason=record.finish_reason or "",
        tries=tuple(map(_try, _own_attempts(record))),
        verdicts=tuple(done),
        done=done,
        scores={each.detector: each.value for each in record.scores},
        feedback=mark,
        fingerprint=unpacked(record.fingerprint),
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        cost_usd=record.cost_usd,
        duration_ms=record.duration_ms,
        first_token_ms=record.first_token_ms,
        overhead_ms=record.overhead_ms,
        moves=record.moves,
        requested=record.requested_model,
    )


def observations_of(
    record: RequestRecord,
    feedback: Sequence[Feedback] = (),
    *,
    budgets: Callable[[str], Budgets],
    topic: str = "",
) -> tuple[Observation, ...]:
    """Return what a request tells of each specialist: of the one whose answer left, and of others that were asked."""
    answered = observation_of(record, feedback, budgets=budgets(record.specialist or ""), topic=topic)
    others = {each.specialist for each in record.attempts if _tells(record, each)} - {record.specialist}
    asked = [_of_other(record, name, budgets(name), topic) for name in sorted(others)]
    return (*([] if answered is None else [answered]), *asked)


def _tells(record: RequestRecord, attempt: AttemptRecord) -> bool:
    """Return whether an attempt tells of a specialist whose answer did not leave: it failed, or its answer was kept.

    Of a request in parts, which nobody answered alone, only failures are told apart.
    """
    has_failed = attempt.outcome == "failed"
    return has_failed or (_has_answered(attempt) and record.specialist is not None)


def _of_other(record: RequestRecord, specialist: str, budgets: Budgets, topic: str) -> Observation:
    """Return a request as it was for a specialist in whose place another one answered.

    It failed; or its answer was withheld for what a watcher found in it; or it answered, and its answer was not the
    best: then its own time is known, and that it did not fail. What it cost is a part of what the request cost.
    """
    tried = [each for each in record.attempts if each.specialist == specialist]
    told = [each for each in tried if _tells(record, each)]
    last = told[-1]
    asked = msgspec.structs.replace(record, model=None, variant=None, endpoint=last.endpoint)
    losses: dict[Signal, float] = {"error": float(any(map(_is_failure, told)))}
    done = dict[str, str]()
    if any(each.error == WITHHELD for each in told):
        found = _found_in(record, specialist)
        losses, done = losses | _of_findings(found), _done(found)
    answered = _has_answered(last)
    waited = None if not answered else _of_held(record, tried, budgets)
    if waited is not None:
        losses["latency"] = waited
    return Observation(
        id=record.id,
        at=record.started,
        specialist=specialist,
        dimensions=_dimensions(asked, topic),
        losses=losses,
        outcome="ok" if answered else "error",
        error=last.error or "",
        tries=tuple(map(_try, tried)),
        verdicts=tuple(done),
        done=done,
        duration_ms=sum(each.duration_ms for each in tried),
        moves=record.moves,
        requested=record.requested_model,
    )


def _of_held(record: RequestRecord, tried: Sequence[AttemptRecord], budgets: Budgets) -> float | None:
    """Return what is lost on latency by an answer that was held: until its first word where it was to be streamed."""
    before, last = tried[:-1], tried[-1]
    took = sum(each.duration_ms for each in before)
    if not record.streamed:
        return _over(took + last.duration_ms, budgets.whole_ms)
    return None if last.first_token_ms is None else _over(took + last.first_token_ms, budgets.first_token_ms)


def _is_failure(attempt: AttemptRecord) -> bool:
    return attempt.outcome == "failed" and attempt.error != WITHHELD


def _has_answered(attempt: AttemptRecord) -> bool:
    return attempt.outcome == "ok"


def _dimensions(record: RequestRecord, topic: str) -> Mapping[Dimension, str]:
    values: dict[Dimension, str | None] = {
        "model": record.model,
        "endpoint": record.endpoint,
        "variant": record.variant,
        "tenant": record.tenant,
        "topic": topic,
        "language": record.language,
        "template": record.template,
        "revision": str(record.rev),
    }
    return {name: value for name, value in values.items() if value}


def _losses(record: RequestRecord, mark: float | None, budgets: Budgets) -> Mapping[Signal, float]:
    """Return what is lost on each signal that applies.

    Of an answer that did not come to its end only what was found in it is known: not that all else is well.
    """
    if record.outcome == "refused":
        return {}
    losses: dict[Signal, float] = {**_of_service(record, budgets), **_of_answer(record, mark)}
    if record.outcome == "ok" or record.outcome == "cut" or record.error == WITHHELD:
        return losses
    # A client that left has seen what it lost until then; what it would have lost is not known.
    kept = ALWAYS_KNOWN if record.outcome == "error" else frozenset[Signal]()
    return {
        name: loss for name, loss in losses.items() if name in kept or (loss == 1.0 and name in FOUND_AT_ONCE)
    }


def _of_service(record: RequestRecord, budgets: Budgets) -> dict[Signal, float]:
    """Return what can be said of any request."""
    failed = any(map(_is_failure, _own_attempts(record)))
    losses: dict[Signal, float | None] = {
        "error": float(failed or _has_failed(record)),
        "latency": _latency(record, budgets),
        "cost": _over(record.cost_usd, budgets.cost_usd),
    }
    return {name: loss for name, loss in losses.items() if loss is not None}


def _of_answer(record: RequestRecord, mark: float | None) -> dict[Signal, float]:
    """Return what can be said of an answer in words."""
    if record.operation != "chat":
        return {} if mark is None else {"quality": 1.0 - mark}
    losses: dict[Signal, float | None] = {
        **_of_findings(_found_in(record, record.specialist)),
        "quality": _lost(record.quality if mark is None else mark),
        "intent_alignment": _lost(record.intent_alignment),
        "groundedness": _groundedness(record),
    }
    if record.finish_reason == FILTERED and record.outcome == "ok":
        losses["refusal"] = 1.0
    return {name: loss for name, loss in losses.items() if loss is not None}


def _of_findings(found: Sequence[VerdictRecord]) -> dict[Signal, float]:
    """Return what is lost on the signals that show in what was found in answers."""
    return {
        "leak": float(any(each.detector in LEAKS for each in found)),
        "refusal": float(any(each.detector == "answer" and each.rule == REFUSAL for each in found)),
        "format": float(any(map(_is_malformed, found))),
    }


def _found_in(record: RequestRecord, specialist: str | None) -> list[VerdictRecord]:
    """Return what was found in the answers of a specialist, or in no single one's."""
    return [each for each in _own_verdicts(record, specialist) if not _is_of_request(each)]


def _own_verdicts(record: RequestRecord, specialist: str | None) -> list[VerdictRecord]:
    """Return what was found, without what others than a specialist are to blame for."""
    others = {each.endpoint for each in record.attempts if each.specialist != specialist}
    return [each for each in record.verdicts if each.endpoint not in others]


def _has_failed(record: RequestRecord) -> bool:
    return record.outcome == "error" and record.error != WITHHELD


def _own_attempts(record: RequestRecord) -> list[AttemptRecord]:
    """Return the attempts of the specialist itself: another one, in whose place it answered, has its own."""
    return [each for each in record.attempts if each.specialist == record.specialist]


def _latency(record: RequestRecord, budgets: Budgets) -> float | None:
    if record.streamed:
        waited = record.first_token_ms if record.first_token_ms is not None else record.duration_ms
        return _over(waited, budgets.first_token_ms)
    return _over(record.duration_ms, budgets.whole_ms)


def _groundedness(record: RequestRecord) -> float | None:
    scores = [each.value for each in record.scores if each.detector == UNGROUNDED]
    return min(max(scores[-1], 0.0), 1.0) if scores else None


def _is_malformed(verdict: VerdictRecord) -> bool:
    if verdict.detector == "answer":
        return verdict.rule in FORMAT_RULES or verdict.rule.startswith(FORMAT_KIND)
    return verdict.detector == TOOL_CALL


def _is_of_request(verdict: VerdictRecord) -> bool:
    """Return whether something was found in the request, not in its answer: the place tells."""
    place = verdict.channel.partition(".")[0].partition("[")[0]
    return place in _OF_REQUESTS or place == "history"


def _named(verdict: VerdictRecord) -> str:
    name = f"{verdict.detector}/{verdict.rule}"
    return ASKED + name if _is_of_request(verdict) else name


def _done(verdicts: Sequence[VerdictRecord]) -> dict[str, str]:
    """Return what was done about each thing that was found: the mildest of all that was done about it."""
    done = dict[str, str]()
    for each in verdicts:
        name = _named(each)
        if name in done:
            done[name] = min(done[name], each.action, key=MILDEST_FIRST.index)
        elif len(done) < MAX_VERDICTS:
            done[name] = each.action
    return done


def _lost(share: float | None) -> float | None:
    return None if share is None else min(max(1.0 - share, 0.0), 1.0)


def _over(value: float, budget: float | None) -> float | None:
    return None if budget is None else float(value > budget)


def _mark(record: RequestRecord, feedback: Sequence[Feedback]) -> float | None:
    """Return the last mark: what was received later, and of what was received at once what was written later."""
    marks = [
        (each.received, number, each.score)
        for number, each in enumerate(feedback)
        if each.request_id == record.id and each.tenant == record.tenant and _is_mark(each.score)
    ]
    return max(marks)[2] if marks else None


def _is_mark(score: float | None) -> bool:
    return score is not None and 0.0 <= score <= 1.0  # NaN is not


def _try(attempt: AttemptRecord) -> Try:
    return Try(
        endpoint=attempt.endpoint,
        outcome=attempt.outcome,
        error=attempt.error or "",
        said=attempt.said,
        duration_ms=attempt.duration_ms,
        first_token_ms=attempt.first_token_ms,
    )
