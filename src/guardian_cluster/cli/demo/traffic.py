"""Traffic of a demo: requests that are asked a few at once, of which none is told by itself."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec

from guardian_cluster.cli.demo.client import Reply
from guardian_cluster.cli.demo.models import PACE
from guardian_cluster.cli.demo.stage import Question, SceneFailedError, Stage

AT_ONCE = 12

UNEVEN = replace(PACE, first_token_s=0.1, between_chunks_s=0.001, characters_per_chunk=80, spread=0.35)
"""Now quicker, now slower, as models are: one that always took the same would be noticed as late as soon as this
machine has other work to do."""


class Passed(msgspec.Struct, frozen=True):
    """One request and its answer."""

    question: Question
    reply: Reply
    at: float
    """Unix time at which it was asked."""


class Traffic:
    """Requests that flow by; `asking` makes the question of a number."""

    def __init__(self, stage: Stage, asking: Callable[[int], Question]) -> None:
        self.passed: list[Passed] = []
        """Oldest first."""
        self._stage = stage
        self._asking = asking
        self._enough = asyncio.Event()

    async def flow(self, count: int) -> None:
        """Ask so many. Raises SceneFailedError where one is not answered."""
        for _ in range(0, count, AT_ONCE):
            await self._ask()

    @asynccontextmanager
    async def flowing(self) -> AsyncGenerator[None]:
        """Ask on and on until the block ends. Raises SceneFailedError where one is not answered."""
        self._enough.clear()
        asking = asyncio.create_task(self._flow_on())
        try:
            yield
        finally:
            self._enough.set()
            await asking

    async def until_more(self, count: int) -> Sequence[Passed]:
        """Return the next requests that are asked from now on, so many; for within `flowing`."""
        now = self._stage.now
        while not self._enough.is_set():
            later = [each for each in self.passed if each.at >= now]
            if len(later) >= count:
                return later[:count]
            await asyncio.sleep(0.02)
        return ()

    async def _flow_on(self) -> None:
        try:
            while not self._enough.is_set():
                await self._ask()
        finally:
            self._enough.set()

    async def _ask(self) -> None:
        first, now = len(self.passed), self._stage.now
        questions = [self._asking(number) for number in range(first, first + AT_ONCE)]
        replies = await asyncio.gather(*map(self._stage.pass_by, questions))
        self.passed += [
            Passed(question, reply, now) for question, reply in zip(questions, replies, strict=True)
        ]
        if any(reply.status != 200 for reply in replies):
            raise SceneFailedError(
                f"a request was answered with {sorted({reply.status for reply in replies})}"
            )


@asynccontextmanager
async def traffic(stage: Stage, model: str, asking: Callable[[int], Question]) -> AsyncGenerator[Traffic]:
    """Give the traffic of a model, whose servers answer unevenly meanwhile, and tell at the end what has passed."""
    servers = stage.models.servers[model]
    for server in servers:
        server.pace = UNEVEN
    flow = Traffic(stage, asking)
    try:
        yield flow
    finally:
        for server in servers:
            server.pace = PACE
        stage.flowed(model, [each.reply.id for each in flow.passed])
