"""Workflow 2 over requests in memory: what guardians inside a program are told, and what of it lasts."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from guardian_cluster.contract.records import Feedback, GatewayEvent, RequestRecord
from guardian_cluster.contract.snapshot import Base, Snapshot
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.monitoring import GuardianScore
from guardian_cluster.guarded import Guarded, Looked
from guardian_cluster.guardians.diagnosis.narrative import Narrator
from guardian_cluster.guardians.ports import ThresholdRecord
from guardian_cluster.monitoring.windows import Judged
from guardian_cluster.processes.audits import CHECKS, DecidedAudits, detector_scores
from guardian_cluster.recent_records import RecentRecords
from guardian_cluster.request.sinks import Inbox
from guardian_cluster.storage.state import LoopState, StateStore

log = logging.getLogger("guardian.monitoring")

MARKS_AT_ONCE = 5
"""Looked at between two turns of the event loop."""

_LOOP = "own-alarms"
"""Not the name of the control process, whose folder it may be as well."""


class Served:
    """What the cluster serves."""

    def __init__(self, read: Callable[[], Snapshot]) -> None:
        self._read = read
        self.snapshot = read()

    @property
    def base(self) -> Base:
        """All that is needed to serve."""
        return self.snapshot.base

    async def refresh(self) -> Snapshot | None:
        """Look whether another one is in force now; return the one before it, `None` where nothing changed."""
        before, self.snapshot = self.snapshot, self._read()
        return before if self.snapshot is not before else None


class RecentAudits(DecidedAudits):
    """Audits of requests in memory. No threshold is among them: they are learned by `guardian serve` alone."""

    def __init__(self, records: RecentRecords, store: StateStore) -> None:
        super().__init__(store)
        self._records = records

    async def detectors(self, specialist: str) -> Sequence[GuardianScore]:
        """Return how detectors did against what callers said and checks showed, by `watcher/DETECTOR`."""
        return await asyncio.to_thread(detector_scores, self._records.judged(specialist, CHECKS))

    async def thresholds(self, specialist: str) -> Sequence[ThresholdRecord]:
        """Return none."""
        return ()


class RecentGuarded(Guarded):
    """Workflow 2 over requests in memory; with a folder, what is usual is known after a restart."""

    def __init__(
        self,
        deployed: Served,
        records: RecentRecords,
        inbox: Inbox,
        store: StateStore,
        clock: Clock,
        narrator: Narrator,
        *,
        lasts: bool,
    ) -> None:
        super().__init__(deployed, records, RecentAudits(records, store), store, clock, narrator)
        self._records = records
        self._inbox = inbox
        self._lasts = lasts

    def configure(self) -> None:
        """Do as the snapshot in force now says; what is known of specialists that are gone is forgotten."""
        super().configure()
        self._records.forget_all_but(self.network.specialists)

    async def restore(self) -> Snapshot | None:
        """Know what was usual; requests of before are gone, and what was deployed then is not remembered."""
        state = await self.store.loop_state(_LOOP) if self._lasts else None
        if state is not None:
            try:
                self.learned.restore(state.value)
            except ValueError as error:  # it costs what was usual, which is learned again
                log.error("what the alarms knew cannot be read", extra={"reason": str(error)})
        return None

    async def look(self, limit: int) -> Looked:
        """Take in the next reports, at most so many, in the order in which they came."""
        events: list[GatewayEvent] = []
        raised: list[Alarm] = []
        for report in self._inbox.take(limit):
            match report:
                case RequestRecord():
                    raised += self.learned.take(report)
                    self._records.take(report)
                case Feedback():
                    self._records.hear(report)
                case GatewayEvent():
                    events.append(report)
                case _:
                    pass  # payloads: guardians read no words
        raised += self._hear()
        left_out, self._inbox.left_out = self._inbox.left_out, 0
        return Looked(bool(len(self._inbox) or self._records.marked), raised, events, left_out)

    async def since(self, specialist: str, at: float, limit: int) -> Sequence[Judged]:
        """Return the requests that asked for a specialist, or were given to it, since a Unix time; oldest first."""
        return self._records.since(specialist, at, limit)

    def _hear(self) -> list[Alarm]:
        marked = self._records.marked
        some = [marked.popleft() for _ in range(min(MARKS_AT_ONCE, len(marked)))]
        return [alarm for judged in some for alarm in self.learned.hear(*judged)]

    async def keep(self, alarms: Sequence[Alarm]) -> None:
        """Keep alarms, and what is known where that lasts."""
        states = dict[str, LoopState]()
        if self._lasts:
            value = await asyncio.to_thread(self.learned.state)
            states[_LOOP] = LoopState(value, 0.0, "")
        if alarms or states:
            await self.store.put_alarms(alarms, states=states)
