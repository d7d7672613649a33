"""What the guardians of a demo found and did, as the control process keeps it: read from its database, waited for."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from guardian_cluster.cli.demo.installation import DATA_NAME
from guardian_cluster.cli.demo.records import read_records, until_recorded
from guardian_cluster.cli.demo.stage import SceneFailedError, Stage
from guardian_cluster.cli.demo.traffic import Passed
from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.domain.action import Action
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.monitoring import MonitoringCycleResult
from guardian_cluster.domain.recovery import RecoveryResult
from guardian_cluster.errors import CommandError

if TYPE_CHECKING:
    from guardian_cluster.storage.state import StateStore

POLL_S = 0.25


class Found(msgspec.Struct, frozen=True):
    """A monitoring cycle that named a cause and a place."""

    alarm: Alarm
    """Of those that the cycle saw, that of the signal which shows the cause most, where there is one."""
    diagnosis: Diagnosis
    result: MonitoringCycleResult


class Recovered(msgspec.Struct, frozen=True):
    """An incident that a recovery is done with, and all that was kept of it."""

    incident: Incident
    result: RecoveryResult
    actions: Sequence[Action]
    calls: Sequence[Delivery]
    """By which people were called for its specialist until then, for this incident or any other."""


@asynccontextmanager
async def opened(folder: Path) -> "AsyncGenerator[StateStore]":
    """Open what the guardians of a demo in a folder keep. Raises SceneFailedError where it cannot be read."""
    # Imported here: it takes as long as all the rest, and other scenes need none of it.
    from guardian_cluster.storage.state import StateStore
    from guardian_cluster.storage.state_database import FILE_NAME

    try:
        store = await asyncio.to_thread(StateStore.open, folder / DATA_NAME / FILE_NAME, SystemClock())
        try:
            yield store
        finally:
            await store.close()
    except CommandError as error:
        raise SceneFailedError(f"what the guardians found cannot be read: {error}") from error


async def until_named(
    store: "StateStore", specialist: str, fits: Callable[[Diagnosis], bool], most_s: float
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


async def until_recovered(store: "StateStore", specialist: str, most_s: float) -> Recovered | None:
    """Wait until a recovery of a specialist has ended that did something and is confirmed; but not for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            while True:
                for incident in await store.incidents():
                    if incident.specialist == specialist and incident.mitigated is not None:
                        found = await _recovered(store, incident)
                        if found is not None and found.actions:
                            return found
                await asyncio.sleep(POLL_S)
    return None


async def until_called(store: "StateStore", specialist: str, most_s: float) -> Sequence[Delivery]:
    """Return the calls to people for a specialist once one is delivered, or whatever there is after a while."""
    calls: Sequence[Delivery] = ()
    with suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            while not any(each.state == "delivered" for each in calls):
                await asyncio.sleep(POLL_S if calls else 0.0)
                calls = await _calls(store, specialist)
    return calls


async def records_of(folder: Path, passed: Sequence[Passed]) -> list[RequestRecord]:
    """Return the records of requests, in their order, with what guardians alone are told; of some perhaps none."""
    ids = [each.reply.id for each in passed]
    await until_recorded(folder, ids)
    records = {each.id: each for each in await asyncio.to_thread(read_records, folder)}
    return [records[id] for id in ids if id in records]


def tell_history(stage: Stage, incident: Incident, began: float) -> None:
    """Tell what happened in an incident, each with the seconds since its fault began."""
    for entry in incident.history:
        stage.find(f"after {entry.at - began:.1f} s", entry.said)


async def _calls(store: "StateStore", specialist: str) -> Sequence[Delivery]:
    """Return the calls for a specialist that were not taken back before anybody heard them, newest first."""
    said = [each for each in await store.deliveries() if each.alert.specialist == specialist]
    return [each for each in said if each.alert.state == "trigger" and each.state != "given_up"]


async def _recovered(store: "StateStore", incident: Incident) -> Recovered | None:
    results = [await store.result(each) for each in incident.event_ids]
    acted = [each for each in results if each is not None and each.recovery_outcome.kept]
    if not acted:
        return None
    actions = await store.actions(incident_id=incident.parent or incident.id)
    return Recovered(incident, acted[0], actions, await _calls(store, incident.specialist))


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
