"""The requests of one specialist as they are asked, one after another: when, by whom, about what, in which form."""

import random
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import cos, pi

from guardian_cluster.domain.observation import Dimension, Slice
from guardian_cluster.simulation.traffic.people import GROUNDED, Drawn, Place, Population, Staff, Tenant
from guardian_cluster.statistics.word_numbers import packed

Roster = list[tuple[float, Mapping[str, float]]]
"""Which variants answer from which time on, and their shares."""

_SWING = 0.6
"""A tenant asks up to so much more, and so much less, than on average, by the hour."""
_KEEPS = 0.5
"""Requests with the same instructions that go to the same endpoint, whose cache knows them."""
_WORDS = 10


@dataclass(slots=True)
class Question:
    """One request."""

    id: str
    at: float
    tenant: Tenant
    values: dict[Dimension, str]
    """Tenant, topic, language, template and variant."""
    place: Place
    """The endpoint that is asked first."""
    streamed: bool
    wants_json: bool
    retrieves: bool
    """Whether it holds documents."""
    words: bytes

    def is_in(self, where: Slice, place: Place | None = None) -> bool:
        """Return whether it belongs to a slice when it is sent to an endpoint; to the one asked first by default."""
        values, at = self.values, place or self.place
        for name, value in where:
            own = at.id if name == "endpoint" else at.model if name == "model" else values.get(name)
            if own != value:
                return False
        return True


class Questions:
    """Draws the requests of one specialist."""

    def __init__(self, people: Population, staff: Staff, rng: random.Random) -> None:
        self._people = people
        self._staff = staff
        self._rng = rng
        self._places = Drawn({place: place.share for place in staff.places})
        self._interest = {tenant.name: rng.uniform(0.4, 2.5) for tenant in people.tenants}
        self._bent = {topic: rng.uniform(0.3, 3.0) for topic in people.tenants[0].topics}
        self._tenants: dict[int, Drawn[Tenant]] = {}
        self._topics: dict[str, Drawn[str]] = {}
        self._languages = {each.name: Drawn(each.languages) for each in people.tenants}
        self._templates: dict[tuple[str, str], Drawn[str]] = {}
        self._homes = {template: self._places.draw(rng) for template in sorted(people.instructions)}
        self._sticky = {each.name: rng.random() for each in people.tenants}

    def ask(self, since: float, count: int, roster: Roster) -> Iterator[Question]:
        """Yield so many requests from a time on."""
        at = since
        for _ in range(count):
            at += self._rng.expovariate(self._rate(at))
            yield self._question(at, _in_force(roster, at))

    def shift(self, topics: Mapping[str, float]) -> None:
        """Let the mix of topics become another from here on: each is asked about so many times as often."""
        self._bent = {topic: weight * topics.get(topic, 1.0) for topic, weight in self._bent.items()}
        self._topics.clear()

    def _rate(self, at: float) -> float:
        """Return requests in a second: most are asked in the afternoon."""
        return self._staff.per_day / 86_400 * (1.0 - _SWING * cos(2 * pi * (at % 86_400 / 86_400 - 0.08)))

    def _question(self, at: float, variants: Mapping[str, float]) -> Question:
        rng = self._rng
        tenant = self._tenants_at(at).draw(rng)
        topic = self._topics_of(tenant).draw(rng)
        language = self._languages[tenant.name].draw(rng)
        template = self._templates_of(tenant, topic).draw(rng)
        variant = next(iter(variants)) if len(variants) == 1 else self._variant(tenant, variants)
        return Question(
            id=f"req_{rng.getrandbits(64):016x}",
            at=at,
            tenant=tenant,
            values={
                "variant": variant,
                "tenant": tenant.name,
                "topic": topic,
                "language": language,
                "template": template,
            },
            place=self._homes[template] if rng.random() < _KEEPS else self._places.draw(rng),
            streamed=rng.random() < tenant.streams,
            wants_json=rng.random() < self._staff.json_share,
            retrieves=rng.random() < (0.85 if topic in GROUNDED else 0.1),
            words=self._words(topic, language),
        )

    def _tenants_at(self, at: float) -> Drawn[Tenant]:
        hour = int(at % 86_400 // 3_600)
        if hour not in self._tenants:
            self._tenants[hour] = Drawn(
                {
                    each: each.weight
                    * self._interest[each.name]
                    * (1 + _SWING * cos(2 * pi * (hour - each.noon_h) / 24))
                    for each in self._people.tenants
                }
            )
        return self._tenants[hour]

    def _topics_of(self, tenant: Tenant) -> Drawn[str]:
        if tenant.name not in self._topics:
            self._topics[tenant.name] = Drawn(
                {topic: weight * self._bent[topic] for topic, weight in tenant.topics.items()}
            )
        return self._topics[tenant.name]

    def _templates_of(self, tenant: Tenant, topic: str) -> Drawn[str]:
        key = tenant.name, topic
        if key not in self._templates:
            fits = {each: 4.0 if self._people.subjects[each] == topic else 1.0 for each in tenant.templates}
            self._templates[key] = Drawn(fits)
        return self._templates[key]

    def _variant(self, tenant: Tenant, variants: Mapping[str, float]) -> str:
        """Draw a variant; a third of the requests name a user, who keeps the one that is drawn first."""
        rng = self._rng
        at = self._sticky[tenant.name] if rng.random() < 0.3 else rng.random()
        ids, total = list(variants), 0.0
        for each in ids:
            total += variants[each]
            if at < total:
                return each
        return ids[-1]

    def _words(self, topic: str, language: str) -> bytes:
        words, rng = self._people.words, self._rng
        drawn: set[int] = set()
        for _ in range(_WORDS):
            chance = rng.random()
            source = topic if chance < 0.4 else f"{topic} {language}" if chance < 0.75 else ""
            drawn.add(rng.choice(words[source]))
        return packed(sorted(drawn))


def _in_force(roster: Roster, at: float) -> Mapping[str, float]:
    return roster[max(bisect([since for since, _ in roster], at) - 1, 0)][1]
