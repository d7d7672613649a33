"""Who asks, about what, and who answers: the population of one simulated installation, drawn from a seed.

What goes together in real traffic goes together here: a tenant has its topics, its language, its own instructions and
its hours of the day; a template is mostly about one topic; a model runs at some of the endpoints only.
"""

import random
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, TypeVar

from guardian_cluster.statistics.word_numbers import NUMBERS

_Value = TypeVar("_Value")

TENANTS = 20
SPECIALISTS = ("advisor", "clerk", "coder", "researcher", "writer")
LANGUAGES = ("english", "german", "french", "spanish", "japanese")
TOPICS = (
    "billing",
    "contracts",
    "deployment",
    "travel",
    "medicine",
    "taxes",
    "databases",
    "marketing",
    "shipping",
    "insurance",
    "physics",
    "recruiting",
)
GROUNDED = frozenset({"contracts", "medicine", "taxes", "shipping", "insurance"})
"""Topics that are mostly answered from documents."""
TEMPLATES = 24
_MODELS = ("northwind-large", "northwind-small", "harbour-2", "lantern-70b", "quarry-8b", "meridian")


class Drawn(Generic[_Value]):
    """Draws values by their weights."""

    def __init__(self, weights: Mapping[_Value, float]) -> None:
        self.weights = weights
        self._values = list(weights)
        self._sums = list(accumulate(weights.values()))

    def draw(self, rng: random.Random) -> _Value:
        """Return one of them."""
        at = bisect(self._sums, rng.random() * self._sums[-1])
        return self._values[min(at, len(self._values) - 1)]


@dataclass(frozen=True, slots=True)
class Place:
    """One endpoint."""

    id: str
    model: str
    share: float
    first_ms: float
    """Usual time to the first token, and for each token after it."""
    token_ms: float


@dataclass(frozen=True, slots=True)
class Staff:
    """One specialist as it is deployed."""

    name: str
    places: tuple[Place, ...]
    variants: Mapping[str, float]
    """Their shares of the traffic."""
    input_usd: float
    output_usd: float
    """For a million tokens."""
    whole_limit_ms: float
    first_limit_ms: float
    """How long is waited for an answer in one piece, and for the beginning of a streamed one."""
    per_day: float
    """Requests."""
    json_share: float
    """Of requests that want JSON."""


@dataclass(frozen=True, slots=True, eq=False)
class Tenant:
    """One caller."""

    name: str
    weight: float
    topics: Mapping[str, float]
    languages: Mapping[str, float]
    templates: tuple[str, ...]
    streams: float
    """The share of its requests that are streamed."""
    marks: float
    """The share of answers of which it says how they were."""
    has_stars: bool
    """Whether it gives one to five stars; others have thumbs."""
    noon_h: float
    """The hour of the day (UTC) at which it asks most."""


@dataclass(frozen=True, slots=True)
class Population:
    """All of them."""

    tenants: tuple[Tenant, ...]
    staff: Mapping[str, Staff]
    subjects: Mapping[str, str]
    """The topic that each template is mostly about."""
    words: Mapping[str, Sequence[int]]
    """By topic and by `topic language`: numbers of the words that occur in its questions; under "" those in all."""
    instructions: frozenset[str] = field(default=frozenset())
    """All templates."""


def population(rng: random.Random) -> Population:
    """Return a population."""
    templates = [f"{rng.getrandbits(32):08x}" for _ in range(TEMPLATES)]
    subjects = {template: rng.choice(TOPICS) for template in templates}
    tenants = tuple(_tenant(number, templates, rng) for number in range(TENANTS))
    staff = {name: _staff(name, rng) for name in SPECIALISTS}
    return Population(tenants, staff, subjects, _vocabulary(rng), frozenset(templates))


def _tenant(number: int, templates: Sequence[str], rng: random.Random) -> Tenant:
    favourites = rng.sample(TOPICS, 3)
    home = rng.choices(LANGUAGES, (8, 4, 3, 3, 2))[0]
    return Tenant(
        name=f"tenant-{number + 1:02}",
        weight=1.0 / (number + 1),
        topics={topic: rng.uniform(3.0, 8.0) if topic in favourites else 1.0 for topic in TOPICS},
        languages={each: 12.0 if each == home else 2.0 if each == "english" else 0.5 for each in LANGUAGES},
        templates=tuple(rng.sample(templates, rng.randint(2, 5))),
        streams=rng.uniform(0.3, 0.9),
        marks=rng.uniform(0.35, 0.9),
        has_stars=rng.random() < 0.4,
        noon_h=rng.gauss(12.0, 4.0) % 24.0,
    )


def _staff(name: str, rng: random.Random) -> Staff:
    models = rng.sample(_MODELS, 2)
    places = rng.choice(((0, 0, 1), (0, 1, 1), (0, 1), (0, 0, 1, 1)))
    shares = [rng.uniform(0.6, 1.4) for _ in places]
    paces = [(rng.uniform(200.0, 700.0), rng.uniform(4.0, 18.0)) for _ in models]
    trial = rng.uniform(0.25, 0.5)
    return Staff(
        name=name,
        places=tuple(
            Place(f"{name}/{n + 1}", models[model], shares[n] / sum(shares), *paces[model])
            for n, model in enumerate(places)
        ),
        variants={_hash(rng): 1.0 - trial, _hash(rng): trial} if rng.random() < 0.5 else {_hash(rng): 1.0},
        input_usd=rng.uniform(0.1, 2.0),
        output_usd=rng.uniform(0.5, 10.0),
        whole_limit_ms=rng.choice((60_000.0, 120_000.0)),
        first_limit_ms=rng.choice((10_000.0, 20_000.0, 30_000.0)),
        per_day=rng.uniform(5_000.0, 25_000.0),
        json_share=rng.uniform(0.5, 0.8),
    )


def _vocabulary(rng: random.Random) -> Mapping[str, Sequence[int]]:
    """Return numbers of words: half of a topic's own, as names and terms of art, are the same in all languages."""
    words = {"": [rng.randrange(NUMBERS) for _ in range(400)]}
    for topic in TOPICS:
        words[topic] = [rng.randrange(NUMBERS) for _ in range(24)]
        for language in LANGUAGES:
            words[f"{topic} {language}"] = [rng.randrange(NUMBERS) for _ in range(24)]
    return words


def _hash(rng: random.Random) -> str:
    return f"{rng.getrandbits(48):012x}"
