"""What the guardians of a demo found, as the control process keeps it: read from its database, and waited for."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from guardian_cluster.cli.demo.installation import DATA_NAME
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.monitoring import MonitoringCycleResult
from guardian_cluster.monitoring.ports import MonitoringStore

POLL_S = 0.25


class Found(msgspec.Struct, frozen=True):
    """A monitoring cycle that named a cause and a place."""

    alarm: Alarm
    """Of those that the cycle saw, that of the signal which shows the cause most, where there is one."""
    diagnosis: Diagnosis
    result: MonitoringCycleResult


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[MonitoringStore]:
    """Open what the guardians of a demo in a folder keep. Raises CannotCreate where it is not there."""
    # Imported here: it takes as long as all the rest, and other scenes need none of it.
    from guardian_cluster.storage.state import StateStore
    from guardian_cluster.storage.state_database import FILE_NAME

    store = await asyncio.to_thread(StateStore.open, folder / DATA_NAME / FILE_NAME, SystemClock())
    try:
        yield store
    finally:
        await store.close()


async def until_named(
    store: MonitoringStore, specialist: str, fits: Callable[[Diagnosis], bool], most_s: float
) -> Found | None:
    """Wait until a cycle of a specialist has named a cause that fits, after an alarm; but not for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            while True:
                for result in await store.cycles(specialist):
                    if (found := _named(result, fits)) is not None:
                        return found
                await asyncio.sleep(POLL_S)
    return None


def _named(result: MonitoringCycleResult, fits: Callable[[Diagnosis], bool]) -> Found | None:
    alarms, diagnoses = (
        result.guardian_reports.watcher.alarms,
        result.guardian_reports.diagnostician.diagnoses,
    )
    fitting = [each for each in diagnoses if each.cause is not None and each.findings and fits(each)]
    if not alarms or not fitting:
        return None
    alarm = next((each for each in alarms if each.signal == fitting[0].signal), alarms[0])
    return Found(alarm, fitting[0], result)
