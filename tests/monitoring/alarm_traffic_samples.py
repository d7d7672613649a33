"""Requests of one specialist for the tests of alarms: losses by chance, in slices, by seed."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.observation import Observation, Signal
from guardian_cluster.monitoring.alarms import Alarms

RATES: Mapping[Signal, float] = {"quality": 0.15, "error": 0.01, "latency": 0.05}
STEP_S = 8.64
"""10,000 requests a day."""


@dataclass
class Requests:
    """Requests one after the other; each has a tenant, a topic and an endpoint."""

    seed: int = 1
    specialist: str = "writer"
    number: int = 0
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def next(self, rates: Mapping[Signal, float] = RATES, **dimensions: str) -> Observation:
        """Return one more request, with losses at these rates."""
        self.number += 1
        values = {
            "tenant": self.rng.choice(["acme", "acme", "globex", "initech"]),
            "topic": self.rng.choice(["tax", "law", "news"]),
            "endpoint": self.rng.choice(["writer/1", "writer/2"]),
            **dimensions,
        }
        losses = {signal: float(self.rng.random() < rate) for signal, rate in rates.items()}
        return Observation(
            id=f"{self.specialist}-{self.number}",
            at=1_800_000_000.0 + self.number * STEP_S,
            specialist=self.specialist,
            dimensions=values,  # type: ignore[arg-type]
            losses=losses,
        )

    def many(self, count: int, rates: Mapping[Signal, float] = RATES, **dimensions: str) -> list[Observation]:
        """Return some more requests."""
        return [self.next(rates, **dimensions) for _ in range(count)]


def taken(alarms: Alarms, observations: Iterable[Observation]) -> list[Alarm]:
    """Return the alarms that these requests raise."""
    return [alarm for each in observations for alarm in alarms.take(each)]


def taught(requests: Requests, count: int = 3_000) -> Alarms:
    """Return alarms that know what is usual."""
    alarms = Alarms(1.0)
    taken(alarms, requests.many(count))
    alarms.closed()
    return alarms
