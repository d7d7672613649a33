"""Owns what the codes of failures mean: whose doing each is, in classes that causes are told apart by."""

from collections.abc import Sequence

from guardian_cluster.domain.observation import Observation, Try

QUOTA = frozenset({"upstream_rate_limited", "upstream_unpaid"})
WAITED = frozenset({"upstream_timeout", "deadline_exceeded", "keepalive_timeout"})
SERVER = frozenset({"upstream_error", "upstream_unreachable", "upstream_disconnected"})
UNREADABLE = frozenset({"upstream_malformed", "upstream_empty"})
BROKEN_OFF = frozenset(
    {"upstream_incomplete", "upstream_disconnected", "upstream_error", "upstream_unreachable"}
)
"""Codes that mean a broken answer where a first token had come."""

INCOMPLETE = "upstream_incomplete"
DISCONNECTED = "upstream_disconnected"
WITHHELD = "answer_blocked"
"""A watcher of ours kept an answer back."""

CONFIGURED = frozenset(
    {
        "upstream_credentials_rejected",
        "upstream_not_found",
        "upstream_redirected",
        "upstream_answer_too_large",
        "context_length_exceeded",
        "no_able_specialist",
        "unsupported_capability",
        "over_cost_ceiling",
        "model_not_found",
        "rate_limit_exceeded",
        "budget_exceeded",
    }
)
ROOM = frozenset(
    {
        "upstream_connections_busy",
        "gateway_busy",
        "specialist_busy",
        "solver_busy",
        "internal_error",
        "memory_unavailable",
        "gateway_stopping",
    }
)


def tries_of(observation: Observation) -> Sequence[Try]:
    """Return a request's tries; where nobody was asked, what its caller was told."""
    if observation.tries or not observation.error:
        return observation.tries
    return (Try(endpoint="", outcome="failed", error=observation.error),)


def is_failure(attempt: Try, codes: frozenset[str], begun: bool | None) -> bool:
    """Return whether a try failed with one of these codes; `begun` is whether a first token has to have come."""
    if attempt.outcome == "ok" or attempt.error not in codes:
        return False
    return begun is None or begun == (attempt.first_token_ms is not None)


def is_smooth(observation: Observation) -> bool:
    """Return whether an answer came at the first try: its numbers are those of one attempt."""
    return observation.outcome in ("ok", "cut") and all(each.outcome == "ok" for each in observation.tries)


def is_withheld(observation: Observation) -> bool:
    """Return whether an answer of a request was kept back by a policy: one that has not its form is no answer."""
    is_kept = observation.error == WITHHELD or any(map(is_try_withheld, observation.tries))
    return is_kept and observation.losses.get("format", 0.0) < 1.0


def is_try_withheld(attempt: Try) -> bool:
    """Return whether the answer to one try was cut or kept back."""
    return attempt.outcome == "cut" or attempt.error == WITHHELD
