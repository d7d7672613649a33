"""Steady traffic on one case: before, while and after its fault, each request seen as its client sees it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.resilience_world.stage import Attempt, Stage
from benchmarks.resilience_world.suite import Case
from benchmarks.resilience_world.wording import Kind, expected, judged, kind_of, question
from guardian_cluster.simulation.observation import Observation
from guardian_cluster.simulation.observer import observe

CLIENT_LIMIT_S = 15.0
"""What a client waits in all: longer than any gateway here is told to."""

JITTER = 0.3
"""Of the time between two requests: a beat that is too even would always meet a flapping endpoint alike."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long each phase lasts, and how many requests come in a second."""

    rate: float
    calm_s: float
    struck_s: float
    after_s: float

    @property
    def struck_requests(self) -> int:
        """Requests that start while a fault lasts."""
        return round(self.rate * self.struck_s)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One request: when it started, counted from the strike, and what its client saw."""

    mark: str
    kind: Kind
    started_s: float
    seen: Observation
    late_s: float = 0.0
    """How much later than it was due it started: this process had no core."""


@dataclass(slots=True)
class Played:
    """All that happened in one case; times are counted from the strike."""

    case: Case
    struck_s: float
    sightings: list[Sighting] = field(default_factory=list[Sighting])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    left_a: list[float] = field(default_factory=list[float])
    """When the gateway left endpoint `a` before it had ended its reply."""

    @property
    def struck(self) -> list[Sighting]:
        """Those that were under way while the fault lasted and started before its end, in the order of their start."""
        lived = [each for each in self.sightings if each.started_s < self.struck_s and _end_s(each) >= 0.0]
        return sorted(lived, key=lambda each: each.started_s)

    @property
    def calm(self) -> list[Sighting]:
        """Those that ended before it."""
        return [each for each in self.sightings if _end_s(each) < 0.0]

    @property
    def after(self) -> list[Sighting]:
        """Those that started after it."""
        return [each for each in self.sightings if each.started_s >= self.struck_s]

    def attempts_for(self, mark: str) -> list[Attempt]:
        """Return the attempts for one request."""
        return [each for each in self.attempts if each.mark == mark]


def _end_s(sighting: Sighting) -> float:
    return sighting.started_s + sighting.seen.total_s


Change = Callable[[], Awaitable[None]]


async def play(stage: Stage, base_url: str, plan: Plan, seed: int, strike: Change, lift: Change) -> Played:
    """Send requests through a gateway at a steady rate while the fault begins and ends; wait for their ends."""
    played = Played(stage.case, plan.struck_s)
    begin_s = 0.0 if stage.case.is_unresolved else plan.calm_s
    end_s = begin_s + plan.struck_s
    last_s = end_s if stage.case.is_unresolved else end_s + plan.after_s
    began = time.monotonic()
    struck_at = began + begin_s

    async def ask(number: int, due_s: float) -> None:
        await asyncio.sleep(began + due_s - time.monotonic())
        late_s = time.monotonic() - began - due_s
        kind, mark = kind_of(number, seed), f"[{stage.name}/{number}]"
        started_s = time.monotonic() - struck_at
        body = question(stage.name, mark, kind)
        headers = {"x-session-id": mark} if stage.case.house else {}
        whole = expected(kind, number, seed)
        seen = await observe(base_url, body, whole, headers=headers, limit_s=CLIENT_LIMIT_S)
        played.sightings.append(Sighting(mark, kind, started_s, judged(seen, kind, number, seed), late_s))

    async with asyncio.TaskGroup() as asking:
        for number, due_s in enumerate(moments(plan.rate, last_s, random.Random(f"{seed}:{stage.name}"))):
            asking.create_task(ask(number, due_s))
        await asyncio.sleep(began + begin_s - time.monotonic())
        await strike()
        await asyncio.sleep(began + end_s - time.monotonic())
        await lift()
    played.left_a = [at - struck_at for at in stage.servers["a"].left]
    played.attempts = [_since(each, struck_at) for each in stage.attempts]
    return played


def moments(rate: float, last_s: float, rng: random.Random) -> list[float]:
    """Return when requests start: evenly, but for some jitter."""
    gap_s = 1 / rate
    return [gap_s * (number + JITTER * rng.random()) for number in range(int(last_s * rate))]


def _since(attempt: Attempt, struck_at: float) -> Attempt:
    ended = None if attempt.ended is None else attempt.ended - struck_at
    return Attempt(
        attempt.endpoint, attempt.mark, attempt.began - struck_at, attempt.met, attempt.after_content, ended
    )
