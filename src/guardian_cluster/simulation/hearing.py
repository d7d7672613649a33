"""Hears an answer as it comes, as a client of OpenAI's protocol does: one JSON body, or the events of a stream."""

from typing import cast

import msgspec

from guardian_cluster.simulation.answer import ToolCall
from guardian_cluster.simulation.observation import Heard
from guardian_cluster.simulation.request import JsonObject, object_of, objects_of, text_of

MAX_LINE_BYTES = 50_000_000
"""What a gateway lets a whole answer have by default; no line of an honest stream comes near."""

_SHOWN = 80


class Hearing:
    """Takes the bytes of a body as they come; `heard` is what they said so far.

    Nothing here raises on strange bytes: what cannot be read is noted, as `heard.malformed`.
    """

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self._body = bytearray()
        self._data: list[bytes] = []
        self._calls: dict[int, list[str]] = {}
        self._text: list[str] = []

    def take(self, data: bytes) -> bool:
        """Take a piece of the body; return whether there was content in it: words, a call, a refusal."""
        self._body += data
        if not self._is_stream:
            return False
        *lines, rest = bytes(self._body).split(b"\n")
        self._body[:] = rest
        if len(rest) > MAX_LINE_BYTES:
            self._note_malformed(rest)
            self._body.clear()
        return sum(self._take_line(line.removesuffix(b"\r")) for line in lines) > 0

    def end(self) -> bool:
        """Take the end of the body; return whether there was content in what was left.

        An event that no empty line ends is none (HTML standard, 9.2.6), and OpenAI's clients drop it.
        """
        heard_more = bool(self._body) and not self._is_stream and self._take_whole(bytes(self._body))
        self.heard.text = "".join(self._text)
        self.heard.tool_calls = tuple(ToolCall(name, arguments) for name, arguments in self._calls.values())
        return heard_more

    @property
    def _is_stream(self) -> bool:
        return self.heard.headers.get("content-type", "").startswith("text/event-stream")

    def _take_line(self, line: bytes) -> bool:
        """Take a line of a stream: an empty one ends an event, comments and other fields say nothing here."""
        if not line:
            return self._take_event() if self._data else False
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        return False

    def _take_event(self) -> bool:
        data, self._data = b"\n".join(self._data), []
        if self.heard.done:  # clients stop reading there
            return False
        if data.strip() == b"[DONE]":
            self.heard.done = True
            return False
        chunk = self._object(data)
        return chunk is not None and self._take_answer(chunk, "delta")

    def _take_whole(self, body: bytes) -> bool:
        answer = self._object(body)
        return answer is not None and self._take_answer(answer, "message")

    def _take_answer(self, answer: JsonObject, part: str) -> bool:
        heard = self.heard
        if answer.get("error"):
            heard.error = heard.error or _error_of(answer["error"])
            return False
        _note_identity(heard, answer)
        if isinstance(answer.get("guardian"), dict):
            heard.facts = object_of(answer["guardian"])
        firsts = [choice for choice in objects_of(answer.get("choices")) if not choice.get("index")]
        return sum(self._take_choice(choice, object_of(choice.get(part))) for choice in firsts) > 0

    def _take_choice(self, choice: JsonObject, said: JsonObject) -> bool:
        reason = text_of(choice.get("finish_reason"))
        self.heard.finish_reason = reason or self.heard.finish_reason
        words = text_of(said.get("content")) + text_of(said.get("refusal"))
        self._text.append(words)
        calls = [
            self._take_call(call, number) for number, call in enumerate(objects_of(said.get("tool_calls")))
        ]
        return bool(words) or any(calls)

    def _take_call(self, call: JsonObject, number: int) -> bool:
        function = object_of(call.get("function"))
        index = call.get("index")
        known = self._calls.setdefault(index if isinstance(index, int) else number, ["", ""])
        known[0] += text_of(function.get("name"))
        known[1] += text_of(function.get("arguments"))
        return bool(function)

    def _object(self, data: bytes) -> JsonObject | None:
        try:
            found: object = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self._note_malformed(data)
            return None
        return cast("JsonObject", found)

    def _note_malformed(self, data: bytes) -> None:
        self.heard.malformed = self.heard.malformed or data[:_SHOWN].decode(errors="replace")


def _error_of(error: object) -> JsonObject:
    """Return an error object; some servers send a bare text."""
    return object_of(error) or {"message": str(error)[:_SHOWN]}


def _note_identity(heard: Heard, answer: JsonObject) -> None:
    ident, model, created = answer.get("id"), answer.get("model"), answer.get("created")
    if isinstance(ident, str) and ident not in heard.ids:
        heard.ids += (ident,)
    if isinstance(model, str) and model not in heard.models:
        heard.models += (model,)
    if isinstance(created, int) and created not in heard.created:
        heard.created += (created,)
