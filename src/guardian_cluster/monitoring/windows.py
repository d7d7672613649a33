"""Where windows come from: the newest records of a specialist, what was said of them, open alarms and changes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.observation import Observation
from guardian_cluster.domain.window import Window
from guardian_cluster.monitoring.ports import MonitoringStore, WindowSource
from guardian_cluster.monitoring.signals import Budgets, observations_of

Judged = tuple[RequestRecord, Sequence[Feedback]]


class Records(Protocol):
    """The records of requests, with what their own tenants said of them."""

    async def newest(self, specialist: str, limit: int) -> Sequence[Judged]:
        """Return the newest requests of a specialist, oldest first."""
        ...


class Knowledge(Protocol):
    """What was learned that a record alone does not say."""

    def budgets(self, specialist: str) -> Budgets:
        """Return what a request of the specialist may take."""
        ...

    def topic(self, record: RequestRecord) -> str:
        """Return the name of the topic of a request; empty where none is known."""
        ...


class RecentWindows:
    """Reads a window anew whenever it is asked for one."""

    def __init__(
        self,
        records: Records,
        store: MonitoringStore,
        knowledge: Knowledge,
        clock: Clock,
        limit: Callable[[], int],
    ) -> None:
        self._records = records
        self._store = store
        self._knowledge = knowledge
        self._clock = clock
        self._limit = limit

    async def window(self, specialist: str) -> Window:
        """Return the specialist's newest requests with all that belongs to them."""
        now = self._clock.now()
        judged = await self._records.newest(specialist, self._limit())
        observations = await asyncio.to_thread(self._observed, specialist, judged)
        since = min((each.at for each in observations), default=now)
        changes = await self._store.changes(since, now)
        return Window(
            specialist=specialist,
            since=since,
            until=now,
            observations=observations,
            alarms=tuple(await self._store.alarms(specialist)),
            changes=tuple(change for change in changes if concerns(change, specialist)),
        )

    def _observed(self, specialist: str, judged: Sequence[Judged]) -> tuple[Observation, ...]:
        budgets, topic = self._knowledge.budgets, self._knowledge.topic
        return tuple(
            [
                each
                for record, feedback in judged
                for each in observations_of(record, feedback, budgets=budgets, topic=topic(record))
                if each.specialist == specialist
            ]
        )


class OneWindow:
    """The same window for all who ask in one cycle: it is read when the first one does."""

    def __init__(self, source: WindowSource) -> None:
        self._source = source
        self._read: dict[str, Window] = {}
        self._reading = asyncio.Lock()

    async def window(self, specialist: str) -> Window:
        """Return the window as it was when it was asked for first."""
        async with self._reading:
            if specialist not in self._read:
                self._read[specialist] = await self._source.window(specialist)
        return self._read[specialist]


def concerns(change: ChangeEvent, specialist: str) -> bool:
    """Return whether a change may have to do with a specialist: it is its own, or everybody's."""
    return change.specialist in ("", specialist)
