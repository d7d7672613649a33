"""What workers ask each other, by way of the supervisor: asking, and answering when asked."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from guardian_cluster.contract import fleet as contract
from guardian_cluster.contract.fleet import Answers, Counts, Question, Reply, Topic
from guardian_cluster.contract.link import read_known
from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.gateway.siblings import WorkersSilent
from guardian_cluster.request.sinks import RecentRequests

ANSWER_S = 1.0
"""How long the supervisor may take; it waits half of that for the other workers."""


class Counting(Protocol):
    """What has counts."""

    def encoded(self) -> bytes:
        """Return them; any thread may ask."""
        ...


class Inquiries:
    """The questions of one worker, and its answers to those of others. It is the `Siblings` of the routes."""

    def __init__(
        self, recent: RecentRequests, metrics: Counting, send: Callable[[contract.Up], None]
    ) -> None:
        self._recent = recent
        self._metrics = metrics
        self._send = send
        self._counting = asyncio.Lock()
        self._questions: dict[int, asyncio.Future[tuple[bytes, ...]]] = {}
        self._last_question = 0

    async def find_request(self, request_id: str, tenant: str | None) -> RequestRecord | None:
        """Return the record of a request that another worker answered, if it is that tenant's (`None`: anybody's)."""
        try:
            bodies = await self._ask("request", request_id=request_id, tenant=tenant)
        except TimeoutError:
            return None
        for body in bodies:
            record = read_known(body, RequestRecord)
            if record is not None and record.id == request_id and tenant in (None, record.tenant):
                return record
        return None

    async def counts(self) -> tuple[bytes, ...]:
        """Return what others have counted, those that have ended too.

        Raises:
            WorkersSilent: they cannot be asked; counters would go back without them.
        """
        await self.tell_counts()
        try:
            return await self._ask("metrics")
        except TimeoutError:
            raise WorkersSilent(
                "The other workers cannot be asked what they have counted; try again shortly.",
                retry_after_s=1.0,
            ) from None

    async def _ask(
        self, topic: Topic, *, request_id: str = "", tenant: str | None = None
    ) -> tuple[bytes, ...]:
        """Return what others answer. Raises TimeoutError where the supervisor does not."""
        self._last_question += 1
        id = self._last_question
        answers = self._questions[id] = asyncio.get_running_loop().create_future()
        self._send(Question(id=id, topic=topic, request_id=request_id, tenant=tenant))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answers
        finally:
            del self._questions[id]

    def note(self, message: Answers) -> None:
        """Take in what the others answered."""
        asked = self._questions.get(message.id)
        if asked is not None and not asked.done():
            asked.set_result(message.bodies)

    async def reply(self, question: Question) -> None:
        """Answer another worker."""
        if question.topic == "metrics":
            async with self._counting:
                self._send(Reply(id=question.id, body=await asyncio.to_thread(self._metrics.encoded)))
            return
        record = self._recent.get(question.request_id)
        is_told = record is not None and question.tenant in (None, record.tenant)
        self._send(Reply(id=question.id, body=msgspec.msgpack.encode(record) if is_told else b""))

    async def tell_counts(self) -> None:
        """Tell all that was counted; never after something newer, for counts must not go back."""
        async with self._counting:
            self._send(Counts(counts=await asyncio.to_thread(self._metrics.encoded)))
