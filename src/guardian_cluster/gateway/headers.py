"""The headers of a response: who answered, and what a client needs to know of it.

A small set goes with every answer; `x-guardian-debug: 1` in the request adds the rest. What is known only at
the end of a stream is in its usage chunk and at `GET /v1/requests/{id}`.
"""

from collections.abc import Sequence
from functools import lru_cache

from guardian_cluster.gateway.http import HeaderList
from guardian_cluster.request.answer import Answer
from guardian_cluster.request.balancing.plan import Candidate
from guardian_cluster.request.work import Work


def identity(request_id: str) -> HeaderList:
    """Return the request's id, under both names that clients read: OpenAI's the first, Anthropic's the second."""
    value = request_id.encode()
    return [(b"x-request-id", value), (b"request-id", value)]


def answer_headers(answer: Answer, overhead_s: float, *, debug: bool) -> HeaderList:
    """Return the headers that say who answered."""
    headers = identity(answer.request.id)
    work = answer.work
    if work is None:
        return headers
    headers += _answerers([lead.candidate for lead in work.leads])
    headers += [
        (b"x-guardian-attempts", b"%d" % max(1, sum([each.begun for each in work.executions]))),
        (b"x-guardian-verdict", verdict_summary(answer, work)),
        (b"x-guardian-overhead-ms", b"%.3f" % (1e3 * overhead_s)),
    ]
    return headers + debug_headers(work) if debug else headers


def _answerers(candidates: Sequence[Candidate]) -> HeaderList:
    if len(candidates) == 1:
        (one,) = candidates
        return _answerer(one.specialist.name, one.endpoint.id, one.specialist.variants[0].id)
    return _answerer(
        ",".join(each.specialist.name for each in candidates),
        ",".join(each.endpoint.id for each in candidates),
        ",".join(each.specialist.variants[0].id for each in candidates),
    )


@lru_cache(1_024)
def _answerer(specialist: str, endpoint: str, variant: str) -> HeaderList:
    return [
        (b"x-guardian-specialist", specialist.encode()),
        (b"x-guardian-endpoint", endpoint.encode()),
        (b"x-guardian-variant", variant.encode()),
    ]


def debug_headers(work: Work) -> HeaderList:
    """Return what helps to understand a decision."""
    attempts = [attempt for execution in work.executions for attempt in execution.attempts]
    failures = [f"{attempt.endpoint}={attempt.error}" for attempt in attempts if attempt.error]
    checked = [f"{each.specialist}={each.p_wrong:.2f}:{each.decision}" for each in work.assessments]
    first = work.executions[0].assignment
    alternatives = [other.name for other in first.alternatives]
    reasons = [execution.assignment.reason for execution in work.executions]
    models = [lead.candidate.endpoint.model for lead in work.leads]
    return [
        (b"x-guardian-reason", "; ".join(reasons).encode("ascii", "replace")),
        (b"x-guardian-model", ",".join(models).encode("ascii", "replace")),
        (b"x-guardian-propensity", b"%.4f" % first.propensity),
        (b"x-guardian-failures", ",".join(failures).encode() or b"none"),
        (b"x-guardian-alternatives", ",".join(alternatives).encode() or b"none"),
        (b"x-guardian-checks", ",".join(checked).encode() or b"none"),
    ]


def verdict_summary(answer: Answer, work: Work) -> bytes:
    """Return `watching` while the answer goes on, else `ok` or the findings, as in `deny:redact=2`.

    An answer that ended in an error goes on no more; what was found in it is mostly why.
    """
    if not work.ended and answer.error is None:
        return b"watching"
    verdicts = work.verdicts
    if not verdicts:
        return b"ok"
    counts: dict[str, int] = {}
    for verdict in verdicts:
        name = f"{verdict.detector}:{verdict.action}"
        counts[name] = counts.get(name, 0) + 1
    return ",".join(f"{name}={count}" for name, count in sorted(counts.items())).encode()
