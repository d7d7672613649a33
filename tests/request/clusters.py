"""A cluster as a library user runs it, for tests: asked in both ways, its records kept."""

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from harness import Collected

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import Base, Overlay, Snapshot
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.specialists.specialist import Chunk

TEXT = "one two three four five six seven"
"""Five chunks of eight characters."""


@dataclass
class Seen:
    """What a caller saw of one answer, and what was recorded."""

    chunks: list[Chunk] = field(default_factory=list)
    error: GuardianError | None = None
    record: RequestRecord = field(init=False)

    @property
    def text(self) -> str:
        """The words of the first choice."""
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices") or ()]
        parts = [choice.get("message") or choice.get("delta") or {} for choice in choices]
        return "".join(part.get("content") or "" for part in parts)

    @property
    def code(self) -> str | None:
        """The code of the error, if there was one."""
        return self.error.code if self.error else None

    @property
    def outcomes(self) -> list[tuple[str, str, str | None]]:
        """Endpoint, outcome and error of each attempt."""
        return [(attempt.endpoint, attempt.outcome, attempt.error) for attempt in self.record.attempts]


@dataclass
class RunningCluster:
    """A cluster and what it reported."""

    cluster: LLMGuardianCluster
    collected: Collected

    async def ask(
        self, *, stream: bool, model: str = "smart", timeout_s: float | None = None, **fields: Any
    ) -> Seen:
        """Put one request; an error is returned, not raised."""
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream, **fields}
        request = UserRequest(body=body, timeout_s=timeout_s)
        seen = Seen()
        try:
            if stream:
                async for chunk in self.cluster.stream_request(request):
                    seen.chunks.append(chunk)
            else:
                seen.chunks = [(await self.cluster.process_request(request)).answer]
        except GuardianError as error:
            seen.error = error
        (seen.record,) = [record for record in self.collected.requests if record.id == request.id]
        return seen

    def apply(self, fresh: Base, overlay: Overlay | None = None) -> None:
        """Serve another base from now on."""
        rev = self.cluster.snapshot.rev + 1
        self.cluster.apply(Snapshot(rev=rev, base=fresh, overlay=overlay or Overlay()))


@asynccontextmanager
async def running_cluster(serving: Base, overlay: Overlay | None = None) -> AsyncGenerator[RunningCluster]:
    """Run a cluster."""
    collected = Collected()
    snapshot = Snapshot(rev=1, base=serving, overlay=overlay or Overlay())
    async with LLMGuardianCluster(snapshot, sink=collected, rng=random.Random(1)) as cluster:
        yield RunningCluster(cluster, collected)
