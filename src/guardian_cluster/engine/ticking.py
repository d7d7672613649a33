"""When a schedule is due: at multiples of its interval since 1970, so that all processes mean the same times."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from guardian_cluster.domain.clock import Clock
from guardian_cluster.engine.engine import EngineUnavailable

log = logging.getLogger("guardian.engine")

_LOOK_S = 0.1
"""How often the clock is looked at: it may be set, or stand still while the machine sleeps."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow that is enqueued every so many seconds."""

    name: str
    workflow: str
    argument: Any
    every_s: float

    def next_after(self, now: float) -> float:
        """Return when it is due next; times of before are left out, however many they are."""
        return (math.floor(now / self.every_s) + 1) * self.every_s

    def run_id(self, due: float) -> str:
        """Return the id of the run of one time: the same in every process, so that it runs once."""
        return f"{self.name}@{round(due * 1_000)}"

    @property
    def once(self) -> str:
        """What keeps a second run of it from being enqueued while one waits or runs."""
        return f"schedule:{self.name}"


Enqueue = Callable[[Schedule, float], Awaitable[None]]
"""Enqueues the run of one time of a schedule."""


def checked(schedule: Schedule) -> Schedule:
    """Return a schedule that can be kept. Raises ValueError."""
    if not math.isfinite(schedule.every_s) or schedule.every_s <= 0:
        raise ValueError(f"every_s is {schedule.every_s}, and not a time above 0")
    return schedule


def tick(
    schedule: Schedule, clock: Clock, enqueue: Enqueue, stop: asyncio.Event
) -> Coroutine[Any, Any, None]:
    """Enqueue what is due from now on, until told to stop; a time without a database is missed like any other."""
    return _tick(schedule, clock, enqueue, stop, schedule.next_after(clock.now()))


async def _tick(schedule: Schedule, clock: Clock, enqueue: Enqueue, stop: asyncio.Event, due: float) -> None:
    while not stop.is_set():
        now = clock.now()
        if now >= due:
            await _enqueue(schedule, schedule.next_after(now) - schedule.every_s, enqueue)
            due = schedule.next_after(now)
        elif due - now > schedule.every_s:  # the clock was set back
            due = schedule.next_after(now)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await stop.wait()


async def _enqueue(schedule: Schedule, due: float, enqueue: Enqueue) -> None:
    try:
        await enqueue(schedule, due)
    except EngineUnavailable as error:
        log.warning("a scheduled run was missed", extra={"schedule": schedule.name, "reason": str(error)})
    except Exception:
        log.exception("a scheduled run was missed", extra={"schedule": schedule.name})
