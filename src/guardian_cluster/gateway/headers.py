"""The headers of a response: who answered, and what a client needs to know of it.

A small set goes with every answer; `x-guardian-debug: 1` in the request adds the rest. What is known only at
the end of a stream is in its usage chunk and at `GET /v1/requests/{id}`.
"""

from functools import lru_cache

from guardian_cluster.gateway.http import HeaderList
from guardian_cluster.request.attempt import Execution
from guardian_cluster.request.workflow import Answer


def identity(request_id: str) -> HeaderList:
    """Return the request's id, under both names that clients read: OpenAI's the first, Anthropic's the second."""
    value = request_id.encode()
    return [(b"x-request-id", value), (b"request-id", value)]


def answer_headers(answer: Answer, overhead_s: float, *, debug: bool) -> HeaderList:
    """Return the headers that say who answered."""
    headers = identity(answer.request.id)
    execution = answer.execution
    if execution is None:
        return headers
    candidate = execution.candidate
    headers += _answerer(
        candidate.specialist.name, candidate.endpoint.id, candidate.specialist.variants[0].id
    )
    headers += [
        (b"x-guardian-attempts", b"%d" % max(1, execution.begun)),
        (b"x-guardian-verdict", verdict_summary(answer, execution)),
        (b"x-guardian-overhead-ms", b"%.3f" % (1e3 * overhead_s)),
    ]
    return headers + debug_headers(answer, execution) if debug else headers


@lru_cache(1_024)
def _answerer(specialist: str, endpoint: str, variant: str) -> HeaderList:
    return [
        (b"x-guardian-specialist", specialist.encode()),
        (b"x-guardian-endpoint", endpoint.encode()),
        (b"x-guardian-variant", variant.encode()),
    ]


def debug_headers(answer: Answer, execution: Execution) -> HeaderList:
    """Return what helps to understand a decision."""
    failures = [f"{attempt.endpoint}={attempt.error}" for attempt in execution.attempts if attempt.error]
    alternatives = [other.name for other in execution.assignment.alternatives]
    return [
        (b"x-guardian-reason", execution.assignment.reason.encode()),
        (b"x-guardian-model", execution.candidate.endpoint.model.encode("ascii", "replace")),
        (b"x-guardian-propensity", b"%.4f" % execution.assignment.propensity),
        (b"x-guardian-failures", ",".join(failures).encode() or b"none"),
        (b"x-guardian-alternatives", ",".join(alternatives).encode() or b"none"),
    ]


def verdict_summary(answer: Answer, execution: Execution) -> bytes:
    """Return `watching` while the answer goes on, else `ok` or the findings, as in `deny:redact=2`.

    An answer that ended in an error goes on no more; what was found in it is mostly why.
    """
    if not execution.ended and answer.error is None:
        return b"watching"
    if not execution.verdicts:
        return b"ok"
    counts: dict[str, int] = {}
    for verdict in execution.verdicts:
        name = f"{verdict.detector}:{verdict.action}"
        counts[name] = counts.get(name, 0) + 1
    return ",".join(f"{name}={count}" for name, count in sorted(counts.items())).encode()
