"""The state of a data folder, open for one command about incidents, whether a gateway runs on it or not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, TypeVar

from guardian_cluster.cli.deciding import TIME_S
from guardian_cluster.config import find_config, load_sections
from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.domain.observation import Slice
from guardian_cluster.errors import BadArgument, CannotCreate, Problem, printable
from guardian_cluster.recovery.alerts.memory_outbox import MemoryOutbox
from guardian_cluster.recovery.by_hand import SEE, ByHand
from guardian_cluster.recovery.memory_store import MemoryIncidentStore
from guardian_cluster.recovery.ports import IncidentStore, OutboxStore

_Result = TypeVar("_Result")


class Incidents(NamedTuple):
    """What one command works on."""

    store: IncidentStore
    outbox: OutboxStore
    by_hand: ByHand
    clock: Clock
    folder: Path


def with_incidents(
    config_path: Path | None, work: Callable[[Incidents], Awaitable[_Result]], *, make: bool = False
) -> _Result:
    """Do something with the incidents of the configured data folder.

    Where none was ever opened no file is made, unless one is to be kept now (`make`). Raises CommandError.
    """
    config, _ = load_sections(["data"], find_config(config_path))
    return asyncio.run(_with_incidents(config.data_folder, work, make=make))


async def _with_incidents(
    folder: Path, work: Callable[[Incidents], Awaitable[_Result]], *, make: bool
) -> _Result:
    from guardian_cluster.storage.state import StateStore
    from guardian_cluster.storage.state_database import FILE_NAME

    clock, path = SystemClock(), folder / FILE_NAME
    async with AsyncExitStack() as resources, asyncio.timeout(TIME_S):
        store: IncidentStore = MemoryIncidentStore()
        outbox: OutboxStore = MemoryOutbox()
        if make or path.exists():
            _made(folder)
            kept = await asyncio.to_thread(StateStore.open, path, clock)
            resources.push_async_callback(kept.close)
            store = outbox = kept
        return await work(Incidents(store, outbox, ByHand(store, clock), clock, folder))


def check_place(folder: Path, specialist: str, where: Slice) -> None:
    """Raise BadArgument where what is deployed knows no such specialist or endpoint; where nothing is, all may be."""
    from guardian_cluster.contract.snapshot_file import read_snapshot

    try:
        served = {each.name: each for each in read_snapshot(folder).base.specialists}
    except (OSError, ValueError):
        return
    if specialist not in served:
        message = f"no specialist {printable(specialist)} is deployed"
        raise _unknown("unknown-specialist", message, list(served))
    _check_endpoint(served[specialist], dict(where).get("endpoint"))


def _check_endpoint(specialist: Specialist, endpoint: str | None) -> None:
    known = [each.id for each in specialist.endpoints]
    if endpoint is not None and endpoint not in known:
        raise _unknown("unknown-endpoint", f"{specialist.name} has no endpoint {printable(endpoint)}", known)


def _unknown(code: str, message: str, known: list[str]) -> BadArgument:
    named = ", ".join(printable(each) for each in known) or "none"
    return BadArgument(Problem(code, message, hint=f"deployed are: {named}", see=SEE))


def _made(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotCreate(
            Problem("state-folder", f"{folder} cannot be created: {error}", see=SEE)
        ) from error
