"""Whatever happens to endpoints, and whoever leaves: what is said is true, complete or an error, and nothing is left.

Requests one after another, each with faults drawn for every endpoint. A second endpoint is asked early, silences count
as long early, and some clients leave. The seed is in the name of the test.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest
from clusters import RunningCluster, Seen, running_cluster
from harness import base, specialist

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import Timeouts
from guardian_cluster.request.balancing.plan import Candidate, Plan
from guardian_cluster.request.balancing.tries import Try
from guardian_cluster.simulation import (
    BreakOff,
    CleanCut,
    Empty,
    Fault,
    Hang,
    Malformed,
    ModelServer,
    NoDone,
    NoFinish,
    Pace,
    Reset,
    Slow,
    SoftError,
    Stall,
    Status,
    StreamError,
    TruncatedText,
)

WORDS = " ".join(f"word{number}" for number in range(40)) + "."
CHUNKS = 34
SHORT = Timeouts(first_token_s=0.25, between_chunks_s=0.25, total_s=2.0, connect_s=1.0)
REQUESTS = 20
ENDPOINTS = ("smart/1", "smart/2", "backup/1")
LONGEST_S = 8.0


def drawn_fault(rng: random.Random) -> Fault | None:
    """Return what is wrong with an endpoint, if anything."""
    place, late = rng.randint(0, CHUNKS + 4), Slow(extra_s=rng.uniform(0, 0.08))
    within = [Reset, BreakOff, Hang, StreamError, Malformed, CleanCut]
    before = [Status(500), Status(429), Status(503, retry_after="1"), Status(401), Status(400), Empty()]
    late_faults = [Status(500) & late, Reset(place) & late, Stall(place, rng.uniform(0.02, 0.3))]
    silent = [Hang("request"), Hang("headers"), Reset("request")]
    odd = [NoDone(), NoFinish(), SoftError(), TruncatedText(min(place, CHUNKS))]
    faults = [*(fault(place) for fault in within), *before, *late_faults, *silent, *odd, late]
    return rng.choice([None, None, None, *faults])


@dataclass
class Front:
    """Three endpoints and a cluster in front of them, whose decisions are drawn."""

    running: RunningCluster
    servers: tuple[ModelServer, ...]
    rng: random.Random

    def __post_init__(self) -> None:
        self.begun: list[Try] = []
        self.balancer = self.running.cluster.load_balancer
        begin = self.balancer.begin

        def noted(*given: object) -> Try:
            self.begun.append(begin(*given))  # pyright: ignore[reportArgumentType]
            return self.begun[-1]

        self.balancer.begin = noted  # pyright: ignore[reportAttributeAccessIssue]
        self.balancer.may_retry = lambda: True  # pyright: ignore[reportAttributeAccessIssue]
        self.balancer.has_retry = lambda: True  # pyright: ignore[reportAttributeAccessIssue]
        self.balancer.may_hedge = untried  # pyright: ignore[reportAttributeAccessIssue]
        # Probes are no client's requests, and hang where others do.
        self.balancer.probes_due = lambda now: []  # pyright: ignore[reportAttributeAccessIssue]

    def draw(self) -> None:
        """Set what is wrong with whom, and how soon somebody else is asked."""
        rng = self.rng
        pace = Pace(rng.choice([0, 0.002, 0.01]), rng.choice([0, 0, 0.001]))
        for server in self.servers:
            server.fault, server.pace = drawn_fault(rng), pace
        late_s = rng.choice([None, 0.0, 0.001, 0.003, rng.uniform(0, 0.02)])
        silent_s = rng.choice([0.05, 0.1, 1.5])
        self.balancer.hedge_after_s = lambda plan, asked: late_s  # pyright: ignore[reportAttributeAccessIssue]
        self.balancer.stall_after_s = lambda candidate: silent_s  # pyright: ignore[reportAttributeAccessIssue]
        for name in ENDPOINTS:
            self.balancer.health(name).not_before = 0.0
        self.begun.clear()

    async def ask(self) -> Seen | None:
        """Put one request; `None` is a client that left."""
        asking = asyncio.create_task(self.running.ask(stream=self.rng.random() < 0.7))
        if self.rng.random() < 0.2:
            await asyncio.wait({asking}, timeout=self.rng.choice([0.0, 0.01, 0.05, 0.1]))
            asking.cancel()
        await asyncio.wait({asking}, timeout=LONGEST_S)
        assert asking.done(), "it hangs"
        return None if asking.cancelled() else asking.result()

    async def settled(self) -> None:
        """Wait until no server works for anybody."""
        for server in self.servers:
            await server.until(lambda server=server: server.open_requests == 0)

    @property
    def records(self) -> list[RequestRecord]:
        return self.running.collected.requests

    @property
    def in_flight(self) -> list[int]:
        return [self.balancer.health(name).in_flight for name in ENDPOINTS]


def untried(plan: Plan, asked: Candidate, tried: Mapping[str, int]) -> Candidate | None:
    return next((each for tier in plan.tiers for each in tier if each.endpoint.id not in tried), None)


def check_words(seen: Seen) -> None:
    """Refuse words that were lost, doubled or made up, and an end that is none."""
    ends = [
        choice["finish_reason"]
        for chunk in seen.chunks
        for choice in chunk.get("choices") or ()
        if choice.get("finish_reason")
    ]
    if seen.error is None:
        assert (seen.text, ends) == (WORDS, ["stop"])
    else:
        assert WORDS.startswith(seen.text)
        assert ends == []


def check_form(seen: Seen) -> None:
    """Refuse an answer that shows that it came from two endpoints."""
    told = [chunk for chunk in seen.chunks if chunk.get("choices")]
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in told}) <= 1
    deltas = [choice.get("delta") or {} for chunk in told for choice in chunk["choices"]]
    assert sum(["role" in delta for delta in deltas]) <= 1


def check_record(record: RequestRecord, begun: int) -> None:
    """Refuse a record in which an attempt is missing, or that contradicts itself."""
    assert len(record.attempts) == begun
    won = [attempt for attempt in record.attempts if attempt.outcome == "ok"]
    assert len(won) == (1 if record.outcome == "ok" else 0)
    places = [each.continues_at for each in record.attempts if each.continues_at is not None]
    assert all(one <= other for one, other in pairwise(places))
    assert all(each.hedges is False for each in record.attempts[:1])


def check_records(front: Front, before: int) -> None:
    """Refuse a request without its one record, unless its client left before anything was done."""
    fresh = front.records[before:]
    assert len(fresh) == 1 or not (fresh or front.begun)
    for record in fresh:
        check_record(record, len(front.begun))
    assert front.in_flight == [0, 0, 0]


async def check_next(front: Front) -> None:
    """Put one request, and refuse what must not be, whatever happened to it."""
    front.draw()
    before = len(front.records)
    try:
        seen = await front.ask()
        await front.settled()
        if seen is not None:
            check_words(seen)
            check_form(seen)
        check_records(front, before)
    except (AssertionError, TimeoutError) as refusal:
        faults = [server.fault for server in front.servers]
        refusal.add_note(
            f"request {before}: {faults}, open: {[each.open_requests for each in front.servers]}"
        )
        raise


@pytest.mark.parametrize(("seed", "fallback"), [(1, ("backup",)), (2, ()), (18, ("backup",))])
async def test_what_is_said_is_true_and_nothing_is_left(seed: int, fallback: tuple[str, ...]):
    unraised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unraised.append(context))
    async with ModelServer(WORDS) as one, ModelServer(WORDS) as other, ModelServer(WORDS) as third:
        smart = specialist("smart", one.url, other.url, fallback=fallback, timeouts=SHORT)
        serving = base(smart, specialist("backup", third.url, timeouts=SHORT), max_attempts=3)
        async with running_cluster(serving) as running:
            front = Front(running, (one, other, third), random.Random(seed))
            for _ in range(REQUESTS):
                await check_next(front)
    assert unraised == []
