"""Plays one case in one arm: callers ask, the fault begins, and what each of them was given is kept."""

import asyncio
import atexit
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.recovery_world.callers import Question, questions
from benchmarks.recovery_world.done import Done
from benchmarks.recovery_world.faults import Case, Strike
from benchmarks.recovery_world.guarding import guarded
from benchmarks.recovery_world.house import Arm, base
from benchmarks.recovery_world.stage import Stage
from benchmarks.recovery_world.wording import Loss, loss_of
from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import Report, RequestRecord
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.simulation.rehearsal_loop import RehearsalClock, RehearsalLoop

CALLER_LEAVES_S = 30.0

KNOWN_S = 600.0
"""Guardians have looked for so long at the same callers, before a play: with 15 marks in 100 answers what is usual of
them is known only then. The time in which a play is calm is after it."""
KNOWN_SEED = 7

MARKED = 0.15
"""The share of callers who say how good an answer was, some seconds later."""
MARK_AFTER_S = 8.0
MISTAKEN = 0.03
"""The share of marks that say the opposite."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a case takes, in simulated seconds."""

    calm_s: float = 90.0
    struck_s: float = 180.0
    well_s: float = 0.0
    """Between two strikes of the same fault; without it there is one."""

    def strikes_at(self) -> tuple[float, ...]:
        """Return when the fault begins."""
        again = self.calm_s + self.struck_s + self.well_s
        return (self.calm_s, again) if self.well_s else (self.calm_s,)

    @property
    def until_s(self) -> float:
        """The end of it."""
        return self.strikes_at()[-1] + self.struck_s


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what became of it."""

    question: Question
    loss: Loss | None
    is_usual: bool
    """Whether that is lost however well all is: no model answers that question."""
    met: bool
    """Whether a fault struck it on its way."""
    moves: tuple[str, ...]
    """The actions that changed its way."""
    by: str
    """The endpoint that answered; empty where none did."""

    @property
    def is_lost(self) -> bool:
        """Whether a fault, or what was done about one, cost its caller the answer."""
        return self.loss is not None and not self.is_usual


@dataclass(slots=True)
class Played:
    """One case in one arm."""

    case: Case
    arm: Arm
    plan: Plan
    asked: list[Asked] = field(default_factory=list[Asked])
    done: Done = field(default_factory=lambda: Done())
    cpu_s: float = 0.0

    def concerned(self, since_s: float, until_s: float) -> list[Asked]:
        """Return the requests that the faults may strike and that were asked within that time, oldest first."""
        return [
            each
            for each in self.asked
            if since_s <= each.question.at < until_s and self.case.concerns(each.question)
        ]


def play(case: Case, arm: Arm, plan: Plan) -> Played:
    """Play a case in simulated time."""
    known = _known() if arm == "guarded" else None
    began = time.process_time()
    with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        played = runner.run(_played(case, arm, plan, known))
    played.cpu_s = time.process_time() - began
    return played


@cache
def _known() -> Path:
    """Return a folder with what guardians know after a while without a fault, as where they have looked for long."""
    folder = TemporaryDirectory(prefix="guardian-recovery-known-")
    atexit.register(folder.cleanup)
    calm = Plan(calm_s=KNOWN_S, struck_s=0.0)
    with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        runner.run(_played(Case(KNOWN_SEED, ()), "guarded", calm, Path(folder.name), ahead_s=0.0))
    return Path(folder.name)


async def _played(
    case: Case, arm: Arm, plan: Plan, known: Path | None, *, ahead_s: float = KNOWN_S
) -> Played:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, RehearsalLoop)
    clock = RehearsalClock(loop, ahead_s=ahead_s)
    played = Played(case, arm, plan)
    records = _Records()
    async with Stage(case.seed) as stage:
        snapshot = Snapshot(rev=1, base=base({id: server.url for id, server in stage.items()}, arm))
        cluster = LLMGuardianCluster(
            snapshot, sink=records, clock=clock, rng=random.Random(f"{case.seed}:cluster")
        )
        async with cluster, _minded(cluster, played.done, known, keeps=ahead_s == 0.0):
            callers = _Callers(cluster, stage, records, played, random.Random(f"{case.seed}:callers"))
            stage.strike(())
            began = loop.time()
            played.done.began = clock.now()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_strikes(stage, case.strikes, plan))
                for question in questions(case.seed, plan.until_s):
                    await asyncio.sleep(began + question.at - loop.time())
                    tasks.create_task(callers.ask(question))
    played.asked.sort(key=lambda each: each.question.at)
    return played


def _minded(
    cluster: LLMGuardianCluster, done: Done, known: Path | None, *, keeps: bool
) -> AbstractAsyncContextManager[object]:
    if known is None:
        return nullcontext()
    return cluster.guardians(known) if keeps else guarded(cluster, done, known)


async def _strikes(stage: Stage, strikes: Sequence[Strike], plan: Plan) -> None:
    passed = 0.0
    for at in plan.strikes_at():
        await asyncio.sleep(at - passed)
        stage.strike(strikes)
        await asyncio.sleep(plan.struck_s)
        stage.strike(())
        passed = at + plan.struck_s


class _Records:
    """Keeps what is recorded of a request until its caller has heard."""

    def __init__(self) -> None:
        self._records: dict[str, RequestRecord] = {}

    def report(self, report: Report) -> None:
        """Take one report."""
        if isinstance(report, RequestRecord):
            self._records[report.id] = report

    def pop(self, id: str) -> RequestRecord | None:
        """Return what was recorded of a request, once."""
        return self._records.pop(id, None)


class _Callers:
    """Ask, judge what they are given, and say so now and then."""

    def __init__(
        self, cluster: LLMGuardianCluster, stage: Stage, records: _Records, played: Played, rng: random.Random
    ) -> None:
        self._cluster = cluster
        self._stage = stage
        self._records = records
        self._played = played
        self._rng = rng
        self._time = asyncio.get_running_loop().time

    async def ask(self, question: Question) -> None:
        """Ask once, keep what came of it, and mark it perhaps."""
        began = self._time()
        try:
            async with asyncio.timeout(CALLER_LEAVES_S):
                text = await self._answer(question)
        except (GuardianError, TimeoutError):
            loss: Loss | None = "error"
        else:
            loss = loss_of(question, text, self._time() - began)
        record = self._records.pop(question.id)
        self._played.asked.append(
            Asked(
                question=question,
                loss=loss,
                is_usual=loss == "wrong" and self._stage.is_usually_wrong(question.number),
                met=question.number in self._stage.met,
                moves=record.moves if record else (),
                by=(record.endpoint if record else None) or "",
            )
        )
        if loss not in ("error", "late") and self._rng.random() < MARKED:
            await self._mark(question, is_good=loss is None)

    async def _answer(self, question: Question) -> str:
        request = UserRequest(body=question.body(), id=question.id, tenant=question.tenant)
        if not question.streamed:
            return (await self._cluster.process_request(request)).text
        return "".join([piece async for piece in _pieces(self._cluster, request)])

    async def _mark(self, question: Question, *, is_good: bool) -> None:
        await asyncio.sleep(self._rng.expovariate(1.0 / MARK_AFTER_S))
        says_good = is_good != (self._rng.random() < MISTAKEN)
        self._cluster.feedback(question.id, score=1.0 if says_good else 0.0, tenant=question.tenant)


async def _pieces(cluster: LLMGuardianCluster, request: UserRequest) -> AsyncGenerator[str]:
    async for chunk in cluster.stream_request(request):
        choices: list[dict[str, Any]] = chunk.get("choices") or []
        for choice in choices:
            delta: dict[str, Any] = choice.get("delta") or {}
            yield delta.get("content") or ""
