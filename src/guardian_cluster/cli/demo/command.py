"""The command `guardian demo`: its options, its folder, and how it is stopped."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path

import click

from guardian_cluster.cli.demo.events import Ended, Log, Started
from guardian_cluster.cli.demo.lines import LineLog
from guardian_cluster.cli.demo.performance import perform
from guardian_cluster.cli.demo.screen import ScreenLog
from guardian_cluster.cli.demo.stage import Narrator
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import EXIT_CHECK_FAILED, EXIT_OK, BadArgument, CannotCreate, Problem, printable

_STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, whoever ends processes, and a terminal that is closed."""

_SIGNALLED = 128
"""What shells add to a signal's number: 130 after Ctrl-C."""


@click.command()
@click.option("--keep", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep all files in FOLDER.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def demo(keep: Path | None, as_json: bool) -> int:
    """Show in nine scenes what the gateway does; no key, no network, nothing left behind.

    Real processes serve real HTTP on this machine; the models are simulated. Each scene is checked against what was
    recorded. The exit status is 3 where something did not happen as it should.
    """
    log: Log = LineLog() if as_json else ScreenLog()
    narrator = Narrator(log, SystemClock())
    with _folder(keep) as folder:
        narrator.tell(Started(folder=str(folder), kept=keep is not None))
        ended = asyncio.run(_until_stopped(perform(narrator, folder)))
    if isinstance(ended, signal.Signals):
        return _SIGNALLED + ended
    status = EXIT_CHECK_FAILED if ended else EXIT_OK
    kept = str(folder) if folder.exists() else None
    narrator.tell(Ended(status=status, seconds=round(narrator.passed_s, 1), unmet=ended, folder=kept))
    return status


async def _until_stopped(
    performance: Coroutine[None, None, tuple[str, ...]],
) -> tuple[str, ...] | signal.Signals:
    """Return what a performance does, or the signal that ended it; a second one ends it at once."""
    performing = asyncio.create_task(performance)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not received:
            click.echo("stopping what was started; a second signal ends it at once", err=True)
        received.append(number)
        performing.cancel()

    loop = asyncio.get_running_loop()
    for number in _STOPPED_BY:
        loop.add_signal_handler(number, stop, number)
    await asyncio.wait({performing})
    return received[0] if received and performing.cancelled() else performing.result()


@contextmanager
def _folder(keep: Path | None) -> Generator[Path]:
    """Give an empty folder, which is removed at the end unless it is to be kept.

    Raises:
        BadArgument: the folder to keep has something in it.
        CannotCreate: there can be no folder.
    """
    try:
        if keep is not None:
            keep.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = keep.resolve()
            empty = not any(folder.iterdir())
        else:
            folder, empty = Path(tempfile.mkdtemp(prefix="guardian-demo-")), True
    except OSError as error:
        where = f"{printable(str(keep), 200)} " if keep else "a temporary folder "
        message = f"{where}cannot be used: {error.strerror}"
        hint = "name one with: guardian demo --keep FOLDER"
        raise CannotCreate(Problem("demo-folder", message, hint=hint, see="guardian demo --help")) from error
    if not empty:
        message = f"{printable(str(keep), 200)} is not empty, and a demo writes over what it finds"
        raise BadArgument(Problem("demo-folder", message, see="guardian demo --help"))
    try:
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
