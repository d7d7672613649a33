"""What one endpoint makes of one question: as usual, until faults have bent it."""

import random
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp

from guardian_cluster.domain.observation import Dimension
from guardian_cluster.request.said import template
from guardian_cluster.simulation.traffic.habits import Habits, Rates, share
from guardian_cluster.simulation.traffic.people import Place
from guardian_cluster.simulation.traffic.question import Question

_UNLUCKY = (
    ("upstream_error", "The server had an error while processing your request. Sorry about that!"),
    ("upstream_error", "Service temporarily unavailable"),
    ("upstream_disconnected", ""),
    ("upstream_unreachable", ""),
)
"""What goes wrong now and then wherever models are asked."""

_BUSY_HOUR = 0.12
"""The logarithm by which answers take longer at the busiest hour than on average."""

USUAL_KINDS = 40
"""Kinds of bad answers that occur now and then: each has a fingerprint of its own."""


@lru_cache(maxsize=256)
def heard(message: str) -> str:
    """Return what is recorded of a message: the gateway's own template of it."""
    return template(message)


@dataclass(slots=True)
class Failure:
    """Why an endpoint gave no answer."""

    code: str
    said: str = ""
    """Its own words, as they are recorded."""
    after_ms: float = 50.0
    first_ms: float | None = None
    """When its first token came, where the answer had begun."""
    tokens: int = 0
    """How many had been written then."""
    again: bool = True
    """Whether the same endpoint is worth another try."""
    elsewhere: bool = True


@dataclass(slots=True)
class Draft:
    """What one endpoint makes of one question."""

    first_ms: float
    token_ms: float
    input_tokens: int
    output_tokens: int
    failure: Failure | None = None
    finish_reason: str = "stop"
    malformed: str = ""
    """The rule that the form breaks; it matters where JSON is wanted."""
    refuses: bool = False
    loops: bool = False
    leak: str = ""
    """What it holds that must not leave, as `detector/rule`."""
    disliked: bool = False
    scores: dict[str, float] = field(default_factory=dict[str, float])
    found: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """More that watchers find: detector, rule, and what is done about it."""
    kind: int = 0
    """Of a bad answer: those of one kind have most of their words in common."""
    overhead_ms: float = 2.0
    waited_ms: float = 0.0
    """For room at an endpoint, before it was asked."""
    turned_away: str = ""
    """The error of a request that nobody had room for."""

    @property
    def whole_ms(self) -> float:
        """How long all of it takes."""
        return self.first_ms + self.output_tokens * self.token_ms


class Usual:
    """Drafts as they are when nothing is wrong."""

    def __init__(self, habits: Habits, rng: random.Random) -> None:
        self._habits = habits
        self._rng = rng

    def draft(self, question: Question, place: Place) -> Draft:
        """Return what the endpoint makes of the question on a usual day."""
        values: dict[Dimension, str] = {**question.values, "endpoint": place.id, "model": place.model}
        rates, rng = self._habits.of(values), self._rng  # type: ignore[arg-type]
        pace = exp(rates.time + rng.gauss(0.0, 0.35) + _busy(question.at))
        draft = Draft(
            first_ms=place.first_ms * pace,
            token_ms=place.token_ms * pace,
            input_tokens=max(1, round(exp(rates.tokens_in + rng.gauss(0.0, 0.5)))),
            output_tokens=max(1, round(exp(rates.tokens_out + rng.gauss(0.0, 0.6)))),
            overhead_ms=exp(rng.gauss(0.6, 0.4)),
            kind=rng.randrange(USUAL_KINDS),
        )
        self._judge(draft, question, rates)
        return draft

    def _judge(self, draft: Draft, question: Question, rates: Rates) -> None:
        rng = self._rng
        if rng.random() < share(rates.error):
            code, said = rng.choice(_UNLUCKY)
            draft.failure = Failure(code, heard(said), after_ms=draft.first_ms * rng.uniform(0.1, 1.0))
        if question.wants_json and rng.random() < share(rates.malformed):
            draft.malformed = rng.choice(("format-json", "format-schema"))
        draft.refuses = rng.random() < share(rates.refusal)
        draft.loops = rng.random() < share(rates.loop)
        draft.disliked = rng.random() < share(rates.dislike)
        if rng.random() < share(rates.leak):
            draft.leak = rng.choice(("personal-data/email", "secret/generic-token"))
        if question.retrieves:
            draft.scores["ungrounded"] = share(rates.ungrounded + rng.gauss(0.0, 0.8))
            draft.scores["injection"] = rng.betavariate(1.0, 15.0)
        draft.scores["harm"] = rng.betavariate(1.0, 25.0)


def _busy(at: float) -> float:
    """Return how much slower everything is at this hour, as a logarithm."""
    hour = at % 86_400 / 3_600
    return _BUSY_HOUR * max(0.0, 1.0 - abs(hour - 14.0) / 6.0)
