"""What a request asks of an endpoint: its key, its kind, its tokens, and how it begins."""

from collections.abc import Sequence
from zlib import crc32

from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.balancing.plan import Candidate, Demand
from guardian_cluster.request.needs import needs_of

ANSWER_TOKENS = 500
"""Reserved for an answer whose request names no bound; the real number is settled when it is known."""

PREFIX_CHARACTERS = 1_024
"""What is looked at of each message."""

PREFIX_MESSAGES = 2
"""The system's and the first of the user: those of one conversation begin alike, and of one application mostly so."""

LEAST_CHARACTERS = 400
"""A shorter beginning is read again in no time by any server."""


def demand_of(request: UserRequest, candidates: Sequence[Candidate], *, affinity: bool) -> Demand:
    """Return it; what none of the candidates needs to be chosen by is not looked for."""
    has_rate = any(each.endpoint.tokens_per_minute is not None for each in candidates)
    return Demand(
        key=request.key or request.tenant,
        streamed=request.streamed,
        tokens=tokens_of(request) if has_rate else 0,
        prefix=prefix_of(request) if affinity and len(candidates) > 1 else None,
    )


def tokens_of(request: UserRequest) -> int:
    """Return the tokens of question and answer, estimated."""
    needs, view = needs_of(request), request.view
    if not isinstance(view, ChatRequest):
        return needs.input_tokens
    most = view.max_completion_tokens or view.max_tokens
    answer = max(0, int(most)) if most is not None else ANSWER_TOKENS
    return needs.input_tokens + answer * max(1, needs.choices)


def prefix_of(request: UserRequest) -> int | None:
    """Return a number for how a conversation begins; `None` where it is too short to be worth a place in a cache."""
    view = request.view
    if not isinstance(view, ChatRequest):
        return None
    texts = [message.text()[:PREFIX_CHARACTERS] for message in view.messages[:PREFIX_MESSAGES]]
    beginning = "\n".join(texts)
    return crc32(beginning.encode("utf-8", "surrogatepass")) if len(beginning) >= LEAST_CHARACTERS else None
