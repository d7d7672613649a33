"""Answers in OpenAI's chat form: one JSON body, or the events of a stream."""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from zlib import crc32

import msgspec

from guardian_cluster.simulation.answer import Answer, ToolCall, token_count, tokens_of
from guardian_cluster.simulation.reply import Piece, PieceKind, Reply
from guardian_cluster.simulation.request import JsonObject, ModelRequest

_encode = msgspec.json.Encoder().encode
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same through one answer, and who gave it."""

    id: str
    created: int  # Unix seconds
    model: str
    fingerprint: str
    provider: str  # sent as `x_provider`, a field that no client knows

    def fields(self, kind: str) -> JsonObject:
        """Return the top-level fields of an object of this kind."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            "service_tier": "default",
            "x_provider": self.provider,
        }


def identifier(prefix: str, rng: Random, length: int = 29) -> str:
    """Return an id of the length and letters that OpenAI uses."""
    return prefix + "".join(rng.choices(_LETTERS, k=length))


def json_reply(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """Return a whole reply with a JSON body."""
    body = _encode(value)
    fields = {"content-type": "application/json", **(headers or {})}
    return Reply(status, fields, (Piece(body),), content_length=len(body))


def error_reply(
    status: int,
    message: str,
    *,
    type: str,
    code: str | None = None,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Return an error in OpenAI's shape."""
    return json_reply({"error": error_fields(message, type=type, code=code, param=param)}, status, headers)


def error_fields(message: str, *, type: str, code: str | None = None, param: str | None = None) -> JsonObject:
    """Return the `error` object that OpenAI's clients read."""
    return {"message": message, "type": type, "param": param, "code": code}


def whole_reply(identity: Identity, request: ModelRequest, answers: Sequence[Answer]) -> Reply:
    """Return all choices in one JSON body."""
    choices = [_whole_choice(identity, request, index, answer) for index, answer in enumerate(answers)]
    body = {**identity.fields("chat.completion"), "choices": choices, "usage": usage_of(request, answers)}
    return json_reply(body)


def stream_reply(
    identity: Identity, request: ModelRequest, answers: Sequence[Answer], characters_per_chunk: int
) -> Reply:
    """Return the choices as a stream, their chunks in turn, with usage where it was asked for."""
    headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    return Reply(200, headers, _Stream(identity, request, answers, characters_per_chunk).events())


def chunk_count(answers: Sequence[Answer], characters_per_chunk: int) -> int:
    """Return how many content chunks a stream of these answers has."""
    return sum(1 for answer in answers for _ in _deltas(answer, characters_per_chunk, ""))


def usage_of(request: ModelRequest, answers: Sequence[Answer]) -> JsonObject:
    """Return the token counts: counted, or as the first answer claims."""
    claimed = answers[0].usage if answers else None
    prompt = claimed.prompt_tokens if claimed else token_count(_spoken_to(request))
    completion = claimed.completion_tokens if claimed else _tokens_spoken(answers)
    reasoning = sum(token_count(answer.reasoning) for answer in answers)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }


class _Stream:
    """The events of one streamed answer."""

    def __init__(
        self, identity: Identity, request: ModelRequest, answers: Sequence[Answer], characters_per_chunk: int
    ) -> None:
        self._fields = identity.fields("chat.completion.chunk")
        self._request = request
        self._answers = answers
        self._size = characters_per_chunk

    def events(self) -> Iterator[Piece]:
        for index, answer in enumerate(self._answers):
            yield self._event("opening", [_chunk_choice(index, _opening_delta(answer))])
        yield from self._content()
        for index, answer in enumerate(self._answers):
            yield self._event("finish", [_chunk_choice(index, {}, finish=answer.finish)])
        if self._request.includes_usage:
            yield self._event("usage", [], usage_of(self._request, self._answers))
        yield Piece(b"data: [DONE]\n\n", "done")

    def _content(self) -> Iterator[Piece]:
        speaking = dict(enumerate(self._speakers()))
        while speaking:
            for index, deltas in list(speaking.items()):
                delta = next(deltas, None)
                if delta is None:
                    del speaking[index]
                    continue
                logprobs = self._logprobs(delta)
                yield self._event("content", [_chunk_choice(index, delta, logprobs=logprobs)])

    def _speakers(self) -> Iterator[Iterator[JsonObject]]:
        for index, answer in enumerate(self._answers):
            yield _deltas(answer, self._size, f"{self._fields['id']}:{index}")

    def _logprobs(self, delta: JsonObject) -> JsonObject | None:
        if not self._request.wants_logprobs:
            return None
        return _logprobs(delta.get("content", ""), delta.get("refusal", ""), self._request.top_logprobs)

    def _event(self, kind: PieceKind, choices: list[JsonObject], usage: JsonObject | None = None) -> Piece:
        body = {**self._fields, "choices": choices}
        if self._request.includes_usage:
            body["usage"] = usage
        return Piece(b"data: " + _encode(body) + b"\n\n", kind)


def _whole_choice(identity: Identity, request: ModelRequest, index: int, answer: Answer) -> JsonObject:
    logprobs = None
    if request.wants_logprobs:
        logprobs = _logprobs(answer.text, answer.refusal, request.top_logprobs)
    message = _message(answer, f"{identity.id}:{index}")
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": answer.finish}


def _message(answer: Answer, seed: str) -> JsonObject:
    speaks_otherwise = bool(answer.tool_calls or answer.function_call or answer.refusal)
    content = answer.text or (None if speaks_otherwise else "")
    message: JsonObject = {"role": "assistant", "content": content, "refusal": answer.refusal or None}
    message["annotations"] = []
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [_whole_call(seed, at, call) for at, call in enumerate(answer.tool_calls)]
    if answer.function_call:
        message["function_call"] = _function(answer.function_call)
    return {**message, **answer.extra}


def _chunk_choice(
    index: int, delta: JsonObject, *, finish: str | None = None, logprobs: JsonObject | None = None
) -> JsonObject:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def _opening_delta(answer: Answer) -> JsonObject:
    content = "" if answer.text else None
    return {"role": "assistant", "content": content, "refusal": None, **answer.extra}


def _deltas(answer: Answer, size: int, seed: str) -> Iterator[JsonObject]:
    """Yield what each chunk adds, channel by channel."""
    yield from ({"reasoning_content": part} for part in _parts(answer.reasoning, size))
    yield from ({"content": part} for part in _parts(answer.text, size))
    yield from ({"refusal": part} for part in _parts(answer.refusal, size))
    for at, call in enumerate(answer.tool_calls):
        opening = {"index": at, "id": _call_id(seed, at), "type": "function"}
        yield {"tool_calls": [{**opening, "function": {"name": call.name, "arguments": ""}}]}
        for part in _parts(call.arguments, size):
            yield {"tool_calls": [{"index": at, "function": {"arguments": part}}]}
    if answer.function_call:
        yield {"function_call": {"name": answer.function_call.name, "arguments": ""}}
        for part in _parts(answer.function_call.arguments, size):
            yield {"function_call": {"arguments": part}}


def _parts(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _whole_call(seed: str, at: int, call: ToolCall) -> JsonObject:
    return {"id": _call_id(seed, at), "type": "function", "function": _function(call)}


def _function(call: ToolCall) -> JsonObject:
    return {"name": call.name, "arguments": call.arguments}


def _call_id(seed: str, at: int) -> str:
    return identifier("call_", Random(f"{seed}:{at}"), 24)


def _logprobs(text: str, refusal: str, alternatives: int) -> JsonObject | None:
    if not text and not refusal:
        return None

    def listed(said: str) -> list[JsonObject] | None:
        return [_token_logprob(token, alternatives) for token in tokens_of(said)] or None

    return {"content": listed(text), "refusal": listed(refusal)}


def _token_logprob(token: str, alternatives: int) -> JsonObject:
    # From the token alone, so that the whole and the streamed form of an answer agree.
    logprob = -(crc32(token.encode()) % 300) / 100
    others = [_candidate(f"{token}{rank}", logprob - rank) for rank in range(1, alternatives)]
    top = [_candidate(token, logprob), *others] if alternatives else []
    return {**_candidate(token, logprob), "top_logprobs": top}


def _candidate(token: str, logprob: float) -> JsonObject:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _spoken_to(request: ModelRequest) -> str:
    values: list[object] = [message.get("content") for message in request.messages]
    return " ".join(value if isinstance(value, str) else _encode(value).decode() for value in values)


def _tokens_spoken(answers: Sequence[Answer]) -> int:
    return sum(token_count(answer.spoken) for answer in answers)
