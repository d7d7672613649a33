"""What a client saw of one answer, and the verdict on it: whole, honestly failed, or silently wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from guardian_cluster.simulation.answer import ToolCall
from guardian_cluster.simulation.request import JsonObject, objects_of

Verdict = Literal[
    "complete",
    "continued",
    "cut",
    "refused",
    "in_band_error",
    "silent_truncation",
    "empty_as_success",
    "altered",
    "broken",
    "hung",
]
"""complete: all that was expected, and nothing else. continued: the same, of which by the final facts a part came
from another attempt. cut: not all of it, and the finish reason says so (`length`, `content_filter`). refused: an HTTP
error. in_band_error: an error where an answer was begun. silent_truncation: a part, and nothing tells the client.
empty_as_success: nothing at all, and nothing tells. altered: in good form, but words are there twice, are lost from
the middle, or are another's. broken: the connection failed, or what came is neither JSON nor a stream. hung: nothing
for so long that the client left.
"""

Ending = Literal["clean", "broken_off", "silent", "unreachable"]
"""How the reply ended: as HTTP says; the connection did before it; not in time; there was no connection."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a whole answer holds. With nothing given, any words will do that a finish reason ends."""

    texts: tuple[str, ...] = ()
    """Whole answers, of which any one will do; blanks at both ends do not count."""
    facts: tuple[str, ...] = ()
    """Texts that must be there once each and in this order, where endpoints word their answers differently."""
    tool: str | None = None
    """A tool that is to be called, with arguments that are JSON."""

    def is_whole(self, heard: "Heard") -> bool:
        """Return whether all is there, once and in order."""
        if self.tool is not None:
            return any(call.name == self.tool and is_json(call.arguments) for call in heard.tool_calls)
        if self.texts:
            return heard.text.strip() in {text.strip() for text in self.texts}
        if self.facts:
            return self._holds_facts(heard.text)
        return bool(heard.text.strip() or heard.tool_calls) and heard.finish_reason is not None

    def is_part(self, heard: "Heard") -> bool:
        """Return whether what is there is the beginning of what was expected."""
        if self.tool is not None:
            return all(not is_json(call.arguments) for call in heard.tool_calls)
        if self.texts:
            begun = heard.text.strip()
            return any(text.strip().startswith(begun) for text in self.texts)
        if self.facts:
            there = [fact for fact in self.facts if fact in heard.text]
            return len(there) < len(self.facts) and there == list(self.facts[: len(there)])
        return True

    def _holds_facts(self, text: str) -> bool:
        places = [text.find(fact) for fact in self.facts]
        once = all(text.count(fact) == 1 for fact in self.facts)
        return once and places == sorted(places)


@dataclass(slots=True, kw_only=True)
class Heard:
    """What has come of an answer so far; of several choices the first."""

    status: int | None = None
    """`None` as long as no reply has begun."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """Names in lower case; of several of one name the last."""
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    done: bool = False
    """Whether `[DONE]` came."""
    error: JsonObject | None = None
    """The error object, be it the body of an HTTP error or one inside an answer."""
    malformed: str | None = None
    """What of it could not be read, shortened."""
    ids: tuple[str, ...] = ()
    """Each id that was seen, in order; one where the identity is constant. So for the next two."""
    models: tuple[str, ...] = ()
    created: tuple[int, ...] = ()
    facts: JsonObject | None = None
    """The final facts, `guardian` of the usage chunk; a client of another gateway has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One request as its client saw it."""

    verdict: Verdict
    heard: Heard
    ending: Ending
    first_content_s: float | None
    """From sending to the first words, call or refusal; `None` where none came."""
    longest_silence_s: float
    """The longest time without content, between two pieces of it or before the end; heartbeats do not count."""
    total_s: float

    @property
    def is_answered(self) -> bool:
        """Whether the user has the whole answer."""
        return self.verdict in ("complete", "continued")

    @property
    def is_honest(self) -> bool:
        """Whether the client can tell that what it has is not the answer, or it is."""
        return self.verdict not in ("silent_truncation", "empty_as_success", "altered")

    @property
    def has_one_identity(self) -> bool:
        """Whether id, model and time of creation were the same throughout."""
        return max(len(self.heard.ids), len(self.heard.models), len(self.heard.created)) <= 1

    @property
    def error_code(self) -> str | None:
        """The code of the error, else its type, where there was one."""
        error = self.heard.error or {}
        named = error.get("code") or error.get("type")
        return str(named) if named is not None else None


def verdict_of(heard: Heard, ending: Ending, expected: Expected, facts: Mapping[str, Any] | None) -> Verdict:
    """Return what the client got; `facts` are the request's record, where it is known."""
    if ending == "silent":
        return "hung"
    if heard.status is None:
        return "broken"
    if heard.status != 200:
        return "refused"
    if heard.error is not None:
        return "in_band_error"
    if ending != "clean" or heard.malformed is not None:
        return "broken"
    return _of_success(heard, expected, facts)


def _of_success(heard: Heard, expected: Expected, facts: Mapping[str, Any] | None) -> Verdict:
    """Return the verdict on what a client takes for a whole answer."""
    if expected.is_whole(heard):
        return "continued" if _was_continued(facts) else "complete"
    if not heard.text.strip() and not heard.tool_calls:
        return "empty_as_success"
    if heard.finish_reason == "content_filter":  # whoever filtered may have left any words
        return "cut"
    if not expected.is_part(heard):
        return "altered"
    return "cut" if heard.finish_reason == "length" else "silent_truncation"


def _was_continued(facts: Mapping[str, Any] | None) -> bool:
    attempts = objects_of((facts or {}).get("attempts"))
    return any(attempt.get("continues_at") is not None for attempt in attempts)


def is_json(text: str) -> bool:
    """Return whether a text is one JSON value."""
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True
