"""Says of one text what each detector finds in it, what a policy does about that, and what would leave.

Nothing is decided here: the watch is the one that answers pass, fed as a stream is. What the policy ignores is looked
for as well, by watches of their own that do nothing. Of what was found no more is shown than tells it from others.
"""

import random
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from guardian_cluster.contract.snapshot import DetectorThreshold, WatchPolicy
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import RequestBlocked
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.domain.verdict import Verdict
from guardian_cluster.watcher.intake import Intake
from guardian_cluster.watcher.intake_injection import KnownScores
from guardian_cluster.watcher.intake_rules import IntakeRules
from guardian_cluster.watcher.invisible import hidden_text
from guardian_cluster.watcher.planned import (
    NOTHING_DONE,
    Planned,
    looking_for_all,
    planned_for_answer,
    planned_for_input,
)
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.redaction import Redaction
from guardian_cluster.watcher.rehearsal import Passed, Rehearsal, Streamed
from guardian_cluster.watcher.repetition import period_of
from guardian_cluster.watcher.scanner import RuleSet, Scanner
from guardian_cluster.watcher.scored import Scored, injection_from, scores_of_answer, scores_of_input
from guardian_cluster.watcher.secrets import shipped

_SHOWN = 4
_SHOWN_SHARE = 4
"""Of what was found, so many characters are shown and at most this part of it: 4 of a password of 8 would be half."""

_BEFORE, _AFTER = 256, 8_192
"""Characters around a finding in which its end is looked for."""

_HIDDEN = 80

_BY_PLACE = frozenset({"deny", "canary", "secret", "personal-data"})
"""Detectors that say where something begins; the others say where it showed."""

_Plan = Callable[[WatchPolicy, str, str], Planned]

_INPUT = frozenset({"deny", "secret", "personal-data", "invisible-characters"})
"""Detectors and rules that look at what goes to a model."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a detector finds."""

    detector: str
    rule: str
    vendor: str = ""
    """Whose secret it is, where its kind is one vendor's."""
    action: Planned
    """What the policy does about it."""
    offset: int | None
    """Where it begins, or for what has no beginning where it shows; `None` for what only the end shows."""
    line: int | None
    column: int | None
    reached: bool
    """Whether the answer would get there: nothing is said after it was cut."""
    characters: int | None = None
    """How long it is, where that can be told."""
    excerpt: str = ""
    """How it begins: four characters at most."""
    note: str = ""


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a text."""

    characters: int
    findings: tuple[Finding, ...]
    scores: tuple[Scored, ...]
    streamed: Streamed | None
    """`None` for what goes to a model."""
    sent: str | None
    """What goes to the model; `None` where the request is refused, and for answers."""

    @property
    def acts(self) -> bool:
        """Whether the policy does anything about the text."""
        found = any(finding.action not in NOTHING_DONE for finding in self.findings)
        return found or any(score.acts for score in self.scores)


def explain_answer(
    policy: WatchPolicy,
    request: ChatRequest,
    text: str,
    timer: Callable[[], float],
    thresholds: Sequence[DetectorThreshold] = (),
) -> Explained:
    """Explain a text that a model answers a request with.

    `timer` tells the processor time in seconds; `thresholds` are those learned for the tenant.

    Raises:
        ValueError: a rule of the policy cannot be watched for; the message names it.
    """
    streamed = Rehearsal(CompiledPolicy(policy), request).streamed(text, timer)
    looks = _looks(policy, request, text)
    values = {score.detector: score.value for look in looks for score in look.passed.report.scores}
    return Explained(
        characters=len(text),
        findings=_ordered(_findings(policy, looks, text, planned_for_answer, streamed.ended_at)),
        scores=scores_of_answer(policy, request, text, values, thresholds, _redaction(looks)),
        streamed=streamed,
        sent=None,
    )


async def explain_input(
    policy: WatchPolicy,
    text: str,
    clock: Clock,
    rng: random.Random,
    thresholds: Sequence[DetectorThreshold] = (),
) -> Explained:
    """Explain a text that goes to a model as a retrieved document or a tool's result.

    Raises:
        ValueError: a rule of the policy cannot be watched for; the message names it.
    """
    looks = _looks(policy, ChatRequest(model="", messages=[]), text)
    found = _findings(policy, looks, text, planned_for_input, None)
    return Explained(
        characters=len(text),
        findings=_ordered(each for each in found if _INPUT & {each.detector, each.rule}),
        scores=scores_of_input(policy, text, thresholds),
        streamed=None,
        sent=await _sent(CompiledPolicy(policy).intake, text, injection_from(thresholds), clock, rng),
    )


async def _sent(
    rules: IntakeRules, text: str, threshold: float | None, clock: Clock, rng: random.Random
) -> str | None:
    """Return what goes to the model, `None` where the request is refused."""
    document = {"role": "tool", "content": text}
    request = UserRequest(body={"model": "watched", "messages": [document]})
    try:
        admitted = await Intake(rules, threshold, KnownScores(), clock, rng).admit(request)
    except RequestBlocked:
        return None
    return admitted.chat.messages[0].text()


def masked(found: str) -> str:
    """Return the beginning of what was found: a quarter of it, and four characters, at most."""
    return found[: min(_SHOWN, len(found) // _SHOWN_SHARE)]


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of a position, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class _Look(NamedTuple):
    """What one family of detectors found."""

    detectors: frozenset[str]
    rules: RuleSet
    passed: Passed


def _looks(policy: WatchPolicy, request: ChatRequest, text: str) -> list[_Look]:
    looks: list[_Look] = []
    for detectors, everything in looking_for_all(policy):
        compiled = CompiledPolicy(everything)
        looks.append(_Look(detectors, compiled.rules, Rehearsal(compiled, request).passed(text)))
    return looks


def _redaction(looks: Iterable[_Look]) -> Redaction:
    """Return what takes out of a note whatever any of the looks would find, for notes quote the text."""
    rules = [look.rules for look in looks]
    exact = max((each.exact for each in rules), key=lambda patterns: len(patterns.rules))
    secrets = next((each.secrets for each in rules if each.secrets is not None), None)
    personal = next((each.personal for each in rules if each.personal is not None), None)
    return Redaction(RuleSet(exact, secrets, personal))


def _findings(
    policy: WatchPolicy, looks: Sequence[_Look], text: str, planned: _Plan, ended: int | None
) -> Iterator[Finding]:
    redaction = _redaction(looks)
    for look in looks:
        for number, verdict in enumerate(look.passed.report.verdicts):
            if verdict.detector in look.detectors:
                at_end = number >= look.passed.before_end
                yield msgspec.structs.replace(
                    _finding(verdict, at_end, look.rules, text),
                    note="" if at_end else _note(verdict, text, redaction),
                    action=planned(policy, verdict.detector, verdict.rule),
                    vendor=_vendor(policy, verdict.rule) if verdict.detector == "secret" else "",
                    reached=ended is None or (not at_end and verdict.position <= ended),
                )


def _finding(verdict: Verdict, at_end: bool, rules: RuleSet, text: str) -> Finding:
    """Return what is found, apart from what a policy says of it."""
    begins = verdict.detector in _BY_PLACE
    at = None if at_end else verdict.position if begins else max(0, verdict.position - 1)
    end = _end(rules, text, verdict) if begins else None
    line, column = (None, None) if at is None else place_of(text, at)
    return Finding(
        detector=verdict.detector,
        rule=verdict.rule,
        action="ignore",
        offset=at,
        line=line,
        column=column,
        reached=True,
        characters=end - verdict.position if end is not None else None,
        excerpt=masked(text[verdict.position : end]) if end is not None else "",
    )


def _end(rules: RuleSet, text: str, verdict: Verdict) -> int | None:
    """Return where what a rule names ends, `None` where that is too far away or not to be told from nearby."""
    start = max(0, verdict.position - _BEFORE)
    window = text[start : verdict.position + _AFTER]
    found, _ = Scanner(rules).scan(window, last=True)
    ends = [
        rule.run_on(window, end)[0]
        for begin, end, rule in found
        if start + begin == verdict.position and rule.name == verdict.rule
    ]
    return start + max(ends) if ends and max(ends) < _BEFORE + _AFTER else None


def _vendor(policy: WatchPolicy, kind: str) -> str:
    vendors = {each.kind: each.vendor for each in (*shipped(), *policy.secrets)}
    vendor = vendors.get(kind, "")
    return "" if vendor == "any" else vendor


def _note(verdict: Verdict, text: str, redaction: Redaction) -> str:
    """Return what more can be said of a finding in the text, none of it what must not be shown."""
    at = max(0, verdict.position - 1)
    match verdict.rule if verdict.detector == "answer" else "":
        case "repetition":
            period = period_of(text[: at + 1], at + 1)
            return f"the same {period} characters again and again" if period else ""
        case "invisible-characters":
            hidden = hidden_text(text[max(0, at - _AFTER) : at + _AFTER])
            spelled = f"; it spells {redaction.of_text(hidden)[:_HIDDEN]!r}" if hidden else ""
            return _name(text[at]) + spelled
        case "script-switch":
            return _name(text[at])
        case _:
            return ""


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def _ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of the text, those of the end last."""
    return tuple(sorted(found, key=lambda each: (each.offset is None, each.offset or 0, each.detector)))
