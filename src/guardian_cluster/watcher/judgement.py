"""What is said of an answer at its end: whether it is empty, broken off, a loop, or not of the form asked for."""

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher.choice import WatchedChoice
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.schema import FormatCheck

_WORDLESS_ENDS = frozenset({"length", "content_filter", "tool_calls", "function_call"})
"""Finish reasons that explain an answer without a word."""


class Judgement:
    """The checks of a finished answer.

    By then nothing can be cut or redacted, so a finding is recorded as `retry` where the policy asks for
    that and it is still possible, and as `observe` otherwise. A loop is met while the answer goes on, and is
    recorded with what was done about it.
    """

    def __init__(self, policy: WatchPolicy, request: ChatRequest, ledger: Ledger) -> None:
        self.retry_wanted = False
        self._policy = policy
        self._ledger = ledger
        self._may_retry = False
        self._choices_wanted = request.n or 1
        self._format = FormatCheck(request.response_format) if request.response_format is not None else None

    @property
    def wants_json(self) -> bool:
        """Whether the content is to be JSON."""
        return self._format is not None and self._format.must_be_json

    def of(self, choices: list[WatchedChoice], *, may_retry: bool) -> tuple[float | None, float | None]:
        """Note what is wrong; return the share of checks that held, in quality and in form.

        `may_retry` tells whether another answer could still take this one's place.
        """
        self._may_retry = may_retry
        on_empty = self._policy.on_empty if all(map(_is_silent, choices)) else "observe"
        sound: list[bool] = []
        formed = [len(choices) == self._choices_wanted]
        for choice in choices:
            sound += self._soundness(choice, on_empty)
            formed += self._formedness(choice)
        return _share(sound), _share(formed)

    def note_loops(self, choice: WatchedChoice) -> None:
        """Note where a choice repeats itself, with what was done about it."""
        for lane in choice.looped:
            stopped = lane.ends_at == lane.loop_at
            action = self._policy.on_repetition if stopped else "observe"
            self._ledger.note(
                "answer",
                "repetition",
                action,
                channel=lane.name,
                choice=choice.index,
                position=lane.loop_at or 0,
            )

    def _soundness(self, choice: WatchedChoice, on_empty: Action) -> list[bool]:
        empty = _is_silent(choice) and choice.finish_reason not in _WORDLESS_ENDS
        truncated = choice.finish_reason == "length"
        if empty:
            self._note("empty", on_empty, choice)
        if truncated:
            self._note("truncated", self._policy.on_truncated, choice)
        self.note_loops(choice)
        return [not empty, not truncated, not choice.looped]

    def _formedness(self, choice: WatchedChoice) -> list[bool]:
        """Check the form, unless the answer was broken off, is a call, or says that there is none."""
        if self._format is None or not self.wants_json or choice.kept is None:
            return []
        if choice.finish_reason in _WORDLESS_ENDS or choice.has_tool_call or choice.said_in("refusal"):
            return []
        broken = self._format.violation("".join(choice.kept))
        if broken is not None:
            self._note(f"format-{broken}", self._policy.on_schema_violation, choice)
        return [broken is None]

    def _note(self, rule: str, action: Action, choice: WatchedChoice) -> None:
        done: Action = "retry" if action == "retry" and self._may_retry else "observe"
        self.retry_wanted |= done == "retry"
        self._ledger.note("answer", rule, done, channel="content", choice=choice.index)


def _is_silent(choice: WatchedChoice) -> bool:
    """Return whether a choice says nothing; an answer is empty only when all of its choices are."""
    return choice.characters == 0 and not choice.has_tool_call and not choice.has_other


def _share(checks: list[bool]) -> float | None:
    return sum(checks) / len(checks) if checks else None
