"""A town in accelerated time, for tests of workflow 4: real models, callers, guardians, and those who are paged."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from harness import base, specialist
from msgspec.structs import replace

from guardian_cluster import LLMGuardianCluster, UserRequest
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    BalancingPolicy,
    Base,
    EscalationStep,
    MemoryPolicy,
    RecoveryPolicy,
    RoutingPolicy,
    Sink,
    Snapshot,
)
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.incident import Incident
from guardian_cluster.own_guardians import OwnGuardians
from guardian_cluster.recovery.by_hand import ByHand
from guardian_cluster.simulation import Answer, Fault, ModelServer, Pace
from guardian_cluster.simulation.alerting.pagerduty import PagerDutyServer
from guardian_cluster.simulation.rehearsal_loop import RehearsalClock, RehearsalLoop
from guardian_cluster.simulation.request import ModelRequest
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import FILE_NAME

_Told = TypeVar("_Told")

CHATTY = "Sure! Here is what you asked for: the order is on its way, and it will arrive soon."
USELESS = "Orders pass through many hands, and much depends on the season. It is best to have some patience."
SOUND = "The parcel has left our warehouse and will arrive on Thursday, before noon."

ENDPOINTS = ("writer/1", "writer/2", "clerk/1", "poet/1", "editor/1")
ASKED: Mapping[str, float] = {"writer": 8.0, "clerk": 4.0, "poet": 4.0, "editor": 0.5}
"""Requests a second. The clerk's are for JSON; the editor backs up the clerk and the poet."""

_ORDER = {"name": "order", "schema": {"type": "object", "required": ["arrives"]}}

STEPS = (
    EscalationStep(sinks=("oncall",)),
    EscalationStep(after_s=30.0, sinks=("lead",)),
    EscalationStep(after_s=60.0, sinks=("boss",)),
)

PACE = Pace(first_token_s=0.3, between_chunks_s=0.03, characters_per_chunk=64, spread=0.25)
"""While one endpoint is at work the other one is asked."""

PATIENCE_S = 300.0
"""Simulated, for anything that is waited for."""


@dataclass(frozen=True, slots=True)
class Says(Fault):
    """Say that, whatever is asked."""

    text: str

    def change_answer(self, answer: Answer) -> Answer:
        return Answer(text=self.text)


@dataclass
class Town:
    """What there is, while it is open."""

    folder: Path
    cluster: LLMGuardianCluster
    guardians: OwnGuardians
    models: dict[str, ModelServer]
    """By the ids of their endpoints."""
    pagers: dict[str, PagerDutyServer]
    clock: Clock
    callers: "Callers"

    def break_down(self, faults: Mapping[str, Fault | None] = MappingProxyType({})) -> None:
        """Have these models go wrong from now on, by the ids of their endpoints; all others are well."""
        for id, server in self.models.items():
            server.fault = faults.get(id)

    async def acknowledge(self, incident: Incident, who: str) -> None:
        """Have a person take an incident over, from another process."""
        store = StateStore.open(self.folder / FILE_NAME, self.clock)
        await ByHand(store, self.clock).acknowledge(incident.id, who=who)
        await store.close()

    async def until(self, found: Callable[[], Awaitable[Any]]) -> Any:
        """Return what is found, once it is."""
        async with asyncio.timeout(PATIENCE_S):
            while not (value := await found()):
                await asyncio.sleep(1.0)
        return value


class Callers:
    """Ask all specialists, each at its own even pace."""

    def __init__(self, cluster: LLMGuardianCluster) -> None:
        self._cluster = cluster
        self._count = 0
        self.rates = dict(ASKED)

    async def ask_on(self, name: str) -> None:
        """Ask a specialist until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(1.0 / self.rates[name])
                tasks.create_task(self._ask(name))

    async def _ask(self, name: str) -> None:
        self._count += 1
        said = {"role": "user", "content": f"What has become of order {self._count}, please?"}
        body: dict[str, Any] = {"model": name, "messages": [said]}
        if name == "clerk":
            body["response_format"] = {"type": "json_schema", "json_schema": _ORDER}
        with suppress(GuardianError):
            answer = await self._cluster.process_request(UserRequest(body=body))
            self._cluster.feedback(answer.request_id, score=0.0 if answer.text == USELESS else 1.0)


def sound(request: ModelRequest) -> Answer:
    """Answer as a model does that is well: in JSON where that is asked for."""
    return Answer(text='{"arrives": "Thursday"}' if "response_format" in request.body else SOUND)


def serving(models: Mapping[str, ModelServer], pagers: Mapping[str, PagerDutyServer]) -> Base:
    """Return what is served: a writer of two endpoints, a clerk and a poet of one, and the editor behind them."""
    sinks = {
        name: Sink(kind="pagerduty", url=_secret(pager.url), key=_secret(pager.routing_key))
        for name, pager in pagers.items()
    }
    served = base(*(specialist(name, *_urls(models, name)) for name in ASKED))
    return replace(
        served,
        memory=MemoryPolicy(conversations="off"),
        routing=RoutingPolicy(decompose=False),
        balancing=BalancingPolicy(affinity=False),  # both of the writer's endpoints are to be asked
        alerts=AlertPolicy(sinks=sinks, escalation=STEPS, page_from="warning"),
        recovery=RecoveryPolicy(
            backup=dict.fromkeys(("clerk", "poet"), ("editor",)),
            playbook={"upstream_errors": ("backup", "page")},
        ),
    )


def _model(id: str) -> ModelServer:
    return ModelServer(sound, name=id, pace=PACE, rng=random.Random(id), keeps_requests=False)


def _urls(models: Mapping[str, ModelServer], name: str) -> list[str]:
    return [server.url for id, server in models.items() if id.startswith(f"{name}/")]


def _secret(text: str) -> Secret:
    return Secret(text, text)


@asynccontextmanager
async def town(folder: Path) -> AsyncGenerator[Town]:
    """Serve, watch, and have callers ask. To be opened in a rehearsal loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, RehearsalLoop)
    clock = RehearsalClock(loop)
    async with AsyncExitStack() as resources:
        open_up = resources.enter_async_context
        models = {id: await open_up(_model(id)) for id in ENDPOINTS}
        pagers = {name: await open_up(PagerDutyServer(clock=clock)) for name in ("oncall", "lead", "boss")}
        snapshot = Snapshot(rev=1, base=serving(models, pagers))
        cluster = await open_up(LLMGuardianCluster(snapshot, clock=clock, rng=random.Random(7)))
        guardians = await open_up(cluster.guardians(folder))
        callers = Callers(cluster)
        asking = [asyncio.create_task(callers.ask_on(name)) for name in ASKED]
        try:
            yield Town(folder, cluster, guardians, models, pagers, clock, callers)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)


def rehearsed(story: Coroutine[Any, Any, _Told]) -> _Told:
    """Return what comes of a story that is told in accelerated time."""
    with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        return runner.run(story)
