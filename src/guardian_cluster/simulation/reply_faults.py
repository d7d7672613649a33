"""Faults of the reply: wrong status, an error where an answer should be, bytes that do not parse, no end."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import msgspec

from guardian_cluster.simulation.fault import BodyPlace, Fault, struck
from guardian_cluster.simulation.reply import Piece, Reply, Step
from guardian_cluster.simulation.request import ModelRequest, object_of, objects_of, text_of
from guardian_cluster.simulation.wire import error_fields, error_reply, json_reply

# The start of a string that carries the model's words, in a body or an event.
_WORDS = re.compile(rb'"(?:content|reasoning_content|refusal|arguments)":"')
# Two of the three bytes of a euro sign.
_TRUNCATED = b"\xe2\x82"
_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Reply at once with an error status in OpenAI's shape, or with a proxy's HTML page."""

    status: int
    message: str = "The simulated server fails as it was told to."
    code: str | None = None
    retry_after: str | None = None  # the header's text: seconds, a date, or nonsense
    headers: tuple[tuple[str, str], ...] = ()
    is_html: bool = False

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Replace the reply."""
        headers = _kept_headers(reply) | dict(self.headers)
        if self.retry_after is not None:
            headers["retry-after"] = self.retry_after
        if self.is_html:
            page = f"<html><body><h1>{self.status}</h1>{self.message}</body></html>".encode()
            fields = {"content-type": "text/html", **headers}
            return Reply(self.status, fields, (Piece(page),), content_length=len(page))
        kind = _TYPES.get(self.status, "server_error")
        return error_reply(self.status, self.message, type=kind, code=self.code, headers=headers)


@dataclass(frozen=True, slots=True)
class SoftError(Fault):
    """Reply 200 with an error as its JSON body, also where a stream was asked for."""

    message: str = "The engine is overloaded."
    code: str | None = "overloaded"

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Replace the reply."""
        error = error_fields(self.message, type="server_error", code=self.code)
        return json_reply({"error": error}, headers=_kept_headers(reply))


@dataclass(frozen=True, slots=True)
class StreamError(Fault):
    """End a stream with an error event; a whole reply becomes a soft error."""

    place: BodyPlace = 1
    message: str = "The engine failed while answering."
    code: str | None = "engine_failed"

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Replace what follows the place by the error."""
        if not reply.is_streamed:
            return SoftError(self.message, self.code).change_reply(request, reply)
        error = error_fields(self.message, type="server_error", code=self.code)
        event = b"data: " + msgspec.json.encode({"error": error}) + b"\n\n"
        return struck(reply, self.place, (Piece(event),))


@dataclass(frozen=True, slots=True)
class Malformed(Fault):
    """Send JSON that does not parse: a line of a stream, which then goes on, or a whole body, well framed."""

    place: BodyPlace = 1
    line: bytes = b'data: {"id":"chatcmpl-0","choices":[{"index":0,"delta":{"cont\n\n'

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Put the line in, or cut the body's end off."""
        if reply.is_streamed:
            return struck(reply, self.place, (Piece(self.line),), goes_on=True)
        return _rewritten(reply, lambda body: body[: len(body) * 2 // 3])


@dataclass(frozen=True, slots=True)
class TruncatedText(Fault):
    """Send a character whose last byte is missing: invalid UTF-8 in the words of one chunk or of the body."""

    place: int = 1

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Put the broken character into the words at the place."""
        if reply.is_streamed:
            return replace(reply, body=self._truncated(reply))
        return _rewritten(reply, _with_broken_character)

    def _truncated(self, reply: Reply) -> Iterator[Step]:
        content_chunks = 0
        for step in reply.body:
            if isinstance(step, Piece) and step.kind == "content":
                if content_chunks == self.place:
                    step = replace(step, data=_with_broken_character(step.data))
                content_chunks += 1
            yield step


@dataclass(frozen=True, slots=True)
class CleanCut(Fault):
    """End in good order without the rest: no finish reason, and in a stream no `[DONE]`.

    The most dangerous fault: most clients take what they got for the whole answer.
    """

    place: BodyPlace = 1

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Drop the rest."""
        return struck(reply, self.place, ()) if reply.is_streamed else _rewritten(reply, _half_said)


@dataclass(frozen=True, slots=True)
class NoFinish(Fault):
    """Leave the chunk with the finish reason out of a stream, and send `[DONE]` all the same."""

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Drop the finishing chunks."""
        return _without(reply, "finish")


@dataclass(frozen=True, slots=True)
class NoDone(Fault):
    """Leave `data: [DONE]` out of a stream whose finish reason was sent: complete, though out of form."""

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Drop the last event."""
        return _without(reply, "done")


@dataclass(frozen=True, slots=True)
class WrongContentType(Fault):
    """Call the body something else than it is."""

    content_type: str = "text/html"

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Change the header only."""
        return replace(reply, headers={**reply.headers, "content-type": self.content_type})


def _kept_headers(reply: Reply) -> dict[str, str]:
    """Return the headers that a server sends with every reply, also with a failing one."""
    return {name: value for name, value in reply.headers.items() if name.startswith(("x-", "openai-"))}


def _without(reply: Reply, kind: str) -> Reply:
    kept = (step for step in reply.body if not (isinstance(step, Piece) and step.kind == kind))
    return replace(reply, body=kept)


def _rewritten(reply: Reply, change: Callable[[bytes], bytes]) -> Reply:
    """Return a whole reply with another body, well framed."""
    body = change(b"".join(step.data for step in reply.body if isinstance(step, Piece)))
    return replace(reply, body=(Piece(body),), content_length=len(body))


def _with_broken_character(data: bytes) -> bytes:
    return _WORDS.sub(lambda found: found.group() + _TRUNCATED, data, count=1)


def _half_said(body: bytes) -> bytes:
    completion = object_of(msgspec.json.decode(body))
    for choice in objects_of(completion.get("choices")):
        message = object_of(choice.get("message"))
        said = text_of(message.get("content"))
        message["content"] = said[: len(said) // 2]
        choice["finish_reason"] = None
    return msgspec.json.encode(completion)
