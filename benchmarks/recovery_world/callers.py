"""Who asks what: tenants with their instructions and languages, all drawn from one seed, whoever answers."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeVar

Language = Literal["english", "german", "french"]
Kind = Literal["prose", "json"]

WRITER, CLERK, EDITOR, UNDERSTUDY = "writer", "clerk", "editor", "understudy"
"""The specialist that is struck most; one beside it; the writer's fallback; and its declared backup."""

ASKED: Mapping[str, float] = MappingProxyType({WRITER: 20.0, CLERK: 2.0, EDITOR: 1.0, UNDERSTUDY: 1.0})
"""Requests a second. Those who stand in have callers of their own, by which it is known how they do."""

TENANTS: Mapping[str, float] = MappingProxyType({"acme": 0.5, "bolt": 0.3, "cato": 0.2})

TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "acme": (
            "You are the help desk of Acme Tools. Be exact.",
            "You write for the Acme shop: answer politely, in whole sentences.",
        ),
        "bolt": (
            "Bolt Logistics: tell drivers what they must know, nothing else.",
            "You answer customers of Bolt Logistics about their parcels.",
        ),
        "cato": ("You assist the accountants of Cato and sons.",),
    }
)

_LANGUAGES: Mapping[Language, float] = MappingProxyType({"english": 0.6, "german": 0.25, "french": 0.15})

_QUESTIONS: Mapping[Language, str] = MappingProxyType(
    {
        "english": "Please tell me what has become of order {n}: when will it arrive, and where can I see it?",
        "german": "Bitte sag mir, was aus der Bestellung {n} geworden ist: Wann kommt sie an, und wo sehe ich das?",
        "french": "Dites-moi ce que la commande {n} est devenue : quand va-t-elle arriver, et comment le savoir ?",
    }
)

_Name = TypeVar("_Name", bound=str)

JSON_SHARE = 0.3
STREAMED_SHARE = 0.3

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"order": {"type": "integer"}, "state": {"type": "string"}},
    "required": ["order", "state"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Question:
    """One request of a caller."""

    number: int
    """What it asks about; by it the answer is known to be right."""
    at: float
    """Seconds since the beginning of the play."""
    specialist: str
    tenant: str
    template: str
    language: Language
    kind: Kind
    streamed: bool

    @property
    def id(self) -> str:
        """The request's id."""
        return f"req_{self.number}"

    def body(self) -> dict[str, Any]:
        """Return the request as it is sent."""
        body: dict[str, Any] = {
            "model": self.specialist,
            "messages": [
                {"role": "system", "content": self.template},
                {"role": "user", "content": _QUESTIONS[self.language].format(n=self.number)},
            ],
        }
        if self.streamed:
            body["stream"] = True
        if self.kind == "json":
            wanted = {"name": "order", "schema": _SCHEMA, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return body


def questions(seed: int, until_s: float, rates: Mapping[str, float] = ASKED) -> Iterator[Question]:
    """Return what is asked until then, as independent callers ask: a Poisson process for each specialist."""
    rng = random.Random(f"{seed}:questions")
    at, number, whole = 0.0, 1_000_000, sum(rates.values())
    while (at := at + rng.expovariate(whole)) < until_s:
        number += rng.randint(1, 9)
        tenant = _drawn(TENANTS, rng)
        kind: Kind = "json" if rng.random() < JSON_SHARE else "prose"
        yield Question(
            number=number,
            at=at,
            specialist=_drawn(rates, rng),
            tenant=tenant,
            template=rng.choice(TEMPLATES[tenant]),
            language=_drawn(_LANGUAGES, rng),
            kind=kind,
            streamed=rng.random() < STREAMED_SHARE,
        )


def _drawn(weights: Mapping[_Name, float], rng: random.Random) -> _Name:
    return rng.choices(list(weights), list(weights.values()))[0]
