"""Says of one text what the scorers suspect of it, what a score means, and from where on a policy does something."""

import re
from collections.abc import Mapping, Sequence
from math import exp

import msgspec

from guardian_cluster.contract.snapshot import DetectorThreshold, WatchPolicy
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.watcher.answer_scores import MAX_SCORED_CHARACTERS
from guardian_cluster.watcher.intake import injection_threshold
from guardian_cluster.watcher.intake_injection import DEFAULT_THRESHOLD, shipped_injection
from guardian_cluster.watcher.planned import NOTHING_DONE, Planned
from guardian_cluster.watcher.redaction import Redaction
from guardian_cluster.watcher.refusal import refusal_score
from guardian_cluster.watcher.scoring.answers import HARM, UNGROUNDED
from guardian_cluster.watcher.scoring.ground import MAX_GROUND_CHARACTERS
from guardian_cluster.watcher.scoring.groundedness import contradictions, groundedness
from guardian_cluster.watcher.scoring.harm import shipped_harm
from guardian_cluster.watcher.scoring.injection import Source

READ = MAX_SCORED_CHARACTERS
"""Characters that are scored here too, of the text and of all documents together."""

_NAMED = 8
"""Numbers, names or contradictions that are named."""

_MARK = re.compile(r"\[redacted(?::[\w.:-]{1,64})?\]")
"""What stands in the place of what was taken out (`naming.placeholder`)."""

_BEHIND = 8_192
"""Characters behind those that are read: what stands across the end is known by its whole."""

_ALL = ("", "*")
"""Names of no specialist in a threshold that is for all of them."""

_ACTING = ("mark", "block")

EVERY = "any"
"""Whose answers a threshold is for that is for all specialists'."""


class Reports(msgspec.Struct, frozen=True):
    """From which score on a detector reports."""

    specialist: str
    """Whose answers, or `EVERY`."""
    threshold: float


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What one scorer says of a text."""

    detector: str
    of: str
    """What was read, as a subject: it, or the documents."""
    value: float | None
    """0 to 1; higher is worse. `None` where nothing can be said."""
    meaning: str
    note: str = ""
    """What it was found in most, if that can be said."""
    action: Planned
    """What the policy does where it reports."""
    reports: tuple[Reports, ...] = ()
    """Empty where nothing was learned yet: the score is recorded and reports nothing."""
    acted_on: bool = True
    """Whether it is this that is acted on: of refusals it is the first words, and of users' words nothing."""

    @property
    def acts(self) -> bool:
        """Whether the policy does something about the score, for one specialist at least."""
        value = self.value
        if value is None or not self.acted_on or self.action in NOTHING_DONE:
            return False
        return any(value >= each.threshold for each in self.reports)


def scores_of_answer(
    policy: WatchPolicy,
    request: ChatRequest,
    text: str,
    values: Mapping[str, float],
    thresholds: Sequence[DetectorThreshold],
    redaction: Redaction,
) -> tuple[Scored, ...]:
    """Return the scores of an answer, whose `values` its watch told, and of the documents its request holds.

    `thresholds` are the tenant's. No note quotes what the redaction takes out.
    """
    documents = "\n".join(message.text() for message in request.messages if message.role == "tool")
    found = [_harm(policy, text, values.get(HARM), thresholds), _refusal(policy, text)]
    if documents:
        note = _UNTOLD
        if (value := values.get(UNGROUNDED)) is not None:
            note = _news(_without_marks(redaction.of_text(text[: READ + _BEHIND])), documents[:READ])
        found.append(_ungrounded(policy, value, note, thresholds))
        found.append(_injection(policy, "a document", documents, thresholds))
    return tuple(found)


def scores_of_input(
    policy: WatchPolicy, text: str, thresholds: Sequence[DetectorThreshold]
) -> tuple[Scored, ...]:
    """Return the scores of a text that goes to a model, as a retrieved document and as what a user writes."""
    words = Scored(
        detector="injection",
        of="as a user's words it",
        value=shipped_injection().score(text[:READ], Source.PROMPT),
        meaning="turns the model",
        action="ignore",
        acted_on=False,
    )
    return _injection(policy, "as a document it", text, thresholds), words


def injection_from(thresholds: Sequence[DetectorThreshold]) -> float | None:
    """Return from which score on a document speaks to the model, as learned; `thresholds` are the tenant's."""
    return injection_threshold(thresholds, next((each.tenant for each in thresholds if each.tenant), ""))


def _harm(
    policy: WatchPolicy, text: str, value: float | None, thresholds: Sequence[DetectorThreshold]
) -> Scored:
    kinds = shipped_harm().scores(text[:READ])
    return Scored(
        detector=HARM,
        of="it",
        value=value,
        meaning="is violence, hate, sexual content or self-harm",
        note=f"most like {max(kinds, key=kinds.__getitem__)}" if value is not None else "it has no words",
        action=policy.on_harm,
        reports=_learned(HARM, thresholds),
    )


def _refusal(policy: WatchPolicy, text: str) -> Scored:
    return Scored(
        detector="refusal",
        of="it",
        value=1 / (1 + exp(-max(-30.0, min(30.0, refusal_score(text))))),
        meaning="declines what was asked for, wholly or in part",
        action=policy.on_refusal,
        acted_on=False,
    )


def _ungrounded(
    policy: WatchPolicy, value: float | None, note: str, thresholds: Sequence[DetectorThreshold]
) -> Scored:
    return Scored(
        detector=UNGROUNDED,
        of="it",
        value=value,
        meaning="says what does not stand in the documents",
        note=note,
        action=policy.on_ungrounded,
        reports=_learned(UNGROUNDED, thresholds),
    )


_UNTOLD = f"not told of so few words, or of documents of more than {MAX_GROUND_CHARACTERS:,} characters"


def _without_marks(redacted: str) -> str:
    """Return what is read of a redacted text: marks in it are not the text's own words."""
    return _MARK.sub(" ", redacted)[:READ]


def _news(text: str, documents: str) -> str:
    """Return what a text has of its own: numbers and names, and quantities that it gives two values."""
    found = groundedness(text, documents)
    own = [*found.novel_numbers[:_NAMED], *found.novel_names[:_NAMED]]
    notes = [f"{each.quantity} is {' and '.join(each.values)}" for each in contradictions(text)[:_NAMED]]
    return "; ".join([*(["not in them: " + ", ".join(own)] if own else []), *notes])


def _injection(policy: WatchPolicy, of: str, text: str, thresholds: Sequence[DetectorThreshold]) -> Scored:
    action, learned = policy.input.on_injection, injection_from(thresholds)
    threshold = DEFAULT_THRESHOLD if learned is None and action in _ACTING else learned
    return Scored(
        detector="injection",
        of=of,
        value=shipped_injection().score(text[:READ], Source.DOCUMENT),
        meaning="speaks to the model",
        action=action,
        reports=() if threshold is None else (Reports(EVERY, threshold),),
    )


def _learned(detector: str, thresholds: Sequence[DetectorThreshold]) -> tuple[Reports, ...]:
    found = [each for each in thresholds if each.detector == detector]
    return tuple(Reports(EVERY if each.specialist in _ALL else each.specialist, each.value) for each in found)
