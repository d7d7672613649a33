"""A gateway in virtual time: requests come, are given to endpoints, retried, hedged and continued, and are counted."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.balancing_world.mixes import Fault, Mix
from benchmarks.balancing_world.policy import Attempt, Policy
from benchmarks.balancing_world.server import FAST_FAILURE_S, Server, Work
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.probes import LOOKS_S
from guardian_cluster.specialists.probing import PROBE_S

DEADLINE_S = 15.0
GOOD_S = 10.0
"""An answer that takes longer is of no use."""

MAX_ATTEMPTS = 3
MOMENT_S = 1e-6
"""After a fault's beginning it is looked for: what is subtracted from a time on the clock may be a little less."""

START = 1_000_000.0
"""By the clock: nothing may depend on time beginning at 0."""

BURST_EVERY_S, BURST_S = 60.0, 10.0
"""On average, and each."""

HUNG_SHARE = 0.5
"""Of the deadline: an attempt that took this much of it until the end counts as failed, a later one as left."""

LATE = AttemptFailed("The endpoint did not answer in time.", code="upstream_timeout")
STALLED = AttemptFailed("The endpoint fell silent.", code="upstream_stalled")


class VirtualClock:
    """The time of a simulation, which is set from event to event."""

    def __init__(self) -> None:
        self.at = START

    def monotonic(self) -> float:
        return self.at

    def now(self) -> float:
        return self.at


@dataclass
class Outcome:
    """What became of the requests of one run."""

    took_s: list[float] = field(default_factory=lambda: list[float]())
    """Of each request; the deadline for one that failed."""
    good: int = 0
    failed: int = 0
    attempts: list[tuple[float, int]] = field(default_factory=lambda: list[tuple[float, int]]())
    """When, and at which endpoint."""
    content_failures: list[tuple[float, int]] = field(default_factory=lambda: list[tuple[float, int]]())
    hedges: int = 0

    @property
    def requests(self) -> int:
        return len(self.took_s)

    @property
    def goodput(self) -> float:
        """The percentage of requests that were answered in time."""
        return 100.0 * self.good / max(1, self.requests)

    @property
    def p99_s(self) -> float:
        ordered = sorted(self.took_s)
        return ordered[int(0.99 * (len(ordered) - 1))] if ordered else 0.0

    @property
    def amplification(self) -> float:
        return len(self.attempts) / max(1, self.requests)


@dataclass(eq=False, slots=True)
class Running:
    """One attempt of a request."""

    number: int
    attempt: Attempt
    work: Work
    began_at: float
    heard_at: float | None = None


@dataclass(eq=False, slots=True)
class Request:
    """One request under way."""

    came_at: float
    tried: dict[int, int] = field(default_factory=lambda: dict[int, int]())
    running: list[Running] = field(default_factory=lambda: list[Running]())
    begun: int = 0
    left: float = 1.0
    """The share of its answer that has not arrived."""
    is_over: bool = False
    is_hedged: bool = False


class Simulation:
    """One mix, one policy."""

    def __init__(self, mix: Mix, seed: int, build: Callable[["Simulation"], Policy]) -> None:
        self.mix = mix
        self.clock = VirtualClock()
        self.outcome = Outcome()
        self.rng = random.Random(f"policy {seed}")
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._waiting: deque[Request] = deque()
        self.servers = [
            Server(place, random.Random(f"{seed} {number}"), self._at)
            for number, place in enumerate(mix.places)
        ]
        self.policy = build(self)
        self._traffic = random.Random(f"traffic {seed}")
        for server in self.servers:
            for at in sorted({0.0, *(at for fault in server.place.faults for at in _changes(fault))}):
                self._at(at, partial(self._look, server))

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self.clock.at - START

    def run(self) -> Outcome:
        """Return what became of all requests."""
        self._at(0.0, self._burst)
        self._rate = self.mix.rate
        self._at(LOOKS_S, self._probe)
        self._at(self._traffic.expovariate(self.mix.rate), self._arrive)
        events, clock = self._events, self.clock
        while events:
            at, _, happens = heapq.heappop(events)
            clock.at = START + at
            happens()
        return self.outcome

    def _at(self, at: float, happens: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, happens))

    def _look(self, server: Server) -> None:
        server.look(self.now + MOMENT_S)
        server.next_in_line(self.now)

    def _burst(self) -> None:
        calm = self._traffic.expovariate(1.0 / (BURST_EVERY_S - BURST_S))
        now = self.now
        if now < self.mix.duration_s:
            self._at(now + calm, partial(self._set_rate, self.mix.rate * self.mix.burst))
            self._at(now + calm + BURST_S, partial(self._set_rate, self.mix.rate))
            self._at(now + calm + BURST_S, self._burst)

    def _set_rate(self, rate: float) -> None:
        self._rate = rate

    def _probe(self) -> None:
        if self.now < self.mix.duration_s:
            self._at(self.now + LOOKS_S, self._probe)
        for number in self.policy.probes_due():
            ok = self.servers[number].lists_models
            after_s = PROBE_S if self.servers[number].hung and not ok else FAST_FAILURE_S
            self._at(self.now + after_s, partial(self.policy.probed, number, ok=ok))

    def _arrive(self) -> None:
        now = self.now
        if now >= self.mix.duration_s:
            return
        self._at(now + self._traffic.expovariate(self._rate), self._arrive)
        request = Request(now)
        self.policy.note_request()
        self._at(now + DEADLINE_S, partial(self._give_up, request))
        self._ask(request)

    def _ask(self, request: Request) -> None:
        number = self.policy.choose(request.tried)
        if number is None:
            self._waiting.append(request)
            if len(self._waiting) == 1:
                self._at(self.now + 0.1, self._serve_waiting)
            return
        self._begin(request, number)

    def _serve_waiting(self) -> None:
        while self._waiting:
            request = self._waiting[0]
            if request.is_over:
                self._waiting.popleft()
                continue
            number = self.policy.choose(request.tried)
            if number is None:
                self._at(self.now + 0.1, self._serve_waiting)
                return
            self._waiting.popleft()
            self._begin(request, number)

    def _begin(self, request: Request, number: int) -> None:
        now = self.now
        self.outcome.attempts.append((now, number))
        request.begun += 1
        request.tried[number] = request.tried.get(number, 0) + 1
        work = Work(request.left, _nothing, _nothing, _unheard, self.mix.streamed)
        running = Running(number, self.policy.begin(number), work, now)
        work.on_content = partial(self._content, request, running)
        work.on_end = partial(self._end, request, running)
        work.on_failure = partial(self._fail, request, running)
        request.running.append(running)
        self.servers[number].submit(work, now)
        if not request.is_hedged and request.left == 1.0:
            after_s = self.policy.hedge_after_s(number)
            if after_s is not None:
                self._at(now + after_s, partial(self._hedge, request, running))

    def _hedge(self, request: Request, running: Running) -> None:
        if request.is_over or running not in request.running or running.heard_at or request.is_hedged:
            return
        if request.begun >= MAX_ATTEMPTS:
            return
        number = self.policy.may_hedge(running.number, request.tried)
        if number is not None:
            request.is_hedged = True
            self.outcome.hedges += 1
            self._begin(request, number)

    def _content(self, request: Request, running: Running) -> None:
        running.attempt.heard(content=True)
        is_first, running.heard_at = running.heard_at is None, self.now
        request.left = max(0.05, request.left - 0.25)
        if is_first:
            for other in [each for each in request.running if each is not running]:
                self._cancel(request, other)
        self._watch_for_stall(request, running)

    def _watch_for_stall(self, request: Request, running: Running) -> None:
        after_s = self.policy.stall_after_s(running.number)
        if after_s is not None:
            self._at(self.now + after_s, partial(self._stalled, request, running, self.now))

    def _stalled(self, request: Request, running: Running, heard_at: float) -> None:
        if running in request.running and running.heard_at == heard_at and not request.is_over:
            self.servers[running.number].cancel(running.work)
            self._after(running)
            self._fail(request, running, STALLED)

    def _end(self, request: Request, running: Running) -> None:
        now = self.now
        running.attempt.succeeded(500)
        request.running.remove(running)
        self._finish(request, now - request.came_at)
        self._after(running)

    def _fail(self, request: Request, running: Running, failure: AttemptFailed) -> None:
        if running.heard_at is not None:
            self.outcome.content_failures.append((self.now, running.number))
        running.attempt.failed(failure)
        request.running.remove(running)
        self._after(running)
        if request.running or request.is_over:
            return
        if request.begun < MAX_ATTEMPTS and self.policy.may_retry():
            self._ask(request)
        else:
            self._finish(request, None)

    def _give_up(self, request: Request) -> None:
        if not request.is_over:
            self._finish(request, None, late=True)

    def _finish(self, request: Request, took_s: float | None, *, late: bool = False) -> None:
        request.is_over = True
        self.outcome.took_s.append(DEADLINE_S if took_s is None else took_s)
        if took_s is not None and took_s <= GOOD_S:
            self.outcome.good += 1
        self.outcome.failed += took_s is None
        for running in list(request.running):
            self._cancel(request, running, late=late)

    def _cancel(self, request: Request, running: Running, *, late: bool = False) -> None:
        request.running.remove(running)
        self.servers[running.number].cancel(running.work)
        if late and self.now - running.began_at >= HUNG_SHARE * DEADLINE_S:
            running.attempt.failed(LATE)
        else:
            running.attempt.cancelled()
        self._after(running)

    def _after(self, running: Running) -> None:
        self.servers[running.number].next_in_line(self.now)
        if self._waiting:
            self._serve_waiting()


def _changes(fault: Fault) -> list[float]:
    """Return when a fault begins and ends to hold."""
    if fault.kind != "flap":
        return [fault.start_s, fault.end_s]
    steps = int((fault.end_s - fault.start_s) / fault.size) + 1
    return [*(fault.start_s + step * fault.size for step in range(steps)), fault.end_s]


def _nothing() -> None:
    """Hear nothing."""


def _unheard(_failure: AttemptFailed) -> None:
    """Hear nothing."""
