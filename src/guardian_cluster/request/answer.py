"""Answer: one request being answered, from the caller's side. One identity throughout, whoever answers."""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from guardian_cluster.contract.records import Outcome, RequestRecord
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.bodies import KeptBody
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.floor import Emit
from guardian_cluster.request.recording import facts
from guardian_cluster.request.spoken import Spoken
from guardian_cluster.request.steering.way import Way
from guardian_cluster.request.usage import wants_usage
from guardian_cluster.request.work import Work
from guardian_cluster.specialists.specialist import Chunk, Context
from guardian_cluster.watcher.intake import Intake
from guardian_cluster.watcher.restoration import Restoration

if TYPE_CHECKING:
    from guardian_cluster.request.workflow import RequestProcessingWorkflow


class Answer:
    """The stream of what may leave, and the facts, which are final when it has ended."""

    def __init__(self, workflow: "RequestProcessingWorkflow", request: UserRequest, started: float) -> None:
        self.request = request
        """As sent; from its intake on as it goes to models, to records and to memory."""
        self.intake: Intake | None = None
        """What looked through the request; `None` where there was nothing to look for."""
        self.work: Work | None = None
        """What answers; `None` until somebody was chosen."""
        self.way: Way | None = None
        """What the moves in force make of it; `None` where there are none."""
        self.context: Context | None = None
        self.record: RequestRecord | None = None
        self.error: GuardianError | None = None
        self.started_at = started
        self.client_waited_s = 0.0
        """The time spent waiting for the reader of the answer, as whoever emits it has measured."""
        self.left_at: float | None = None
        """When the first of it left."""
        self.remembered = False
        """Whether request and answer are kept for the next request of their conversation."""
        self._workflow = workflow
        self._identity: dict[str, Any] = {}

    @property
    def executions(self) -> Sequence[Execution]:
        """Everything that was executed so far, in the order in which it began."""
        return self.work.executions if self.work is not None else ()

    async def run(self, emit: Emit) -> None:
        """Hand the answer to `emit` as it may leave. It is recorded when it ends, however it ends.

        Raises:
            GuardianError: it cannot be answered, or not to the end.
        """
        outcome: Outcome = "cancelled"
        kept: KeptBody | None = None
        spoken: Spoken | None = None
        restoration: Restoration | None = None

        def name_and_emit(batch: list[Chunk]) -> Awaitable[None]:
            self._name(batch)
            if self.left_at is None:
                self.left_at = self._workflow.clock.monotonic()
            if kept is not None:
                kept.take(batch)
            if spoken is not None:
                spoken.take(batch)
            # The last that happens: whatever keeps the answer has the placeholders.
            return emit(batch) if restoration is None else self._restore(batch, restoration, emit)

        try:
            self.intake = self._workflow.begin_intake(self.request)
            if self.intake is not None:
                self.request = await self.intake.admit(self.request)
                restoration = self.intake.restoration(self.request)
            kept = self._workflow.keep_words(self.request)
            self.way = self._workflow.router.way(self.request)
            self.work, self.context = await self._workflow.begin(
                self.request, self.started_at, self.intake, self.way
            )
            if self.context.conversation is not None:
                spoken = Spoken()
            await self.work.run(name_and_emit)
            if spoken is not None:
                await self._remember(self.context, spoken)
            outcome = "cut" if self.work.tripped else "ok"
            if self.request.streamed and wants_usage(self.request):
                await emit([self._closing(self.work, outcome)])
        except GuardianError as error:
            self.error = error
            outcome = "refused" if self.work is None else "error"
            raise
        finally:
            self.record = self._workflow.collect_performance_metrics(self, outcome, kept)

    async def _restore(self, batch: list[Chunk], restoration: Restoration, emit: Emit) -> None:
        """Emit a batch with the caller's own texts put back."""
        await emit(await restoration.of_in_turns(batch, self._workflow.clock))

    async def _remember(self, context: Context, spoken: Spoken) -> None:
        """Keep request and answer before the answer ends, so that whoever reads its end finds it in the next."""
        kept = await self._workflow.context_maintainer.remember(self.request, spoken.messages(), context)
        self.remembered = kept.remembered
        if kept.problem is not None:
            self.context = msgspec.structs.replace(context, problem=context.problem or kept.problem)

    def overhead_s(self, duration_s: float) -> float:
        """Return the part of the time since the beginning that was spent neither on models nor on the reader.

        Pauses before an endpoint is asked again are spent on models.
        """
        waited_s = self.work.waited_s if self.work is not None else 0.0
        return max(0.0, duration_s - waited_s - self.client_waited_s)

    def _name(self, batch: list[Chunk]) -> None:
        """Keep the answer's identity constant throughout, whoever answers, under the name that was asked for."""
        if not self._identity:
            # Some servers begin with a chunk that has no id yet: Azure, with what its filter found.
            named = next((chunk for chunk in batch if chunk.get("id")), batch[0])
            self._identity["id"] = named.get("id") or f"chatcmpl-{self.request.id}"
            self._identity["created"] = named.get("created") or int(self._workflow.clock.now())
        for chunk in batch:
            if "choices" in chunk:
                chunk.update(self._identity)
            chunk["model"] = self.request.model

    def _closing(self, work: Work, outcome: Outcome) -> Chunk:
        """Return the last chunk of a stream: the token counts and the final facts."""
        chunk: Chunk = work.closing or {
            "object": "chat.completion.chunk",
            "choices": [],
            "usage": work.token_counts(),
        }
        self._name([chunk])
        chunk["guardian"] = facts(self._workflow.recorder.draft(self, outcome))
        return chunk
