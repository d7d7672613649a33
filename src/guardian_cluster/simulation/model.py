"""What a healthy OpenAI-compatible server replies on each of its routes."""

import base64
import struct
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import cast

from guardian_cluster.domain.clock import Clock
from guardian_cluster.simulation import wire
from guardian_cluster.simulation.answer import Answer, token_count
from guardian_cluster.simulation.pace import Pace
from guardian_cluster.simulation.reply import Reply
from guardian_cluster.simulation.request import JsonObject, ModelRequest
from guardian_cluster.simulation.script import Script
from guardian_cluster.simulation.wire import Identity, error_reply, json_reply

# 2023-11-14: a date that listed models may well have.
_MODEL_CREATED = 1_700_000_000
_DIMENSIONS = 8


class Model:
    """Answers requests without any I/O; the server plays what it returns.

    Every model name is served; `models` is what is listed. With an `api_key` other keys get 401.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str,
        models: tuple[str, ...],
        api_key: str | None,
        pace: Pace,
        rng: Random,
        clock: Clock,
    ) -> None:
        self.script = script
        self.pace = pace
        self._name = name
        self._models = models
        self._api_key = api_key
        self._rng = rng
        self._clock = clock
        self._fingerprint = f"fp_{rng.getrandbits(40):010x}"

    def reply(self, request: ModelRequest, change: Callable[[Answer], Answer]) -> Reply:
        """Return the reply to a request; `change` is applied to every answer before it takes wire form."""
        reply = self._refused(request) or self._routed(request, change)
        headers = {
            **reply.headers,
            "x-request-id": wire.identifier("req_", self._rng, 24),
            "openai-processing-ms": "1",
            "openai-version": "2020-10-01",
        }
        return replace(reply, headers=headers)

    def _refused(self, request: ModelRequest) -> Reply | None:
        if self._api_key is None or request.headers.get("authorization") == f"Bearer {self._api_key}":
            return None
        message = "Incorrect API key provided: send the key of this endpoint."
        return error_reply(401, message, type="invalid_request_error", code="invalid_api_key")

    def _routed(self, request: ModelRequest, change: Callable[[Answer], Answer]) -> Reply:
        if request.path == "/v1/models" or request.path.startswith("/v1/models/"):
            return self._allowed(request, "GET") or self._list_models(request)
        if request.path == "/v1/chat/completions":
            return self._allowed(request, "POST") or self._chat(request, change)
        if request.path == "/v1/embeddings":
            return self._allowed(request, "POST") or self._embed(request)
        message = f"Unknown path {request.path}: this server has /v1/chat/completions, /embeddings, /models."
        return error_reply(404, message, type="invalid_request_error", code="unknown_url")

    def _allowed(self, request: ModelRequest, method: str) -> Reply | None:
        if request.method == method:
            return None
        message = f"{request.method} is not allowed on {request.path}: use {method}."
        return error_reply(405, message, type="invalid_request_error", headers={"allow": method})

    def _list_models(self, request: ModelRequest) -> Reply:
        if request.path == "/v1/models":
            return json_reply({"object": "list", "data": [self._listed(name) for name in self._models]})
        name = request.path.removeprefix("/v1/models/")
        if name in self._models:
            return json_reply(self._listed(name))
        message = f"The model '{name}' does not exist: ask GET /v1/models for those that do."
        return error_reply(404, message, type="invalid_request_error", code="model_not_found", param="model")

    def _listed(self, name: str) -> JsonObject:
        return {"id": name, "object": "model", "created": _MODEL_CREATED, "owned_by": self._name}

    def _chat(self, request: ModelRequest, change: Callable[[Answer], Answer]) -> Reply:
        if not request.model or not request.messages:
            return _missing("model" if not request.model else "messages")
        answers = [change(self.script(replace(request, choice=at))) for at in range(request.choices)]
        identity = self._identity(request)
        size = self.pace.characters_per_chunk
        if request.is_streamed:
            reply = wire.stream_reply(identity, request, answers, size)
        else:
            reply = wire.whole_reply(identity, request, answers)
        return self.pace.paced(reply, lambda: wire.chunk_count(answers, size), self._rng)

    def _identity(self, request: ModelRequest) -> Identity:
        return Identity(
            id=wire.identifier("chatcmpl-", self._rng),
            created=int(self._clock.now()),
            model=request.model,
            fingerprint=self._fingerprint,
            provider=self._name,
        )

    def _embed(self, request: ModelRequest) -> Reply:
        texts = _texts_to_embed(request.body.get("input"))
        if not request.model or not texts:
            return _missing("model" if not request.model else "input")
        encode = _as_base64 if request.body.get("encoding_format") == "base64" else list[float]
        asked = request.body.get("dimensions")
        dimensions = min(max(asked, 1), 4096) if isinstance(asked, int) else _DIMENSIONS
        vectors = [encode(embedding_of(text, dimensions)) for text in texts]
        data = [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)]
        tokens = sum(token_count(text) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        body = {"object": "list", "data": data, "model": request.model, "usage": usage}
        return self.pace.paced(json_reply({**body, "x_provider": self._name}), lambda: 1, self._rng)


def embedding_of(text: str, dimensions: int = _DIMENSIONS) -> list[float]:
    """Return the vector of a text: the same text always has the same, whatever the server."""
    rng = Random(text)
    # Rounded to what a 32-bit float holds, so that both encodings give the same numbers.
    return [round(rng.uniform(-1, 1) * 1024) / 1024 for _ in range(dimensions)]


def _missing(field: str) -> Reply:
    message = f"The request has no usable '{field}': send a JSON object with it."
    return error_reply(400, message, type="invalid_request_error", param=field)


def _as_base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _texts_to_embed(given: object) -> list[str]:
    """Return one text per vector to make: the input is a text, texts, token ids, or lists of token ids."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list):
        return []
    entries = cast("list[object]", given)
    if entries and isinstance(entries[0], int):
        return [str(entries)]
    return [entry if isinstance(entry, str) else str(entry) for entry in entries]
