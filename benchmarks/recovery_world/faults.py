"""What goes wrong, where, and how it is told to the servers it befalls."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.recovery_world.callers import CLERK, TEMPLATES, TENANTS, WRITER, Question
from benchmarks.recovery_world.house import MODEL_ENDPOINTS, NEW_INSTRUCTIONS
from benchmarks.recovery_world.wording import CHATTY, LOOP, REFUSAL, language_of, right, wrong
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.simulation import Answer, CleanCut, Fault, Hang, Refuse, Slow, Status
from guardian_cluster.simulation.request import ModelRequest, content_text

Scope = Literal["endpoint", "model", "variant", "tenant", "template", "language", "whole"]

Spoil = Callable[[ModelRequest], Answer]


@dataclass(frozen=True, slots=True)
class Ill:
    """One way in which a model, or its server, does badly."""

    name: str
    cause: Cause
    is_soft: bool
    fault: Fault | None = None
    spoil: Spoil | None = None
    of_json: bool = False
    """Whether only requests for JSON can be struck."""


ILLS: Mapping[str, Ill] = {
    each.name: each
    for each in (
        Ill("errors", "upstream_errors", False, Status(500)),
        Ill("gone", "upstream_errors", False, Refuse()),
        Ill("quota", "quota", False, Status(429, code="rate_limit_exceeded")),
        Ill("hang", "hang", False, Hang("request")),
        Ill("cut", "truncated_stream", False, CleanCut(1)),
        Ill("slow", "slow", True, Slow(factor=15.0)),
        Ill("chatty", "wrong_format", True, spoil=lambda _: Answer(text=CHATTY), of_json=True),
        Ill("refuses", "refusal_spike", True, spoil=lambda _: Answer(text=REFUSAL)),
        Ill("useless", "quality_drop", True, spoil=lambda asked: Answer(text=wrong(asked))),
        Ill(
            "loops",
            "quality_drop",
            True,
            spoil=lambda asked: Answer(right(asked) + LOOP, finish_reason="length"),
        ),
    )
}

SHARES = (1.0, 0.6)
"""Of the requests in its scope that a fault strikes."""

SCOPES: Mapping[str, tuple[Scope, ...]] = {
    name: ("endpoint", "model", "whole")
    if ill.name == "gone"  # who refuses connections has heard no words
    else ("endpoint", "model", "variant", "tenant", "template", "language", "whole")
    for name, ill in ILLS.items()
}


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault at one place."""

    ill: str
    scope: Scope
    value: str
    """The endpoint, tenant, template, ... ; of the whole specialist nothing."""
    share: float
    specialist: str = WRITER

    @property
    def kind(self) -> Ill:
        """What it is."""
        return ILLS[self.ill]

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.ill} at {self.specialist} {self.scope}"

    def endpoints(self) -> tuple[str, ...]:
        """Return the servers that it may befall."""
        if self.scope == "endpoint":
            return (self.value,)
        models = MODEL_ENDPOINTS[self.specialist]
        return (
            models[self.value]
            if self.scope == "model"
            else tuple(id for ids in models.values() for id in ids)
        )

    def meets(self, request: ModelRequest, draw: float) -> bool:
        """Return whether it strikes a request at one of its servers; `draw` is uniform on 0 to 1."""
        if draw >= self.share or (self.kind.of_json and "response_format" not in request.body):
            return False
        told = [
            content_text(each.get("content")) for each in request.messages if each.get("role") == "system"
        ]
        match self.scope:
            case "variant":
                return any(self.value in each for each in told)
            case "tenant":
                return any(template in each for each in told for template in TEMPLATES[self.value])
            case "template":
                return any(self.value in each for each in told)
            case "language":
                return language_of(request) == self.value
            case _:
                return True

    def concerns(self, question: Question) -> bool:
        """Return whether a caller's request may be struck: it is in the scope, as far as that is the caller's."""
        if question.specialist != self.specialist or (self.kind.of_json and question.kind != "json"):
            return False
        match self.scope:
            case "tenant":
                return question.tenant == self.value
            case "template":
                return question.template == self.value
            case "language":
                return question.language == self.value
            case _:
                return True


@dataclass(frozen=True, slots=True)
class Case:
    """What is played: the faults that begin together, and the seed of everything else."""

    seed: int
    strikes: tuple[Strike, ...]

    @property
    def name(self) -> str:
        """In words."""
        return " + ".join(each.name for each in self.strikes)

    @property
    def is_soft(self) -> bool:
        """Whether all of it is in what is said and how soon, and answers come."""
        return all(each.kind.is_soft for each in self.strikes)

    def concerns(self, question: Question) -> bool:
        """Return whether one of the faults may strike the request."""
        return any(each.concerns(question) for each in self.strikes)


def some_singles(seed: int, count: int = 0, ills: Sequence[str] = tuple(ILLS)) -> list[Case]:
    """Return these faults in each scope, place and share drawn; or so many of them, soft and hard in turn."""
    rng = random.Random(f"{seed}:singles")
    pairs: list[tuple[str, Scope]] = [(ill, scope) for ill in ills for scope in SCOPES[ill]]
    if count:
        rng.shuffle(pairs)
        soft = [each for each in pairs if ILLS[each[0]].is_soft]
        hard = [each for each in pairs if not ILLS[each[0]].is_soft]
        in_turn = sorted([*enumerate(soft), *enumerate(hard)], key=lambda each: each[0])
        pairs = [each for _, each in in_turn[:count]]
    return [Case(rng.randrange(2**31), (drawn(ill, scope, rng),)) for ill, scope in pairs]


def twos(seed: int, count: int) -> list[Case]:
    """Return so many cases of two faults at once, of which the second is at another specialist half of the time."""
    rng = random.Random(f"{seed}:twos")
    cases: list[Case] = []
    while len(cases) < count:
        one, other = (drawn(ill, rng.choice(SCOPES[ill]), rng) for ill in rng.sample(list(ILLS), 2))
        if rng.random() < 0.5:
            other = _at_clerk(other, rng)
        if one.specialist != other.specialist or one.scope != other.scope:
            cases.append(Case(rng.randrange(2**31), (one, other)))
    return cases


def drawn(ill: str, scope: Scope, rng: random.Random) -> Strike:
    """Return a fault of the writer at a place of that kind."""
    models = MODEL_ENDPOINTS[WRITER]
    places: Mapping[Scope, Sequence[str]] = {
        "endpoint": [id for ids in models.values() for id in ids],
        "model": list(models),
        "variant": [NEW_INSTRUCTIONS],
        "tenant": list(TENANTS),
        "template": [template for templates in TEMPLATES.values() for template in templates],
        "language": ["english", "german", "french"],
        "whole": [""],
    }
    return Strike(ill, scope, rng.choice(places[scope]), 1.0 if ill == "gone" else rng.choice(SHARES))


def _at_clerk(strike: Strike, rng: random.Random) -> Strike:
    endpoints = [id for ids in MODEL_ENDPOINTS[CLERK].values() for id in ids]
    return replace(strike, specialist=CLERK, scope="endpoint", value=rng.choice(endpoints))
