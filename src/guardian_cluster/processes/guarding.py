"""Workflow 2 over the databases of a data folder: what is recorded there, in the order in which it came."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import Clock
from guardian_cluster.guarded import CYCLE, Guarded, Looked
from guardian_cluster.guardians.diagnosis.narrative import Narrator
from guardian_cluster.monitoring.windows import Judged
from guardian_cluster.processes.audits import RecordedAudits
from guardian_cluster.processes.deployed import Deployed
from guardian_cluster.processes.kept_texts import KeptTexts
from guardian_cluster.processes.narrator import SpecialistNarrator
from guardian_cluster.storage import database, observed, state_database
from guardian_cluster.storage.observed import Places
from guardian_cluster.storage.reader import RecordReader
from guardian_cluster.storage.state import LoopState, StateStore
from guardian_cluster.thresholds import ThresholdFile

__all__ = ["CYCLE", "Guarding", "guarding"]

log = logging.getLogger("guardian.monitoring")

MAX_BEHIND = 20_000
"""Requests that are looked at after an outage; of more the oldest are left out, and counted. They are windows' all the
same."""

_LOOP = "alarms"
"""The name under which is kept what the alarms know."""


class WrittenRecords:
    """The records in `telemetry.db`, as windows ask for them."""

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader

    async def newest(self, specialist: str, limit: int) -> Sequence[Judged]:
        """Return the newest requests of a specialist, oldest first. Raises CannotCreate where they cannot be read."""
        return await self._reader.run(partial(observed.window_of, specialist=specialist, limit=limit))


class Guarding(Guarded):
    """Workflow 2 with all that it needs, over what is recorded in a data folder."""

    def __init__(
        self,
        folder: Path,
        deployed: Deployed,
        reader: RecordReader,
        store: StateStore,
        clock: Clock,
        narrator: Narrator | None = None,
    ) -> None:
        audits = RecordedAudits(reader, store, ThresholdFile(folder), lambda: deployed.base)
        super().__init__(deployed, WrittenRecords(reader), audits, store, clock, narrator, KeptTexts(reader))
        self._reader = reader
        self._places = Places()
        self.known: Snapshot | None = None
        """What was deployed when the last process kept what it knew."""

    async def restore(self) -> Snapshot | None:
        """Know what the last process knew, and go on after what it looked at; return what was deployed by then."""
        state = await self.store.loop_state(_LOOP)
        if state is None:  # what was recorded before teaches what is usual
            return None
        try:
            kept = msgspec.msgpack.decode(state.value, type=_Kept)
            self.learned.restore(kept.learned)
        except (
            msgspec.MsgspecError,
            ValueError,
        ) as error:  # what was usual is learned again, from what is on disk
            log.error("what the alarms knew cannot be read", extra={"reason": str(error)})
            return None
        newest = await self._reader.run(observed.newest)
        # Where all rows of a table were deleted, its numbers begin again.
        self._places = Places(*map(min, kept.places, newest))
        return kept.snapshot

    async def look(self, limit: int) -> Looked:
        """Take in the next requests, at most so many, marks and events, in the order in which they came."""
        places, left_out = self._places, await self._skipped()
        arrived = await self._reader.run(
            partial(observed.arrived_after, number=places.arrival, marks_until=places.mark, limit=limit)
        )
        arrival = arrived.last or places.arrival
        marks = await self._reader.run(
            partial(observed.marks_after, number=places.mark, limit=limit, arrived=arrival)
        )
        events = await self._reader.run(partial(observed.events_after, number=places.event, limit=limit))
        raised = await asyncio.to_thread(self._learn, arrived.judged, marks.judged)
        self._places = Places(arrival, marks.last or places.mark, events.last or places.event)
        has_more = max(map(len, (arrived.judged, marks.judged, events.events))) == limit
        return Looked(has_more, raised, events.events, left_out)

    async def since(self, specialist: str, at: float, limit: int) -> Sequence[Judged]:
        """Return the requests that asked for a specialist, or were given to it, since a Unix time; oldest first."""
        return await self._reader.run(
            partial(observed.requests_since, specialist=specialist, at=at, limit=limit)
        )

    def _learn(self, requests: Sequence[Judged], marks: Sequence[Judged]) -> list[Alarm]:
        raised = [alarm for judged in requests for alarm in self.learned.take(*judged)]
        return raised + [alarm for judged in marks for alarm in self.learned.hear(*judged)]

    async def _skipped(self) -> int:
        """Leave out the oldest requests where far too many wait; return how many."""
        newest = await self._reader.run(observed.newest_arrival)
        left_out = max(newest - self._places.arrival - MAX_BEHIND, 0)
        self._places = self._places._replace(arrival=self._places.arrival + left_out)
        return left_out

    async def keep(self, alarms: Sequence[Alarm]) -> None:
        """Keep alarms, and what is known and up to where was looked, in one transaction."""
        places, snapshot = self._places, without_secrets(self.deployed.snapshot)
        learned = await asyncio.to_thread(self.learned.state)
        value = msgspec.msgpack.encode(_Kept(learned, places, snapshot))
        await self.store.put_alarms(alarms, states={_LOOP: LoopState(value, 0.0, "")})


class _Kept(msgspec.Struct, frozen=True):
    learned: bytes
    places: Places
    snapshot: Snapshot


def without_secrets(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot to compare with later: without keys, and without what opens anything."""
    base = snapshot.base
    specialists = tuple(
        replace(each, proxy=None, endpoints=tuple(replace(place, api_key=None) for place in each.endpoints))
        for each in base.specialists
    )
    memory = replace(base.memory, url=None)
    sinks = {name: replace(sink, url=None, key=None) for name, sink in base.alerts.sinks.items()}
    bare = replace(
        base,
        specialists=specialists,
        keys=(),
        memory=memory,
        alerts=replace(base.alerts, sinks=sinks),
        router_salt=Secret("", ""),
    )
    return replace(snapshot, base=bare)


@asynccontextmanager
async def guarding(folder: Path, clock: Clock) -> AsyncGenerator[Guarding]:
    """Open the databases of a data folder, and give workflow 2 over them.

    Raises CannotCreate where one of them cannot be opened.
    """
    async with AsyncExitStack() as resources:
        deployed = Deployed(folder)
        await deployed.refresh()
        store = await asyncio.to_thread(StateStore.open, folder / state_database.FILE_NAME, clock)
        resources.push_async_callback(store.close)
        reader = RecordReader(folder / database.FILE_NAME)
        resources.push_async_callback(reader.close)
        narrator = SpecialistNarrator(lambda: deployed.snapshot, clock)
        resources.push_async_callback(narrator.close)
        parts = Guarding(folder, deployed, reader, store, clock, narrator)
        parts.known = await parts.restore()
        parts.configure()
        yield parts
