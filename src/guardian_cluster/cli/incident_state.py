"""The state of a data folder, open for one command about incidents, whether a gateway runs on it or not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, TypeVar

from guardian_cluster.cli.deciding import TIME_S
from guardian_cluster.config import Config, find_config, load_sections
from guardian_cluster.configuration.deployment import deploy
from guardian_cluster.configuration.name_checks import NAME_RULE, is_name
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
    config: Config


def with_incidents(
    config_path: Path | None, work: Callable[[Incidents], Awaitable[_Result]], *, make: bool = False
) -> _Result:
    """Do something with the incidents of the configured data folder.

    Where none was ever opened no file is made, unless one is to be kept now (`make`). Raises CommandError.
    """
    config, _ = load_sections(["data"], find_config(config_path))
    return asyncio.run(_with_incidents(config, work, make=make))


async def _with_incidents(
    config: Config, work: Callable[[Incidents], Awaitable[_Result]], *, make: bool
) -> _Result:
    from guardian_cluster.storage.state import StateStore
    from guardian_cluster.storage.state_database import FILE_NAME

    clock, path = SystemClock(), config.data_folder / FILE_NAME
    async with AsyncExitStack() as resources, asyncio.timeout(TIME_S):
        store: IncidentStore = MemoryIncidentStore()
        outbox: OutboxStore = MemoryOutbox()
        if make or path.exists():
            _made(path.parent)
            kept = await asyncio.to_thread(StateStore.open, path, clock)
            resources.push_async_callback(kept.close)
            store = outbox = kept
        return await work(Incidents(store, outbox, ByHand(store, clock), clock, config))


def check_place(config: Config, specialist: str, where: Slice) -> None:
    """Raise BadArgument where there is no such specialist or endpoint.

    Where nothing was deployed yet, the configuration says who there is; where that names nobody, any name may be one.
    """
    if not is_name(specialist):
        message = (
            f"the name of a specialist {NAME_RULE}, and {printable(specialist) or 'an empty one'} is none"
        )
        raise _unknown("unknown-specialist", message, [each.name for each in _served(config)])
    served = {each.name: each for each in _served(config)}
    if not served:
        return
    if specialist not in served:
        message = f"no specialist {printable(specialist)} is deployed"
        raise _unknown("unknown-specialist", message, list(served))
    _check_endpoint(served[specialist], dict(where).get("endpoint"))


def _served(config: Config) -> Sequence[Specialist]:
    from guardian_cluster.contract.snapshot_file import read_snapshot

    try:
        return read_snapshot(config.data_folder).base.specialists
    except (OSError, ValueError):
        return deploy(config, ()).specialists if config.specialist else ()


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
