"""Watch: the transducer that an answer passes on its way out. Chunks in; verdicts and releasable chunks out.

One pass serves streams and whole answers. Every channel that can carry the model's words is walked: content, reasoning,
refusal, tool calls and legacy function calls (their arguments as their reader will decode them), log probabilities, audio
transcripts, and every field that is not known here.
"""

from collections.abc import Set as AbstractSet
from typing import Any, cast

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.choice import TEXT_CHANNELS, Part, WatchedChoice
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.schema import FormatCheck
from guardian_cluster.watcher.unknown import HarmlessTexts, UnknownFields

_CHUNK_FIELDS = frozenset({"choices", "model"})
"""What needs no watch at the top: choices have their own, and the model's name is replaced by the one asked for."""
_CHOICE_FIELDS = frozenset({"index", "delta", "message", "logprobs"})
_LOGPROB_FIELDS = frozenset({"content", "refusal"})
_TOOL_FIELDS = frozenset({"index", "function", "custom"})
_CALL_FIELDS = frozenset({"name", "arguments", "input"})


class CompiledPolicy:
    """A policy with its patterns compiled; made once, shared by every watch."""

    def __init__(self, policy: WatchPolicy) -> None:
        self.policy = policy
        self.patterns = Patterns.of(policy)
        self.byte_patterns = self.patterns.as_bytes()
        self.harmless = HarmlessTexts()


class Watch:
    """The watch over one execution.

    `retry_wanted` turns true when a rule asks for the answer to come from elsewhere; the caller knows whether that is still
    possible. `done` turns true when every choice has been cut, so that nothing more can leave. `said_something` turns true
    with the first content that may leave.
    """

    def __init__(self, compiled: CompiledPolicy, request: ChatRequest) -> None:
        self._policy = compiled.policy
        self._patterns = compiled.patterns
        self._byte_patterns = compiled.byte_patterns
        self._request = request
        self._format = FormatCheck(request.response_format) if request.response_format is not None else None
        self._texts: dict[int, list[str]] = {}
        self._choices: dict[int, WatchedChoice] = {}
        drop = compiled.policy.unknown_fields == "drop"
        self._unknown = UnknownFields(compiled.patterns, compiled.harmless, drop=drop)
        self._strips = drop or bool(compiled.patterns.rules)
        self.verdicts: list[Verdict] = []
        self.retry_wanted = False
        self.done = False
        self.said_something = False

    @property
    def finish_reason(self) -> str | None:
        """The finish reason of the first choice."""
        return next((choice.finish_reason for choice in self._choices.values()), None)

    @property
    def complete(self) -> bool:
        """Whether every choice seen has come to its end, and there is one."""
        return bool(self._choices) and all(choice.ended for choice in self._choices.values())

    @property
    def characters(self) -> int:
        """Characters the model wrote, over all channels and choices."""
        return sum(choice.characters for choice in self._choices.values())

    def feed(self, batch: list[Chunk]) -> list[Chunk]:
        """Take in chunks and return those that may leave, changed where something was held, redacted or cut.

        The chunks are changed in place.
        """
        return [chunk for chunk in batch if self._chunk(chunk)]

    def finish(self) -> MonitoringReport:
        """Judge the answer as a whole, at its end."""
        quality, alignment = self._judge()
        return MonitoringReport(
            verdicts=tuple(self.verdicts),
            quality=quality,
            intent_alignment=alignment,
            characters=self.characters,
            tripped=self.retry_wanted or any(verdict.action in ("cut", "retry") for verdict in self.verdicts),
        )

    def _chunk(self, chunk: Chunk) -> bool:
        """Return whether anything of the chunk is left to send."""
        self._strip(chunk, _CHUNK_FIELDS, "")
        choices = cast("list[Chunk] | None", chunk.get("choices"))
        if not choices:
            return True
        kept = [choice for choice in choices if self._choice(choice)]
        if len(kept) != len(choices):
            chunk["choices"] = kept
        return bool(kept) or bool(chunk.get("usage"))

    def _choice(self, choice: Chunk) -> bool:
        index = choice.get("index", 0)
        watched = self._choices.get(index)
        if watched is None:
            watched = WatchedChoice(index, self._patterns, self._byte_patterns, self.verdicts)
            self._choices[index] = watched
        if watched.ended:
            return False
        whole = choice.get("message")
        part = cast("Part", whole or choice.get("delta") or {})
        said_something = self._part(part, watched)
        tokens = self._logprobs(choice, watched)
        self._strip(choice, _CHOICE_FIELDS, f"choices.{index}")
        return self._close(choice, part, watched) or said_something or tokens

    def _close(self, choice: Chunk, part: Part, watched: WatchedChoice) -> bool:
        """End the choice where the model or a rule ends it; return whether it ended."""
        reason = choice.get("finish_reason")
        if watched.stopped_by is None and reason is None:
            return False  # a whole message too: well-formed halves of answers have no reason for their end
        watched.end(part, choice)
        if watched.stopped_by is not None:
            reason = choice["finish_reason"] = "content_filter"
            self.retry_wanted |= watched.stopped_by == "retry"
            self.done = self.complete
        watched.finish_reason = reason
        if part and "message" not in choice:
            choice["delta"] = part
        return True

    def _part(self, part: Part, watched: WatchedChoice) -> bool:
        """Pass a delta or message through its lanes; return whether anything of it is left to send."""
        left = not part
        for key in tuple(part):
            value = part[key]
            if value is None or key == "role":
                left = True
            elif key in TEXT_CHANNELS and isinstance(value, (str, list)):
                left |= self._text(part, key, value, watched)
            elif key == "tool_calls":
                left |= self._tool_calls(cast("list[Part]", value), watched)
            elif key == "function_call":
                left |= self._call(cast("Part", value), "function_call", watched)
            elif key == "audio":
                left |= self._audio(cast("Part", value), watched)
            else:
                self._strip(part, part.keys() - {key}, f"choices.{watched.index}")
                left |= key in part
        return left

    def _text(self, part: Part, key: str, value: Any, watched: WatchedChoice) -> bool:
        if isinstance(value, list):  # parts, as some servers send content
            pieces = cast("list[Part]", value)
            for piece in pieces:
                self._strip(piece, {"text"}, f"choices.{watched.index}.{key}")
            left = [self._field(piece, "text", key, watched) or "text" not in piece for piece in pieces]
            return any(left)
        if key == "content" and self._format is not None:
            self._texts.setdefault(watched.index, []).append(value)
        return self._field(part, key, key, watched)

    def _field(
        self, part: Part, key: str, lane: str, watched: WatchedChoice, *, escaped: bool = False
    ) -> bool:
        """Pass one string through its lane; return whether there is anything to send of it."""
        written = part.get(key)
        if not isinstance(written, str):
            return False
        released = watched.write(lane, written, escaped=escaped)
        if released:
            self.said_something = True
        if released != written:
            part[key] = released
        return bool(released) or not written

    def _audio(self, audio: Part, watched: WatchedChoice) -> bool:
        self._strip(audio, {"transcript", "data"}, f"choices.{watched.index}.audio")
        said = self._field(audio, "transcript", "audio.transcript", watched)
        self.said_something |= "data" in audio
        return said or "data" in audio

    def _tool_calls(self, calls: list[Part], watched: WatchedChoice) -> bool:
        left = False
        for number, call in enumerate(calls):
            place = watched.tool(call.get("index", number))
            if call.get("index", place) != place:
                call["index"] = place
            self._strip(call, _TOOL_FIELDS, f"choices.{watched.index}.tool_calls")
            name = f"tool_calls.{place}"
            for kind in ("function", "custom"):
                if isinstance(call.get(kind), dict):
                    left |= self._call(cast("Part", call[kind]), f"{name}.{kind}", watched)
            left |= "id" in call
        return left

    def _call(self, call: Part, name: str, watched: WatchedChoice) -> bool:
        watched.has_tool_call = True
        self._strip(call, _CALL_FIELDS, f"choices.{watched.index}.{name}")
        return any(
            [
                self._field(call, "name", f"{name}.name", watched),
                self._field(call, "arguments", f"{name}.arguments", watched, escaped=True),
                self._field(call, "input", f"{name}.input", watched),
            ]
        )

    def _logprobs(self, choice: Chunk, watched: WatchedChoice) -> bool:
        logprobs = choice.get("logprobs")
        if not isinstance(logprobs, dict):
            return False
        fields = cast("dict[str, list[dict[str, Any]] | None]", logprobs)
        self._strip(fields, _LOGPROB_FIELDS, f"choices.{watched.index}.logprobs")
        left = False
        for key in ("content", "refusal"):
            entries = fields.get(key)
            if entries:
                fields[key] = watched.tokens(key, entries)
                left |= bool(fields[key])
        return left

    def _strip(self, holder: dict[str, Any], known: AbstractSet[str], path: str) -> None:
        """Take out of an object the unknown fields that may not leave."""
        if self._strips and not holder.keys() <= known:
            self.verdicts += self._unknown.strip(holder, known, path)

    def _judge(self) -> tuple[float | None, float | None]:
        """Check the finished answer; note what is wrong and return the share of checks that held, in quality and in form."""
        held: list[bool] = []
        formed: list[bool] = [len(self._choices) == (self._request.n or 1)]
        for choice in self._choices.values():
            empty = (
                choice.characters == 0 and not choice.has_tool_call and choice.finish_reason in ("stop", None)
            )
            truncated = choice.finish_reason == "length"
            held += [not empty, not truncated, not choice.looped]
            self._note_if(empty, "empty", self._policy.on_empty, choice)
            self._note_if(truncated, "truncated", self._policy.on_truncated, choice)
            for lane in choice.looped:
                self._note_if(
                    True, "repetition", self._policy.on_repetition, choice, lane.name, lane.loop_at or 0
                )
            if self._format is not None and not truncated and not choice.has_tool_call:
                broken = self._format.violation("".join(self._texts.get(choice.index, ())))
                formed.append(broken is None)
                self._note_if(
                    broken is not None, f"format-{broken}", self._policy.on_schema_violation, choice
                )
        return _share(held), _share(formed)

    def _note_if(
        self,
        found: bool,
        rule: str,
        action: Any,
        choice: WatchedChoice,
        channel: str = "content",
        position: int = 0,
    ) -> None:
        if not found:
            return
        self.retry_wanted |= action == "retry"
        verdict = Verdict(
            detector="answer",
            rule=rule,
            action=action,
            channel=channel,
            choice=choice.index,
            position=position,
        )
        self.verdicts.append(verdict)


def _share(checks: list[bool]) -> float | None:
    return sum(checks) / len(checks) if checks else None
