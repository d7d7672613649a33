"""The control process: takes reports from gateways over a local socket; the only writer of `telemetry.db`.

A batch is acknowledged once it is on disk, and then learned from (`learner.py`, `calibrator.py`). One such process
serves a data folder. It drains on SIGTERM, and ends with the process that started it (docs/design/contract.md).
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from pathlib import Path

import click
import msgspec

from guardian_cluster.contract import link
from guardian_cluster.contract.link import Ack, Batch, Hello, LinkError, Message, Up, Welcome
from guardian_cluster.contract.records import Spend
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.errors import BadArgument, CannotCreate, CommandError, Problem
from guardian_cluster.processes.calibrator import Calibrator
from guardian_cluster.processes.control_socket import listening, locked
from guardian_cluster.processes.forgetting import forget_old_conversations
from guardian_cluster.processes.learner import Learner
from guardian_cluster.processes.lifeline import follow_parent
from guardian_cluster.processes.monitor import Monitor
from guardian_cluster.storage import database, queries, retention
from guardian_cluster.storage.records import month_of
from guardian_cluster.storage.writer import RecordWriter, Unwritten
from guardian_cluster.telemetry.logs import set_up_logs

log = logging.getLogger("guardian.control")

HELLO_S = 5.0
"""How long a peer may be silent before it has said who it is."""

NICENESS = 5
"""Below the processes that answer requests: where there is not enough of the processor, records and guardians wait."""

RETENTION_S = 3_600.0
PARENT_POLL_S = 1.0
ACCEPT_RETRY_S = 1.0
CLOSE_S = 1.0

READ_BYTES = 1_000_000
SPENDS_A_FRAME = 500
"""A gateway reads so many in 0.2 ms."""

BACKLOG_BYTES = 1_000_000
"""A peer that leaves so much unread is cut off; when it comes back it gets everything anew."""


async def run_control(
    data_folder: Path,
    policy: RecordPolicy,
    stop: asyncio.Event,
    *,
    clock: Clock | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Take reports for a data folder until `stop` is set, then finish the batch in hand.

    `ready` is called when gateways can connect. Raises `CannotCreate` where the folder is in use or cannot be
    written, or its database is damaged or newer.
    """
    clock = clock or SystemClock()
    path = data_folder / database.FILE_NAME
    with ExitStack() as resources:
        resources.enter_context(locked(data_folder))
        engine = await asyncio.to_thread(database.open_database, path, now=clock.now())
        writer = RecordWriter(engine, path, policy=policy, clock=clock, stop=stop)
        try:
            listener = resources.enter_context(listening(data_folder))
            log.info("control process ready", extra={"folder": str(data_folder)})
            if ready is not None:
                ready()
            learner = Learner(data_folder, writer, clock, stop)
            calibrator = Calibrator(data_folder, writer, clock, stop)
            monitor = Monitor(data_folder, writer, clock, stop)
            await Control(data_folder, writer, learner, calibrator, monitor, policy, clock, stop).serve(
                listener
            )
        finally:
            await writer.close()
    log.info("control process ended", extra={"folder": str(data_folder)})


class Control:
    """Serves gateways that connect to a listening socket."""

    def __init__(
        self,
        folder: Path,
        writer: RecordWriter,
        learner: Learner,
        calibrator: Calibrator,
        monitor: Monitor,
        policy: RecordPolicy,
        clock: Clock,
        stop: asyncio.Event,
    ) -> None:
        self._folder = folder
        self._writer = writer
        self._learner = learner
        self._calibrator = calibrator
        self._monitor = monitor
        self._policy = policy
        self._clock = clock
        self._stop = stop
        self._peers: set[_Peer] = set()
        self._fatal: CannotCreate | None = None

    async def serve(self, listener: socket.socket) -> None:
        """Serve until stopped; raises `CannotCreate` where the database turns out to be damaged."""
        async with asyncio.TaskGroup() as tasks:
            accepting = tasks.create_task(self._accept(listener, tasks))
            tasks.create_task(self._retain())
            tasks.create_task(self._guarded(self._learner.run()))
            tasks.create_task(self._guarded(self._calibrator.run()))
            tasks.create_task(self._guarded(self._monitor.run()))
            await self._stop.wait()
            accepting.cancel()
        await self._guarded(self._learner.finish())
        if self._fatal is not None:
            raise self._fatal

    async def _accept(self, listener: socket.socket, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError as error:  # Out of file descriptors, most likely.
                log.error("no gateway can connect", extra={"error": str(error)})
                await asyncio.sleep(ACCEPT_RETRY_S)
            else:
                tasks.create_task(self._guarded(self._converse(connection)))

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Do the work; what goes wrong in it concerns nobody else, unless the database is damaged."""
        try:
            await work
        except Unwritten:
            pass  # Stopped while the database could not be written: the gateway still has the batch.
        except CannotCreate as error:
            self._fatal = error
            self._stop.set()
        except (LinkError, OSError) as error:
            log.warning("a gateway was cut off", extra={"error": str(error)})
        except Exception:
            log.exception("something failed")

    async def _converse(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=READ_BYTES)
        peer = _Peer(writer)
        try:
            async with aclosing(self._messages(reader, peer)) as messages:
                async for message in messages:
                    await self._take(message, peer)
        finally:
            self._peers.discard(peer)
            await peer.close()

    async def _messages(self, reader: asyncio.StreamReader, peer: "_Peer") -> AsyncGenerator[Up, None]:
        """Yield what a gateway sends until it closes or we are stopped; until its hello it has `HELLO_S`."""
        splitter = link.FrameSplitter()
        stopped = asyncio.create_task(self._stop.wait())
        try:
            while data := await _read(reader, stopped, None if peer.boot_id else HELLO_S):
                for message in map(link.decode_up, splitter.feed(data)):
                    if self._stop.is_set():
                        return
                    if message is not None:
                        yield message
        finally:
            stopped.cancel()

    async def _take(self, message: Up, peer: "_Peer") -> None:
        if isinstance(message, Hello):
            await self._greet(message, peer)
        elif not peer.boot_id:
            raise LinkError("something came before a hello")
        elif isinstance(message, Batch):
            await self._write(message, peer)
        else:
            log.info("a gateway serves a new revision", extra={"boot": peer.boot_id, "rev": message.rev})

    async def _greet(self, hello: Hello, peer: "_Peer") -> None:
        """Answer a hello with what has been spent this month, and tell of more from then on."""
        peer.send(Welcome(version=link.VERSION))
        if not link.compatible(hello.version):
            versions = f"{hello.version}, this is {link.VERSION}"
            raise LinkError(f"a gateway speaks version {versions}; upgrade the older one")
        peer.boot_id = hello.gateway_boot_id
        log.info("a gateway connected", extra={"boot": peer.boot_id, "rev": hello.applied_rev})
        spend = await self._writer.run(partial(queries.spend_of, month=month_of(self._clock.now())))
        self._peers.add(peer)  # With nothing awaited between, no batch can be written without being told.
        for start in range(0, len(spend) or 1, SPENDS_A_FRAME):  # one in any case: it is waited for
            peer.send(Ack(spend=tuple(spend[start : start + SPENDS_A_FRAME]), opening=True))

    async def _write(self, batch: Batch, peer: "_Peer") -> None:
        written = await self._writer.write(batch)
        if written.refused:
            log.warning("reports refused", extra={"boot": batch.id.boot_id, "count": written.refused})
        peer.send(Ack(batch=batch.id, spend=written.spend))
        self._tell_others(written.spend, peer)
        self._learner.take(written.requests, written.feedback)
        self._monitor.wake()

    def _tell_others(self, spend: Sequence[Spend], peer: "_Peer") -> None:
        if spend:
            for other in self._peers - {peer}:
                other.send(Ack(spend=tuple(spend)))

    async def _retain(self) -> None:
        """Delete what is over and make roll-ups coarser, at once and every hour."""
        while not self._stop.is_set():
            await self._guarded(self._sweep())
            await _wait(self._stop, RETENTION_S)

    async def _sweep(self) -> None:
        done = 0
        for step in retention.steps(self._policy, self._clock.now()):
            while not self._stop.is_set() and (some := await self._writer.run(step)):
                done += some
        conversations = await forget_old_conversations(self._folder, self._clock)
        log.info("retention done", extra={"rows": done, "conversations": conversations})


class _Peer:
    """A gateway's connection, as far as something is sent to it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.boot_id = ""
        self._writer = writer

    def send(self, message: Message) -> None:
        """Send a message, unless the gateway does not read."""
        if self._writer.transport.get_write_buffer_size() > BACKLOG_BYTES:
            self._writer.transport.abort()
        elif not self._writer.is_closing():
            self._writer.write(link.encode_message(message))

    async def close(self) -> None:
        """Send what was not sent yet, for a moment, and close."""
        self._writer.close()
        with suppress(OSError):
            async with asyncio.timeout(CLOSE_S):
                await self._writer.wait_closed()
        self._writer.transport.abort()


async def _read(
    reader: asyncio.StreamReader, stopped: "asyncio.Task[bool]", timeout_s: float | None
) -> bytes:
    """Return the next bytes; none at the end, when stopped, or when time is up."""
    reading = asyncio.create_task(reader.read(READ_BYTES))
    try:
        await asyncio.wait({reading, stopped}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else b""
    finally:
        reading.cancel()
        await asyncio.wait({reading})


async def _wait(stop: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await stop.wait()


async def _serve(data: Path, policy: RecordPolicy, lifeline_fd: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline_fd is not None:
        follow_parent(loop, lifeline_fd, stop.set)
    watching = asyncio.create_task(_stop_with_parent(stop))
    try:
        await run_control(data, policy, stop)
    finally:
        stop.set()
        await watching


async def _stop_with_parent(stop: asyncio.Event) -> None:
    parent = os.getppid()
    while not stop.is_set():
        await _wait(stop, PARENT_POLL_S)
        if os.getppid() != parent:
            log.warning("the parent process has ended")
            stop.set()


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--policy", default="{}", help="What is kept and for how long, as JSON.")
@click.option("--lifeline-fd", type=int)
@click.option("--log-level", default="info")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
def main(data: Path, policy: str, lifeline_fd: int | None, log_level: str, log_format: str) -> None:
    """Take reports for a data folder until SIGTERM, or until the parent process ends."""
    os.nice(NICENESS)
    set_up_logs(log_level, "json" if log_format == "json" else "text")
    try:
        asyncio.run(_serve(data, _policy(policy), lifeline_fd))
    except CommandError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


def _policy(text: str) -> RecordPolicy:
    try:
        return msgspec.json.decode(text, type=RecordPolicy)
    except msgspec.DecodeError as error:
        raise BadArgument(Problem("records-policy", f"--policy is not valid: {error}")) from error


if __name__ == "__main__":
    main()
