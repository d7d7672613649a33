"""The real processes of a demo: `guardian ingest`, and a gateway with all that `guardian serve` starts."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from guardian_cluster.cli.demo.installation import CONFIG_NAME, DATA_NAME, HANDBOOK_NAME
from guardian_cluster.errors import CannotCreate, CheckFailed, Problem, printable

START_TIMEOUT_S = 40.0
"""More than the supervisor itself waits for its gateway, so that its own words are heard."""

INGEST_TIMEOUT_S = 30.0

END_TIMEOUT_S = 12.0
"""More than draining and the grace of both its children take."""

KILL_TIMEOUT_S = 2.0

LOG_NAME = "gateway.log"


class Ingestion(msgspec.Struct, frozen=True):
    """What `guardian ingest` says it did."""

    added: tuple[str, ...]
    passages: int


class Running(msgspec.Struct, frozen=True):
    """A gateway that answers."""

    url: str
    pid: int


async def ingest(folder: Path) -> Ingestion:
    """Put the handbook into memory. Raises CheckFailed with what the command said where it does not."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "guardian_cluster.cli.main", "ingest", "--json"),
        *("--data", str(folder / DATA_NAME), str(folder / HANDBOOK_NAME)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=clean_environment(),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(INGEST_TIMEOUT_S):
            said, complaint = await process.communicate()
    finally:
        await _end(process)
    if process.returncode:
        raise CheckFailed(_problem("the handbook was not ingested", complaint.decode(errors="replace")))
    return msgspec.json.decode(said, type=Ingestion)


@asynccontextmanager
async def running_gateway(folder: Path) -> AsyncGenerator[Running, None]:
    """Run the gateway of the folder's configuration until the block ends; nothing of it is left then.

    Raises:
        CannotCreate: it does not start; the message has the end of its log.
    """
    with (folder / LOG_NAME).open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "guardian_cluster.cli.demo.serving", str(folder / CONFIG_NAME)),
            stdin=PIPE,  # its end tells the gateway that this process has gone, also when it is killed
            stdout=PIPE,
            stderr=log,
            env=clean_environment(),
            start_new_session=True,  # a Ctrl-C at the terminal is this process's to pass on
        )
    try:
        yield Running(await _address(process, folder / LOG_NAME), process.pid)
    finally:
        await _end(process)


def clean_environment() -> dict[str, str]:
    """Return the variables without those that would change the gateway's configuration."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GUARDIAN_")}


async def _address(process: Process, log: Path) -> str:
    assert process.stdout is not None
    line = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
    if not line:
        said = await asyncio.to_thread(log.read_text, "utf-8", "replace")
        raise CannotCreate(_problem("the gateway did not start", said))
    return json.loads(line)["url"]


async def _end(process: Process) -> None:
    """Ask a process to end; kill it when it takes too long, or when this too is to end at once."""
    try:
        _signal(process, signal.SIGTERM)
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        await _kill(process)
    except asyncio.CancelledError:
        await _kill(process)
        raise


async def _kill(process: Process) -> None:
    """End a process at once: at a second SIGTERM a supervisor kills its children first."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KILL_TIMEOUT_S):
            await process.wait()
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def _problem(what: str, said: str) -> Problem:
    """Return what went wrong with the line of a log that tells most: an error of ours, else one of Python's."""
    lines = [line.strip(" |") for line in said.splitlines() if line.strip(" |")]
    ours = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    pythons = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception"))]
    told = [*ours, *pythons, *lines[-1:], "nothing"]
    hint = f"it said: {printable(told[0], 300)}"
    return Problem("demo-start", what, hint=hint, see="guardian demo --keep FOLDER")
