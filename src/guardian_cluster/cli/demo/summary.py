"""The closing summary: pure figures over the records of all requests, and of nothing else."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from guardian_cluster.contract.records import AttemptRecord, RequestRecord
from guardian_cluster.contract.snapshot import Price

ESCALATED = frozenset({"escalate", "second_opinion"})
"""Decisions of the quality assurance after which another specialist is asked."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one specialist did, over all its attempts."""

    attempts: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was not let out as it was."""

    request: str
    specialist: str
    then: str | None
    """Who was asked next."""
    p_wrong: float
    decision: str
    failed: tuple[str, ...]
    """The checks that did not hold."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict of a watcher."""

    request: str
    detector: str
    rule: str
    action: str


class Strongest(msgspec.Struct, frozen=True, kw_only=True):
    """What the same answers would have cost of the strongest model alone.

    Counted are the tokens of each answer that models gave and that was let out, at its price. What built-in specialists
    answered has no tokens and is left out, so it is rather too low.
    """

    specialist: str
    cost_usd: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the records say."""

    requests: int
    outcomes: dict[str, int]
    attempts: int
    failed_attempts: int
    cost_usd: float
    specialists: dict[str, Share]
    strongest: Strongest
    escalations: tuple[Escalation, ...]
    verdicts: tuple[Finding, ...]
    several: int
    """Requests that several specialists answered together."""


def summarize(records: Sequence[RequestRecord], strongest: str, price: Price) -> Summary:
    """Return what `records` say; `strongest` names the model to compare with, and `price` is its own."""
    attempts = [attempt for record in records for attempt in record.attempts]
    return Summary(
        requests=len(records),
        outcomes=dict(sorted(Counter(record.outcome for record in records).items())),
        attempts=len(attempts),
        failed_attempts=sum(attempt.outcome == "failed" for attempt in attempts),
        cost_usd=sum(record.cost_usd for record in records),
        specialists=_shares(attempts),
        strongest=Strongest(
            specialist=strongest, cost_usd=sum(_cost_usd(answer, price) for answer in _answers(records))
        ),
        escalations=tuple(each for record in records for each in _escalations(record)),
        verdicts=tuple(
            Finding(request=record.id, detector=each.detector, rule=each.rule, action=each.action)
            for record in records
            for each in record.verdicts
        ),
        several=sum(len({part.specialist for part in record.parts}) > 1 for record in records),
    )


def _shares(attempts: Sequence[AttemptRecord]) -> dict[str, Share]:
    names = sorted({attempt.specialist for attempt in attempts})
    return {name: _share([each for each in attempts if each.specialist == name]) for name in names}


def _share(attempts: Sequence[AttemptRecord]) -> Share:
    return Share(
        attempts=len(attempts),
        failed=sum(attempt.outcome == "failed" for attempt in attempts),
        input_tokens=sum(attempt.input_tokens for attempt in attempts),
        output_tokens=sum(attempt.output_tokens for attempt in attempts),
        cost_usd=sum(attempt.cost_usd for attempt in attempts),
    )


def _answers(records: Sequence[RequestRecord]) -> Iterator[AttemptRecord]:
    """Yield the attempts whose answers were let out: of each part, or of the whole, the last that came to its end."""
    for record in records:
        named = [part.specialist for part in record.parts] or [record.specialist]
        for name in named:
            ended = [
                each for each in record.attempts if each.specialist == name and each.outcome in ("ok", "cut")
            ]
            yield from ended[-1:]


def _cost_usd(attempt: AttemptRecord, price: Price) -> float:
    return price.cost_usd(attempt.input_tokens, attempt.output_tokens)


def _escalations(record: RequestRecord) -> Iterator[Escalation]:
    for number, each in enumerate(record.assessments):
        if each.decision not in ESCALATED:
            continue
        later = (other.specialist for other in record.assessments[number + 1 :] if other.part == each.part)
        yield Escalation(
            request=record.id,
            specialist=each.specialist,
            then=next(later, None),
            p_wrong=each.p_wrong,
            decision=each.decision,
            failed=each.failed,
        )
