"""Guardians inside a program that uses the library: workflow 2 on what its cluster reports, with no process beside it.

Requests leave their reports in an inbox and wait for nothing. A task of its own looks at them, a few at a time.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.action import Action
from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.improvement import QueuedImprovement
from guardian_cluster.domain.incident import FailureEvent, Incident
from guardian_cluster.domain.monitoring import MonitoringCycleResult
from guardian_cluster.domain.recovery import RecoveryResult
from guardian_cluster.engine.engine import Engine
from guardian_cluster.engine.memory import MemoryEngine
from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.guarded import CYCLE
from guardian_cluster.guardians.network import GuardianNetwork
from guardian_cluster.monitoring.workflow import GuardianMonitoringWorkflow
from guardian_cluster.processes.narrator import SpecialistNarrator
from guardian_cluster.processes.recoveries import Recoveries, recoveries
from guardian_cluster.processes.rounds import DRAIN_S, Rounds
from guardian_cluster.recent_guarded import RecentGuarded, Served
from guardian_cluster.recent_records import RecentRecords
from guardian_cluster.recovering import RECOVERY, Publish
from guardian_cluster.request.sinks import Inbox
from guardian_cluster.storage import state_database
from guardian_cluster.storage.state import StateStore

log = logging.getLogger("guardian.monitoring")

SLICE = 5
"""Reports looked at between two turns of the event loop, on which requests are answered: about a millisecond."""

PAUSE_S = 0.1
BUSY_PAUSE_S = 0.002
"""While more wait than are looked at between two turns."""

TEND_S = 1.0
"""Between two looks after incidents."""

AGAIN_S = 10.0
"""After something broke."""


class OwnGuardians:
    """The guardians of one program's cluster. They look by themselves, on alarm and by the clock; or when asked."""

    def __init__(self, parts: RecentGuarded, recoveries: Recoveries, engine: Engine, clock: Clock) -> None:
        self._parts = parts
        self._engine = engine
        self._clock = clock
        self._rounds = Rounds(parts, engine, clock, heard=recoveries.note, at_once=SLICE)
        self._recoveries = recoveries
        self._tend_at = clock.monotonic()
        self._looking = asyncio.Lock()
        self._stop = asyncio.Event()

    @property
    def network(self) -> GuardianNetwork:
        """Every specialist with its guardians."""
        return self._parts.network

    @property
    def workflow(self) -> GuardianMonitoringWorkflow:
        """What a cycle is; called directly, nothing of one that is interrupted is kept."""
        return self._parts.workflow

    async def monitor(self, specialist: str) -> MonitoringCycleResult:
        """Have the guardians look at a specialist now, with all that was reported so far; return what they found.

        Raises KeyError where it is not deployed, and RunFailed.
        """
        self.network.get_specialist(specialist)
        while await self._look():  # noqa: ASYNC110  requests are answered between two looks
            await asyncio.sleep(0)
        id = await self._engine.run(CYCLE, specialist)
        found = await self._parts.store.cycle(id)
        if found is None:
            raise KeyError(f"specialist {specialist!r} is not deployed any more")
        return found

    async def alarms(self, specialist: str = "", *, open_only: bool = True) -> Sequence[Alarm]:
        """Return alarms of a specialist, or of all, newest first."""
        return await self._parts.store.alarms(specialist, open_only=open_only)

    async def accept(self, alarm_id: str, *, who: str, note: str = "") -> Alarm:
        """Take what an alarm is about for usual from now on; return it as it is closed.

        One that is closed already, or that somebody accepted before, stays as it was. Raises KeyError for an
        unknown id.
        """
        acceptance = Acceptance(who=who, at=self._clock.now(), note=note)
        accepted = await self._parts.store.accept_alarm(alarm_id, acceptance)
        async with self._looking:
            await self._rounds.learn([accepted])
        kept = await self._parts.store.alarms(accepted.specialist, open_only=False)
        return next((alarm for alarm in kept if alarm.id == alarm_id), accepted)

    async def improvements(self, specialist: str = "") -> Sequence[QueuedImprovement]:
        """Return what was proposed for a specialist, or for all, whatever became of it; newest first, at most 100."""
        return await self._parts.store.improvements(specialist=specialist)

    async def cycles(self, specialist: str = "") -> Sequence[MonitoringCycleResult]:
        """Return what the last cycles found, newest first, at most 20."""
        return await self._parts.store.cycles(specialist)

    async def incidents(self, specialist: str = "", *, open_only: bool = False) -> Sequence[Incident]:
        """Return incidents, those updated last first, at most 100."""
        return await self._parts.store.incidents(specialist=specialist, open_only=open_only)

    async def actions(self, *, active_only: bool = False) -> Sequence[Action]:
        """Return what recovery and people did about them, newest first, at most 500."""
        return await self._parts.store.actions(active_only=active_only)

    async def recovered(self, event_id: str) -> RecoveryResult | None:
        """Return what came of a failure event; `None` while it is under way, or where there is none."""
        return await self._parts.store.result(event_id)

    async def deliveries(self, incident_id: str = "") -> Sequence[Delivery]:
        """Return what was told to people, or is on its way to them, newest first; at most 200."""
        return await self._parts.store.deliveries(incident_id=incident_id)

    async def handle(self, event: FailureEvent) -> RecoveryResult | None:
        """Recover from a failure that you tell of, and return what came of it. Raises RunFailed."""
        id = f"{RECOVERY}:{event.id}"
        await self._engine.run(RECOVERY, event, id=id)
        return await self._parts.store.result(event.id)

    async def begin(self) -> None:
        """Go on where the last ones ended."""
        await self._recoveries.begin()
        await self._rounds.begin()

    async def watch(self) -> None:
        """Look at what is reported until told to stop; what breaks is said, and tried again."""
        while not self._stop.is_set():
            try:
                has_more = await self._look()
                await self._wait(BUSY_PAUSE_S if has_more else PAUSE_S)
            except Exception:
                log.exception("monitoring broke off, requests are answered")
                await self._wait(AGAIN_S)

    async def stop(self) -> None:
        """Keep what is known, and look no more."""
        self._stop.set()
        async with self._looking:
            await self._rounds.keep()

    async def _look(self) -> bool:
        """Look at some reports, then do what is due; return whether there may be more."""
        async with self._looking:
            has_more = await self._rounds.look()
            await self._recoveries.enqueue_due()
            await self._rounds.enqueue_due()
            await self._rounds.sweep()
        now = self._clock.monotonic()
        if now >= self._tend_at:
            self._tend_at = now + TEND_S
            await self._recoveries.tend()
        return has_more

    async def _wait(self, time_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(time_s):
                await self._stop.wait()


@asynccontextmanager
async def own_guardians(
    inbox: Inbox,
    snapshot: Callable[[], Snapshot],
    publish: Publish,
    clock: Clock,
    folder: Path | None,
    rng: Random,
) -> AsyncGenerator[OwnGuardians]:
    """Have guardians look at what comes into an inbox, and recover from what they find, while this is open.

    Raises CannotCreate where what they find cannot be kept in the folder.
    """
    async with AsyncExitStack() as resources:
        store = await asyncio.to_thread(_store, folder, clock)
        resources.push_async_callback(store.close)
        narrator = SpecialistNarrator(snapshot, clock)
        resources.push_async_callback(narrator.close)
        records = RecentRecords()
        parts = RecentGuarded(
            Served(snapshot), records, inbox, store, clock, narrator, lasts=folder is not None
        )
        await parts.restore()
        parts.configure()
        engine = MemoryEngine(clock)
        engine.register(parts.cycle)
        repairing = await resources.enter_async_context(
            recoveries(parts, engine, publish, parts.since, clock, rng)
        )
        await engine.start()
        resources.push_async_callback(partial(engine.close, drain_s=DRAIN_S))
        guardians = OwnGuardians(parts, repairing, engine, clock)
        await guardians.begin()
        watching = asyncio.create_task(guardians.watch())
        try:
            yield guardians
        finally:
            try:
                await guardians.stop()
            finally:
                await watching


def _store(folder: Path | None, clock: Clock) -> StateStore:
    if folder is None:
        return StateStore.in_memory(clock)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotCreate(Problem("state-folder", f"{folder} cannot be created: {error}")) from error
    return StateStore.open(folder / state_database.FILE_NAME, clock)
