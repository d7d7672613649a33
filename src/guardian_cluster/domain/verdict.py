"""What a guardian says about an answer."""

from typing import Literal

import msgspec

Action = Literal["observe", "redact", "cut", "retry"]
"""What is done about a finding: note it, replace it, end the answer, or answer from elsewhere while nothing is out."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of one detector, and what was done about it. It never holds the text that was found."""

    detector: str
    rule: str
    action: Action
    channel: str = ""
    choice: int = 0
    position: int = 0
    """Offset of the finding in its channel, in characters as the model wrote them."""
    endpoint: str = ""
    """Whose answer it was found in; empty of the request itself, and of what several wrote together."""


class Score(msgspec.Struct, frozen=True):
    """How much a detector suspects, 0 to 1. What a score means is learned from a specialist's own traffic."""

    detector: str
    value: float


class MonitoringReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a watcher says of one execution when it has ended."""

    verdicts: tuple[Verdict, ...] = ()
    scores: tuple[Score, ...] = ()
    quality: float | None = None
    """0 to 1: the share of the answer's deterministic checks that held; `None` where none applied."""
    intent_alignment: float | None = None
    """0 to 1: how far the answer has the form that was asked for; `None` where no form was."""
    characters: int = 0
    """Characters the model wrote, over all channels."""
    tripped: bool = False
    """Whether a watcher ended or refused the answer."""
