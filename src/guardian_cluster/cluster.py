"""LLMGuardianCluster: builds every part of the data plane from a snapshot; it knows them all."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec.structs import replace

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.records import Feedback, GatewayEvent
from guardian_cluster.contract.router_model import read_model
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.conversations import DocumentPresence
from guardian_cluster.deployment import Deployment
from guardian_cluster.domain.action import HeldMove
from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.gateway.feedback import read_feedback
from guardian_cluster.one_shots import OneShots
from guardian_cluster.probes import Prober
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.request.checks.answer_words import AnswerWords
from guardian_cluster.request.context import ContextMaintainer
from guardian_cluster.request.conversation import conversation_of
from guardian_cluster.request.experience import Experience
from guardian_cluster.request.learned import Learned
from guardian_cluster.request.paces import Paces
from guardian_cluster.request.ports import ReportSink
from guardian_cluster.request.response import ProcessedResponse
from guardian_cluster.request.router import RequestRouter
from guardian_cluster.request.sinks import Inbox, Listening, RecentRequests, Reports
from guardian_cluster.request.workflow import RequestProcessingWorkflow
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality
from guardian_cluster.specialists.http import HttpSpecialist
from guardian_cluster.specialists.recall import RecallSpecialist
from guardian_cluster.specialists.solver import SolverAnswers, SolverSpecialist
from guardian_cluster.specialists.specialist import Chunk, Specialist
from guardian_cluster.specialists.transport import Transport
from guardian_cluster.specialists.transports import Transports
from guardian_cluster.statistics.hashing import TextHasher
from guardian_cluster.storage.memory_store import MemoryStore, location_of
from guardian_cluster.watcher.watcher import Watcher

if TYPE_CHECKING:
    from guardian_cluster.own_guardians import OwnGuardians

log = logging.getLogger("guardian.gateway")

MAX_RETRIEVALS = 1_000


class LLMGuardianCluster:
    """The cluster inside one asyncio program.

    `async with LLMGuardianCluster.from_config("guardian.toml") as cluster:` is all a library user needs. What
    happened is kept in memory, or goes to the `sink` given.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        sink: ReportSink | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        folder: Path | None = None,
    ) -> None:
        """Prepare a cluster; `folder` is where what it learned and remembers is kept, `None` only in memory."""
        self.clock = clock or SystemClock()
        self.rng = rng or random.Random()
        self.recent = RecentRequests()
        self.experience = Experience()
        self.paces = Paces()
        self.memory = MemoryStore(location_of(snapshot.base.memory, folder), clock=self.clock)
        self.documents = DocumentPresence(self.memory, self.clock)
        self.retrieval: dict[str, RetrievalQuality] = {}
        self._guardians = Listening()
        self._sink = Reports([sink or self.recent, self.experience, self.paces, self._guardians])
        self._folder = folder
        self._learned: tuple[str, Learned] | None = None
        self._hashers: tuple[str, TextHasher, AnswerWords] | None = None
        self._pending = snapshot
        self._transport: Transport | None = None
        self._probing: asyncio.Task[None] | None = None
        self._solver = SolverAnswers()
        self.load_balancer = LoadBalancer(self.clock, self.rng, self._sink)
        self._one_shots: OneShots | None = None
        self._in_force: tuple[Deployment, RequestProcessingWorkflow] | None = None

    @classmethod
    def from_config(cls, path: Path | str | None = None, *, sink: ReportSink | None = None) -> Self:
        """Return the cluster that a guardian.toml describes; without one, that of the built-in specialists.

        Raises:
            ConfigError: with everything that is wrong with the file.
        """
        # Imported here: a gateway gets its snapshot ready made and never reads a configuration.
        from guardian_cluster.config import load_config

        return cls(Snapshot(rev=1, base=load_config(path).base()), sink=sink)

    async def __aenter__(self) -> Self:
        self._transport = transport = Transports()
        self._one_shots = OneShots(self.load_balancer, transport, self._solver)
        self.apply(self._pending)
        prober = Prober(self.load_balancer, transport, self.clock, lambda: self.snapshot.base)
        self._probing = asyncio.create_task(prober.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        if self._one_shots is not None:
            await self._one_shots.close()
        await self._solver.close()
        await self.memory.close()
        if self._transport is not None:
            await self._transport.close()

    async def warm(self) -> None:
        """Prepare what the first question would otherwise wait for.

        Without any model that is the solver's process; with something in memory, its database.
        """
        if self.memory.exists:
            await self.memory.open()
        if all(specialist.kind != "http" for specialist in self.snapshot.base.specialists):
            await self._solver.warm()

    def apply(self, snapshot: Snapshot) -> None:
        """Serve from a snapshot from now on: wholly, or, when it cannot be, not at all.

        Raises:
            ValueError: a part of it cannot be built; what was served before still is.
        """
        deployment = Deployment(snapshot, self)
        self.load_balancer.configure(snapshot)
        self.paces.configure(snapshot.base.tenants)
        self.experience.forget_all_but(specialist.name for specialist in snapshot.base.specialists)
        workflow = RequestProcessingWorkflow(
            deployment.request_router,
            self.load_balancer,
            deployment.context_maintainer,
            deployment.quality_assurance,
            deployment,
            self._sink,
            self.clock,
            self.rng,
        )
        self._in_force = deployment, workflow
        if self._one_shots is not None:
            self._one_shots.do(snapshot, self.clock.now())
        self._sink.report(
            GatewayEvent(kind="snapshot_applied", at=self.clock.now(), subject=str(snapshot.rev))
        )

    def build(self, specialist: contract.Specialist, base: contract.Base) -> Specialist:
        """Return the part that answers as a specialist."""
        if specialist.kind == "solver":
            return SolverSpecialist(specialist.name, self._solver, self.clock)
        if specialist.kind == "recall":
            named = partial(conversation_of, by_user=base.memory.conversations == "user")
            return RecallSpecialist(
                specialist.name, self.memory, self.clock, conversation_of=named, on_quality=self._note_quality
            )
        if self._transport is None:
            raise _not_entered()
        return HttpSpecialist(
            specialist.name, self._transport, self.clock, max_answer_bytes=base.limits.max_answer_bytes
        )

    def learned(self, address: str) -> Learned:
        """Return what the router has learned under that address; nothing where it cannot be read."""
        learned = self._learned
        if learned is None or learned[0] != address:
            learned = self._learned = address, self._read_learned(address)
        return learned[1]

    def _read_learned(self, address: str) -> Learned:
        if self._folder is None or not address:
            return Learned()
        try:
            return Learned.of(read_model(self._folder, address))
        except (OSError, ValueError) as error:  # it costs what was learned, not a request
            log.error("what the router has learned cannot be read", extra={"reason": str(error)})
            return Learned()

    def prepare(self, snapshot: Snapshot) -> None:
        """Read and work out beforehand, in any thread, what takes long to apply a snapshot.

        That is 0.1 s, and 6 ms for each specialist of which something was learned.
        """
        self.learned(snapshot.base.router_model)
        self.hashers(snapshot.base.router_salt.value)

    def hashers(self, salt: str) -> tuple[TextHasher, AnswerWords]:
        """Return what turns questions and answers into features under a salt; made once, for that takes 0.1 s."""
        if self._hashers is None or self._hashers[0] != salt:
            self._hashers = salt, TextHasher(salt.encode()), AnswerWords(salt.encode())
        return self._hashers[1:]

    def _note_quality(self, request: UserRequest, quality: RetrievalQuality) -> None:
        while len(self.retrieval) >= MAX_RETRIEVALS:  # of requests that ended before anybody asked
            del self.retrieval[next(iter(self.retrieval))]
        self.retrieval[request.id] = quality

    @property
    def workflow(self) -> RequestProcessingWorkflow:
        """What answers requests from the snapshot in force.

        Raises:
            RuntimeError: the cluster was not entered yet; so do all that need a snapshot.
        """
        if self._in_force is None:
            raise _not_entered()
        return self._in_force[1]

    @property
    def _deployment(self) -> Deployment:
        if self._in_force is None:
            raise _not_entered()
        return self._in_force[0]

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot in force."""
        return self._deployment.snapshot

    @property
    def context_maintainer(self) -> ContextMaintainer:
        """What decides what a specialist is shown of history and memory."""
        return self._deployment.context_maintainer

    @property
    def request_router(self) -> RequestRouter:
        """What decides who answers."""
        return self._deployment.request_router

    def get_specialist(self, specialist_id: str) -> Specialist:
        """Return the specialist of that name."""
        return self._deployment.get_specialist(specialist_id)

    def get_watcher_guardian(self, specialist_id: str) -> Watcher:
        """Return the watcher of the specialist of that name."""
        return self._deployment.get_watcher_guardian(specialist_id)

    def feedback(
        self,
        request_id: str,
        *,
        score: float | None = None,
        label: str | None = None,
        comment: str | None = None,
        tenant: str = "default",
    ) -> None:
        """Say how good an answer was, from 0 (useless) to 1; or in words. It counts where the request is the tenant's.

        Raises:
            InvalidRequest: it says nothing, or something is too long or of the wrong type.
        """
        given = {"request_id": request_id, "score": score, "label": label, "comment": comment}
        try:
            said = read_feedback(msgspec.json.encode(given))
        except (TypeError, UnicodeEncodeError) as error:
            raise InvalidRequest(f"What was said is not text: {error}.", code="invalid_type") from error
        now = self.clock.now()
        self._sink.report(Feedback(**msgspec.structs.asdict(said), tenant=tenant, received=now))

    @asynccontextmanager
    async def guardians(self, folder: Path | None = None) -> "AsyncGenerator[OwnGuardians]":
        """Have guardians look at what is asked from now on: `async with cluster.guardians() as guardians:`.

        What they find and propose is kept in `state.db` of a folder, that of the cluster where none is given; without
        either it ends with them. Requests wait for nothing of it. Once at a time, or it raises RuntimeError; raises
        CannotCreate where the folder cannot be used.
        """
        if self._guardians.to is not None:
            raise RuntimeError("guardians look at this cluster already; leave that `async with` first")
        _ = self.snapshot  # raises where nothing is served yet
        inbox = self._guardians.to = Inbox()
        try:
            opened = await asyncio.to_thread(_load_guardians)
            place = folder or self._folder
            async with opened(
                inbox, lambda: self.snapshot, self._put_moves, self.clock, place, self.rng
            ) as guardians:
                yield guardians
        finally:
            self._guardians.to = None

    async def _put_moves(self, moves: Sequence[HeldMove]) -> None:
        """Serve with exactly these moves from now on."""
        overlay = self.snapshot.overlay
        if overlay.moves != tuple(moves):
            self.apply(replace(self.snapshot, overlay=replace(overlay, moves=tuple(moves))))

    async def process_request(self, user_request: UserRequest) -> ProcessedResponse:
        """Answer a request whole; see `RequestProcessingWorkflow.process_request`."""
        return await self.workflow.process_request(user_request)

    async def stream_request(self, user_request: UserRequest) -> AsyncGenerator[Chunk, None]:
        """Answer a request in pieces: the `chat.completion.chunk` objects as they may leave.

        Raises:
            GuardianError: it cannot be answered, or not to the end; what was yielded is then no whole answer.
        """
        batches: asyncio.Queue[list[Chunk] | None] = asyncio.Queue(maxsize=1)
        answer = self.workflow.open(user_request.as_stream())

        async def put(batch: list[Chunk]) -> None:
            if not batches.full():
                batches.put_nowait(batch)
                return
            since = self.clock.monotonic()
            await batches.put(batch)
            answer.client_waited_s += self.clock.monotonic() - since

        async def answer_it() -> None:
            try:
                await answer.run(put)
            except Exception:
                await batches.put(None)
                raise
            await batches.put(None)  # not when cancelled: nobody reads any more, and the queue may be full

        answering = asyncio.create_task(answer_it())
        try:
            while (batch := await batches.get()) is not None:
                for chunk in batch:
                    yield chunk
            await answering
        finally:  # a reader that stops early ends the work
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)


def _load_guardians() -> "Callable[..., AbstractAsyncContextManager[OwnGuardians]]":
    # Imported here, in a thread: it brings numpy and SQLAlchemy, which takes seconds and is not for everybody.
    from guardian_cluster.own_guardians import own_guardians

    return own_guardians


def _not_entered() -> RuntimeError:
    return RuntimeError(
        "the cluster serves nothing yet; enter it first: `async with LLMGuardianCluster.from_config(...) as cluster:`"
    )
