"""Calibration in the control process: reads scores of sound traffic, and puts the thresholds they call for on file.

It stands behind recording in everything, as the learner does: it reads a page at a time of what is on disk, and
whatever goes wrong here is logged and tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from guardian_cluster.contract.snapshot_file import read_snapshot, stamp
from guardian_cluster.contract.threshold_action import Scope, ThresholdAction
from guardian_cluster.domain.clock import Clock
from guardian_cluster.errors import CommandError
from guardian_cluster.learning.sound_scores import examples_of
from guardian_cluster.learning.threshold_calibration import Drifted, ThresholdCalibration
from guardian_cluster.learning.threshold_calibration import Place as Moment
from guardian_cluster.learning.threshold_ledger import (
    Draft,
    in_force,
    learned_until,
    pending,
    with_drafts,
)
from guardian_cluster.storage import detections
from guardian_cluster.storage.detections import Judged, Place
from guardian_cluster.storage.records import DAY_S
from guardian_cluster.storage.writer import RecordWriter, Unwritten
from guardian_cluster.thresholds import ThresholdFile

log = logging.getLogger("guardian.calibration")

TICK_S = 5.0
PAUSE_S = 0.02
"""Between two pages, in which batches are written: a look back at all that is remembered takes a minute."""

SETTLE_S = 600.0
"""A request counts when it began so long ago: by then its caller may have said that it was bad."""

LOOK_BACK_S = 30.0 * DAY_S
MAX_LOOKED_BACK = 100_000
"""Requests from before the start that scores are taken from: 30 days of them, but not more than so many."""


class _Asked(NamedTuple):
    """The false-alarm rates of a snapshot."""

    by_tenant: Mapping[str, float]
    default: float

    def of(self, scope: Scope) -> float:
        return self.by_tenant.get(scope.tenant, self.default)


class Calibrator:
    """Learns thresholds from what is recorded in a data folder until it is told to stop."""

    def __init__(self, folder: Path, writer: RecordWriter, clock: Clock, stop: asyncio.Event) -> None:
        self._folder = folder
        self._writer = writer
        self._clock = clock
        self._stop = stop
        self._file = ThresholdFile(folder)
        self._calibration = ThresholdCalibration()
        self._place: Place | None = None
        self._drifts: dict[str, float] = {}
        self._asked: _Asked | None = None
        self._stamp: tuple[int, int] | None = None

    async def run(self) -> None:
        """Calibrate until told to stop, on from what is on disk."""
        while not self._stop.is_set():
            await self._guarded(self.tick)
            await self._wait(TICK_S)

    async def tick(self) -> None:
        """Take in what has settled since the last time, and put on file what it calls for."""
        if self._place is None:
            self._place = await self._begin()
        has_more = True
        has_news = await self._read_policy()
        while has_more and not self._stop.is_set():
            has_more, taken = await self._take_page()
            has_news |= taken > 0
        if has_news and self._asked is not None and not self._stop.is_set():
            await self._propose(self._asked)

    async def _begin(self) -> Place:
        """Return where to begin to read, and remember what was done before."""
        actions = await asyncio.to_thread(self._file.load)
        self._calibration.note(learned_until(actions or ()))
        self._drifts = await self._writer.run(detections.drifts)
        read = partial(detections.newest_start, count=MAX_LOOKED_BACK)
        return Place(max(await self._writer.run(read) or 0.0, self._clock.now() - LOOK_BACK_S))

    async def _read_policy(self) -> bool:
        """Read what is asked, where another snapshot was deployed; return whether one was."""
        now = stamp(self._folder)
        if now is None or now == self._stamp:
            return False
        try:
            base = (await asyncio.to_thread(read_snapshot, self._folder)).base
        except (OSError, ValueError):
            return False  # the last policy stays until there is one that can be read
        own = {tenant.name: tenant.watch.false_alarms for tenant in base.tenants if tenant.watch is not None}
        self._asked, self._stamp = _Asked(own, base.watch.false_alarms), now
        return True

    async def _take_page(self) -> tuple[bool, int]:
        """Take in some requests; return whether there may be more, and how many had scores."""
        place = self._place or await self._begin()
        until = self._clock.now() - SETTLE_S
        page = await self._writer.run(partial(detections.scored_after, place=place, until=until))
        for judged in page.requests:
            for drifted in self._take(judged):
                await self._note_drift(drifted)
            await asyncio.sleep(0)
        if page.place is None:
            return False, 0
        self._place = page.place
        await self._wait(PAUSE_S)
        return True, len(page.requests)

    def _take(self, judged: Judged) -> list[Drifted]:
        moment = Moment(judged.record.started, judged.record.id)
        taken = [self._calibration.take(each, moment) for each in examples_of(*judged)]
        return [drifted for drifted in taken if drifted is not None]

    async def _note_drift(self, drifted: Drifted) -> None:
        """Tell of a drift once: one that is found again while looking back is known."""
        subject, note = str(drifted.scope), drifted.note
        if note.at <= self._drifts.get(subject, 0.0):
            return
        self._drifts[subject] = note.at
        facts = {"detector": drifted.scope.detector, "specialist": drifted.scope.specialist}
        facts |= {"tenant": drifted.scope.tenant, "change": note.change}
        log.warning("a detector's scores have drifted", extra={**facts, "scores": note.scores})
        write = partial(detections.note_drift, subject=subject, change=note.change)
        await self._writer.run(partial(write, scores=note.scores, at=note.at))

    async def _propose(self, asked: _Asked) -> None:
        actions = await asyncio.to_thread(self._file.load) or ()
        self._calibration.note(learned_until(actions))
        current, waiting = in_force(actions), pending(actions)
        drafts: list[Draft] = []
        for scope in self._calibration.scopes():
            draft = self._calibration.draft(scope, asked.of(scope), current.get(scope), waiting.get(scope))
            drafts += [] if draft is None else [draft]
            await asyncio.sleep(0)
        if drafts:
            await self._put_on_file(drafts, {action.id for action in actions})

    async def _put_on_file(self, drafts: list[Draft], known: set[str]) -> None:
        decide = partial(with_drafts, drafts=drafts, now=self._clock.now())
        actions = await asyncio.to_thread(self._file.change, decide)
        self._calibration.note(learned_until(actions))
        for action in actions:
            if action.id not in known:
                log.info("a threshold was learned", extra=_facts(action))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work; what goes wrong in it is tried again with the next tick, and harms nothing else."""
        try:
            await work()
        except Unwritten:
            pass  # stopped while the database could not be read
        except CommandError as error:
            log.warning("thresholds cannot be kept", extra={"reason": str(error)})
        except Exception:
            log.exception("no thresholds could be learned")

    async def _wait(self, time_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(time_s):
                await self._stop.wait()


def _facts(action: ThresholdAction) -> dict[str, object]:
    facts: dict[str, object] = {"threshold": action.id, "state": action.state, **action.scope._asdict()}
    return facts | {"before": action.before, "after": action.after, "examples": action.evidence.examples}
