"""What monitoring does again and again: alarms are kept and looked into, and cycles begin by the clock."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import uuid4

import msgspec

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.observation import named
from guardian_cluster.engine.engine import Engine, EngineUnavailable
from guardian_cluster.guarded import CYCLE, Guarded
from guardian_cluster.monitoring.revisions import change_of, changes_between
from guardian_cluster.processes.guarding import without_secrets
from guardian_cluster.storage.state_database import StateUnavailable

log = logging.getLogger("guardian.monitoring")

SLICE = 25
"""Requests looked at in one go: some 10 ms, in a thread."""

KEEP_S = 60.0
"""How often what the alarms know is kept while there is news: after a crash so much is looked at again."""

SECOND_LOOK_S = 30.0
"""After which time an alarm that is still open is looked into again: by then more of its fault was seen."""

ACCEPTED_S = 1.0
"""How often it is asked what persons have accepted: they wait at a terminal for it."""

WATCHED_S = 3_600.0
"""How often it is counted for how long nobody came to an alarm: days matter, and each time all is kept anew."""

LONGEST_LOOK_S = 60.0
"""Of a longer pause between two looks so much counts as watched: the process was stopped, or the machine slept."""

FIRST_SWEEP_S = 120.0
SWEEP_S = 3_600.0
RUNS_KEPT_S = 7.0 * 86_400.0
"""For so long it can be seen how a cycle ran; what it found is kept in the state, for longer."""

DRAIN_S = 3.0
"""How long cycles under way may take when the process ends; others go on with the next start."""


Heard = Callable[[Sequence[Alarm], Sequence[GatewayEvent]], None]
"""Told of alarms that were raised, once they are kept, and of what gateways say."""


class _Due(NamedTuple):
    """A cycle that is to begin."""

    specialist: str
    once: str = ""
    """What no second one may run or wait under."""
    is_urgent: bool = False


class Rounds:
    """Looks at what is recorded through the parts of workflow 2, and has its cycles run by an engine.

    Intervals are measured by a clock that is never set; the names of runs never come again.
    """

    def __init__(
        self,
        parts: Guarded,
        engine: Engine,
        clock: Clock,
        *,
        heard: Heard = lambda alarms, events: None,
        at_once: int = SLICE,
    ) -> None:
        """Prepare; so many requests are looked at in one go, and what they tell of is `heard`."""
        self._heard = heard
        self._at_once = at_once
        self._parts = parts
        self._engine = engine
        self._clock = clock
        self._boot = uuid4().hex[:8]
        self._raised: list[Alarm] = []
        self._changes: list[ChangeEvent] = []
        self._due: dict[str, _Due] = {}
        """By the ids of their runs."""
        self._again: list[tuple[float, Alarm]] = []
        self._has_news = False
        now = clock.monotonic()
        self._kept_at, self._sweep_at = now, now + FIRST_SWEEP_S
        self._asked_at, self._looked_at, self._watched_s = now - ACCEPTED_S, now, 0.0
        self._round, self._round_at = 0, now + parts.deployed.base.guardians.cycle_s

    @property
    def failure(self) -> str:
        """Why no more cycles run until all is opened anew; empty while all is well."""
        return self._engine.failure

    async def begin(self, known: Snapshot | None = None) -> None:
        """Go on where the last process ended: with what was changed since, and alarms that wait to be looked into.

        Alarms that are kept as open and that nobody watches any more are closed.
        """
        if known is not None:
            after, now = without_secrets(self._parts.deployed.snapshot), self._clock.now()
            self._changes += changes_between(known, after, now)
        open_now = {alarm.id for alarm in self._parts.learned.alarms.open()}
        for alarm in await self._parts.store.alarms():
            if alarm.id in open_now:
                self._look_into(alarm)
            else:
                closed = msgspec.structs.replace(alarm, closed=self._clock.now(), ending="gone")
                await self._parts.store.put_alarms([closed])

    async def look(self) -> bool:
        """Look at what came since the last time, and keep what it comes to; return whether there may be more.

        Raises StateUnavailable where that cannot be kept now; nothing is lost, and the next look tries it again.
        """
        await self._look_at_configuration()
        await self._learn_accepted()
        looked = await self._parts.look(self._at_once)
        self._has_news |= bool(self._parts.learned.seen)
        self._raised += looked.raised
        self._changes += [change for event in looked.events if (change := change_of(event)) is not None]
        self._heard((), looked.events)
        if looked.left_out:
            log.warning("requests were left out of watching", extra={"count": looked.left_out})
        self._note_watched(is_behind=looked.has_more)
        await self._settle()
        return looked.has_more

    async def _learn_accepted(self) -> None:
        """Learn as usual what persons have accepted since it was asked last."""
        now = self._clock.monotonic()
        if now - self._asked_at < ACCEPTED_S or not self._parts.learned.alarms.open():
            return
        accepted = [alarm for alarm in await self._parts.store.alarms() if alarm.acceptance is not None]
        self._asked_at = now
        if accepted:
            await self.learn(accepted)

    async def learn(self, accepted: Sequence[Alarm]) -> None:
        """Learn as usual what alarms are about that a person has accepted, and keep that they are closed."""
        await asyncio.to_thread(self._parts.learned.accept, accepted)
        await self._settle()

    def _note_watched(self, *, is_behind: bool) -> None:
        """Count the time since the last look as watched, unless requests of it may still wait to be seen."""
        now = self._clock.monotonic()
        self._watched_s += 0.0 if is_behind else min(now - self._looked_at, LONGEST_LOOK_S)
        self._looked_at = now
        if self._watched_s >= WATCHED_S:
            self._parts.learned.wait(self._watched_s, self._clock.now())
            self._watched_s, self._has_news = 0.0, True

    async def _look_at_configuration(self) -> None:
        before = await self._parts.deployed.refresh()
        if before is None:
            return
        self._parts.configure()
        if before.rev:
            self._changes += changes_between(before, self._parts.deployed.snapshot, self._clock.now())

    async def _settle(self) -> None:
        """Keep what was changed, raised or closed; then it is due to be looked into."""
        if self._changes:
            await self._parts.store.put_changes(self._changes)
            self._changes = []
        self._raised += self._parts.learned.alarms.closed()
        is_due = self._has_news and self._clock.monotonic() - self._kept_at >= KEEP_S
        if not (self._raised or is_due):
            return
        await self.keep()
        raised, self._raised = self._raised, []
        for alarm in raised:
            if alarm.closed is None:
                _tell(alarm)
                self._look_into(alarm)

    async def keep(self) -> None:
        """Keep the alarms that were raised or closed, and what is known."""
        await self._parts.keep(self._raised)
        self._kept_at, self._has_news = self._clock.monotonic(), False

    def _look_into(self, alarm: Alarm) -> None:
        self._heard((alarm,), ())
        self._due[f"{CYCLE}:{alarm.id}"] = _Due(alarm.specialist, is_urgent=True)
        self._again.append((self._clock.monotonic() + SECOND_LOOK_S, alarm))

    def _look_again(self) -> None:
        now, open_now = self._clock.monotonic(), {alarm.id for alarm in self._parts.learned.alarms.open()}
        for at, alarm in self._again:
            if at <= now and alarm.id in open_now:
                due = _Due(alarm.specialist, f"{CYCLE}:{alarm.specialist}", is_urgent=True)
                self._due[f"{CYCLE}:{alarm.id}:again"] = due
        self._again = [(at, alarm) for at, alarm in self._again if at > now]

    def _begin_round(self) -> None:
        """Begin a cycle of each specialist that was asked since the last round."""
        now = self._clock.monotonic()
        if now < self._round_at:
            return
        self._round, self._round_at = self._round + 1, now + self._parts.deployed.base.guardians.cycle_s
        seen, self._parts.learned.seen = self._parts.learned.seen, set()
        for name in seen & set(self._parts.network.specialists):
            self._due[f"{CYCLE}:{name}:{self._boot}:{self._round}"] = _Due(name, f"{CYCLE}:{name}")

    async def enqueue_due(self) -> None:
        """Have the cycles begin that are due; what the engine cannot take now stays due."""
        self._begin_round()
        self._look_again()
        for id, due in sorted(self._due.items(), key=lambda each: not each[1].is_urgent):
            try:
                await self._engine.enqueue(CYCLE, due.specialist, id=id, once=due.once, urgent=due.is_urgent)
            except EngineUnavailable as error:
                log.debug("a cycle waits to be enqueued: %s", error)
                return
            del self._due[id]

    async def sweep(self) -> None:
        """Delete a little of what is over, once that is due; what cannot be deleted now is later."""
        if self._clock.monotonic() < self._sweep_at:
            return
        try:
            gone = await self._parts.store.forget()
            gone += await self._engine.forget(self._clock.now() - RUNS_KEPT_S)
        except (EngineUnavailable, StateUnavailable) as error:
            log.debug("what is over cannot be deleted now: %s", error)
            gone = 0
        if not gone:
            self._sweep_at = self._clock.monotonic() + SWEEP_S


def _tell(alarm: Alarm) -> None:
    facts = {"alarm": alarm.id, "specialist": alarm.specialist, "signal": alarm.signal}
    facts |= {"where": named(alarm.where), "observed": round(alarm.observed, 4)}
    log.warning("worse than expected", extra={**facts, "expected": round(alarm.expected, 4)})
