"""Watch: the transducer that an answer passes on its way out. Chunks in; verdicts and releasable chunks out.

One pass serves streams and whole answers: what the choices say goes through their channels, all else is
searched.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

from guardian_cluster.domain.request import MAX_CHOICES, ChatRequest, Message
from guardian_cluster.domain.verdict import MonitoringReport, Score, Verdict
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.answer_scores import AnswerScores
from guardian_cluster.watcher.channels import Channels
from guardian_cluster.watcher.choice import Part, WatchedChoice
from guardian_cluster.watcher.guard import Guard
from guardian_cluster.watcher.judgement import Judgement
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.sensors import Sensors
from guardian_cluster.watcher.thresholds import NO_THRESHOLDS
from guardian_cluster.watcher.unknown import FINISH_REASONS, Place, UnknownFields

CHUNK_FIELDS = frozenset({"choices", "model"})
"""What needs no watch at the top: choices have their own, and the model's name is replaced by the one asked
for."""
CHOICE_FIELDS = frozenset({"index", "delta", "message", "logprobs"})
_QUIET_FIELDS = CHOICE_FIELDS | {"finish_reason"}
"""Of nearly every choice, whose finish reason is null."""

_EMPTY = frozenset({"id", "object", "created", "model", "choices", "system_fingerprint", "service_tier"})
"""Fields of a chunk that is not sent when nothing is left of its choices."""


_has_ended = attrgetter("ended")
_is_stopped = attrgetter("stopped_by")
_characters_of = attrgetter("characters")


class Watch:
    """The watch over one execution.

    `retry_wanted` turns true when a rule asks for the answer to come from elsewhere; the caller knows whether
    that is still possible. `done` turns true when every choice has been cut, so that nothing more can leave.
    """

    _reader: type[UnknownFields] = UnknownFields
    """What reads fields that are not known here."""

    def __init__(
        self,
        compiled: CompiledPolicy,
        request: ChatRequest,
        thresholds: Mapping[str, float] = NO_THRESHOLDS,
        guard: Guard | None = None,
    ) -> None:
        """Begin a watch; `thresholds` says from which score on a detector reports, `guard` is its place among all."""
        self._compiled = compiled
        self._choices_wanted = request.n or 1
        self._choices: dict[int, WatchedChoice] = {}
        self._ledger = Ledger(guard)
        self._judgement = Judgement(compiled.policy, request, self._ledger)
        self._unknown = self._reader(compiled, self._ledger)
        self._channels = Channels(self._unknown, self._ledger, searched=compiled.strips)
        self._sensors = Sensors(compiled.policy, request)
        self._strips = compiled.strips
        self._top = Place("", 0)
        self._thresholds = thresholds
        self.scores: AnswerScores | None = None
        """Of what is given to them; `None` where nothing is scored."""
        self.retry_wanted = False
        self.done = False

    @property
    def verdicts(self) -> list[Verdict]:
        """What has been found so far."""
        return self._ledger.verdicts

    @property
    def said_something(self) -> bool:
        """Whether content may have left."""
        return self._ledger.said_something

    @property
    def finish_reason(self) -> str | None:
        """The finish reason of the first choice."""
        return next((choice.finish_reason for choice in self._choices.values()), None)

    @property
    def complete(self) -> bool:
        """Whether every choice seen has come to its end, and there is one."""
        return bool(self._choices) and all(map(_has_ended, self._choices.values()))

    @property
    def characters(self) -> int:
        """Characters the model wrote, over all channels and choices."""
        return sum(map(_characters_of, self._choices.values()))

    def feed(self, batch: list[Chunk]) -> list[Chunk]:
        """Take in chunks and return those that may leave, changed where something was held, redacted or cut.

        The chunks are changed in place.
        """
        return [chunk for chunk in batch if self._chunk(chunk)]

    def score(self, messages: Callable[[], Sequence[Message]]) -> AnswerScores | None:
        """Begin to score the answer to these messages, as far as the policy asks for that, and return what does it.

        It is to be given what leaves this watch, and counts when the watch is finished.
        """
        self.scores = AnswerScores.of(self._compiled.policy, messages, self._ledger)
        return self.scores

    def finish(self, *, may_retry: bool) -> MonitoringReport:
        """Judge the answer as a whole, at its end; to be called once.

        Without `may_retry`, for content has left, what only the end shows is noted and nothing is done. A loop
        was cut where it was met, also when it was too late for another answer.
        """
        quality, alignment = self._judgement.of(list(self._choices.values()), may_retry=may_retry)
        scored = self.scores.finish() if self.scores is not None else ()
        self._judgement.weigh(scored, self._thresholds)
        self.retry_wanted |= self._judgement.retry_wanted
        return MonitoringReport(
            verdicts=tuple(self.verdicts),
            scores=tuple([Score(each.detector, each.value) for each in scored]) if scored else (),
            quality=quality,
            intent_alignment=alignment,
            characters=self.characters,
            tripped=any(map(_is_stopped, self._choices.values())),
        )

    def break_off(self) -> MonitoringReport:
        """Report what was found in an answer that has not come to its end; to be called once.

        That it is empty, or not of its form, cannot be said of what is broken off.
        """
        return MonitoringReport(verdicts=tuple(self.verdicts))

    def _chunk(self, chunk: Chunk) -> bool:
        """Return whether anything of the chunk is left to send."""
        choices: list[Chunk] | None = chunk.get("choices")
        if not choices:
            if self._strips:
                self._unknown.strip(chunk, CHUNK_FIELDS, self._top)
            return True
        if self._strips:
            self._unknown.strip_all_but("choices", chunk, CHUNK_FIELDS, self._top)
        kept = [choice for number, choice in enumerate(choices) if self._choice(choice, number)]
        if len(kept) == len(choices):
            return True
        chunk["choices"] = kept
        if kept or chunk.keys() <= _EMPTY or not any(chunk[name] for name in chunk.keys() - _EMPTY):
            return bool(kept)
        if not chunk.get("usage"):  # clients read the first choice of every chunk but that of the counts
            chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": None}]
        return True

    def _choice(self, choice: Chunk, number: int) -> bool:
        """Return whether anything of the choice is left to send."""
        watched = self._watched(choice.get("index", number))
        if watched is None or watched.ended:
            return watched is not None and self._late(choice, watched)
        reason: str | None = choice.get("finish_reason")
        watched.closing = bool(reason)
        message: Part | None = choice.get("message")
        delta: Part | None = choice.get("delta")
        left = not (message or delta)
        if message:
            left |= self._channels.part(message, watched)
        if delta:
            left |= self._channels.part(delta, watched)
        if choice.get("logprobs"):
            left |= self._channels.logprobs(choice["logprobs"], watched)
        is_known = choice.keys() <= _QUIET_FIELDS
        is_quiet = is_known and reason is None
        if self._strips and not (is_quiet or (is_known and reason in FINISH_REASONS)):
            self._unknown.strip(choice, CHOICE_FIELDS, watched.place("choices"))
        if reason or watched.stopped_by is not None:
            self._close(choice, reason, watched)
            return True
        return left or (not is_quiet and any(choice[name] for name in choice.keys() - CHOICE_FIELDS))

    def _watched(self, index: int) -> WatchedChoice | None:
        watched = self._choices.get(index)
        if watched is None:
            if not 0 <= index < MAX_CHOICES:
                self._ledger.note_once("answer", "choice-number", "redact", channel="choices")
                return None
            json = self._judgement.wants_json
            watched = WatchedChoice(
                index, self._compiled, self._ledger, self._unknown, self._sensors, json=json
            )
            self._choices[index] = watched
        return watched

    def _late(self, choice: Chunk, watched: WatchedChoice) -> bool:
        """Leave out, and note, what comes after a choice's end: it could complete what has left."""
        if not self._strips and watched.stopped_by is None:
            return True
        part: Part = choice.get("message") or choice.get("delta") or {}
        if watched.stopped_by is None and any(part[name] for name in part.keys() - {"role"}):
            self._ledger.note_once(
                "answer", "after-the-end", "redact", channel="choices", choice=watched.index
            )
        return False

    def _close(self, choice: Chunk, reason: str | None, watched: WatchedChoice) -> None:
        """End the choice where the model or a rule ends it."""
        whole: Part | None = choice.get("message")
        part: Part = whole if whole is not None else (choice.get("delta") or {})
        watched.end(part, choice)
        if part and whole is None:
            choice["delta"] = part
        if watched.stopped_by is not None or "finish_reason" not in choice:  # the reason itself was withheld
            reason = choice["finish_reason"] = "content_filter"
        watched.finish_reason = reason
        if watched.stopped_by is not None:
            self.retry_wanted |= watched.stopped_by == "retry"
            self.done = self.complete and len(self._choices) >= self._choices_wanted
