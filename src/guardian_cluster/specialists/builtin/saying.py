"""Gives the words of a built-in specialist the shape of a model's answer, whole or streamed, line by line."""

from guardian_cluster.contract.snapshot import Endpoint
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.specialists.specialist import Chunk

_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""No model reads or writes anything here, and so there are no tokens to estimate either."""


def said(text: str, request: UserRequest, endpoint: Endpoint, now: float) -> list[Chunk]:
    """Return an answer as the request wants it; `now` is the Unix time it is dated with."""
    shared: Chunk = {"id": f"chatcmpl-{request.id}", "created": int(now), "model": endpoint.model}
    if request.streamed:
        chunk: Chunk = {**shared, "object": "chat.completion.chunk"}
        pieces: list[Chunk] = [{**chunk, "choices": [choice]} for choice in _pieces(text)]
        return [*pieces, {**chunk, "choices": [], "usage": {**_USAGE}}]
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return [{**shared, "object": "chat.completion", "choices": [choice], "usage": {**_USAGE}}]


def _pieces(text: str) -> list[Chunk]:
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": line}, None) for line in text.splitlines(keepends=True)]
    deltas.append(({}, "stop"))
    return [
        {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason} for delta, reason in deltas
    ]
