"""What is said of an answer at its end: whether it is empty, broken off, a loop, or not of the form asked for."""

from collections.abc import Mapping, Sequence
from typing import Literal

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher.answer_scores import Scored
from guardian_cluster.watcher.choice import WatchedChoice
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.schema import FormatCheck
from guardian_cluster.watcher.scoring.answers import HARM, UNGROUNDED

_WORDLESS_ENDS = frozenset({"length", "content_filter", "tool_calls", "function_call"})
"""Finish reasons that explain an answer without a word."""


class Judgement:
    """The checks of a finished answer.

    By then nothing can be cut or redacted, so a finding is recorded as `retry` where the policy asks for
    that and it is still possible, and as `observe` otherwise. What sensors meet while the answer
    goes on is recorded there.
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

    def weigh(self, scored: Sequence[Scored], thresholds: Mapping[str, float]) -> None:
        """Note the scores that are as high as what their detector reports from; after `of`."""
        actions: dict[str, Action | Literal["ignore"]] = {
            HARM: self._policy.on_harm,
            UNGROUNDED: self._policy.on_ungrounded,
        }
        for each in scored:
            threshold, action = thresholds.get(each.detector), actions[each.detector]
            if threshold is not None and each.value >= threshold and action != "ignore":
                self._note_as("score", each.detector, action, each.choice)

    def _soundness(self, choice: WatchedChoice, on_empty: Action) -> list[bool]:
        empty = _is_silent(choice) and choice.finish_reason not in _WORDLESS_ENDS
        truncated = choice.finish_reason == "length"
        if empty:
            self._note("empty", on_empty, choice)
        if truncated:
            self._note("truncated", self._policy.on_truncated, choice)
        return [not empty, not truncated, not choice.shows("repetition")]

    def _formedness(self, choice: WatchedChoice) -> list[bool]:
        """Check the form, unless the answer was broken off, is a call, or says that there is none."""
        if choice.breaks_form:
            return [False]
        if self._format is None or not self.wants_json or choice.kept is None:
            return []
        if choice.finish_reason in _WORDLESS_ENDS or choice.has_tool_call or choice.said_in("refusal"):
            return []
        broken = self._format.violation("".join(choice.kept))
        if broken is not None:
            self._note(f"format-{broken}", self._policy.on_schema_violation, choice)
        return [broken is None]

    def _note(self, rule: str, action: Action, choice: WatchedChoice) -> None:
        self._note_as("answer", rule, action, choice.index)

    def _note_as(self, detector: str, rule: str, action: Action, choice: int) -> None:
        done: Action = "retry" if action == "retry" and self._may_retry else "observe"
        self.retry_wanted |= done == "retry"
        self._ledger.note(detector, rule, done, channel="content", choice=choice)


def _is_silent(choice: WatchedChoice) -> bool:
    """Return whether a choice says nothing; an answer is empty only when all of its choices are."""
    return choice.characters == 0 and not choice.has_tool_call and not choice.has_other


def _share(checks: list[bool]) -> float | None:
    return sum(checks) / len(checks) if checks else None
