import asyncio
import os
import random
import resource
import signal
import socket
import sqlite3
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from sample_records import request_record

from guardian_cluster.contract import link
from guardian_cluster.contract.link import Ack, Applied, BatchId, Hello, Message, Welcome
from guardian_cluster.contract.records import RequestRecord, Spend
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import CannotCreate
from guardian_cluster.processes.control import run_control
from guardian_cluster.processes.control_socket import LOCK_NAME
from guardian_cluster.storage.database import FILE_NAME
from guardian_cluster.storage.histogram import counts_in, unpacked
from guardian_cluster.storage.records import month_of
from guardian_cluster.telemetry.address import PATH_NAME, SOCKET_NAME, socket_path
from guardian_cluster.telemetry.limits import ReporterLimits
from guardian_cluster.telemetry.reporter import Reporter

QUICK = ReporterLimits(batch_s=0.01, first_retry_s=0.01, last_retry_s=0.05, close_s=10.0)
CONTROL = [sys.executable, "-m", "guardian_cluster.processes.control"]

KILLED_BEFORE_ACK = """
import os, signal
from guardian_cluster.storage.writer import RecordWriter

write = RecordWriter.write

async def write_and_die(self, batch):
    await write(self, batch)
    if batch.requests:
        os.kill(os.getpid(), signal.SIGKILL)

RecordWriter.write = write_and_die
from guardian_cluster.processes.control import main
main()
"""

NOTHING_TOLD = (None, Ack(), Ack(opening=True))
"""What a gateway hears that says nothing of what was spent."""


def request(id: str, cost_usd: float = 0.0, started: float | None = None) -> RequestRecord:
    return request_record(id, started=SystemClock().now() if started is None else started, cost_usd=cost_usd)


def batch_frame(*requests: RequestRecord, sequence: int = 1, boot_id: str = "boot") -> bytes:
    body = link.encode_batch(BatchId(boot_id, sequence), {"request": map(link.encode_report, requests)})
    return link.header(body) + body


@asynccontextmanager
async def running(folder: Path, policy: RecordPolicy | None = None) -> AsyncIterator[asyncio.Event]:
    """Run a control process in this one until the block ends."""
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_control(folder, policy or RecordPolicy(), stop, ready=ready.set))
    try:
        await asyncio.wait({task, asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            yield stop
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


class Gateway:
    """A gateway's end of the connection, spoken by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._splitter = link.FrameSplitter()
        self._heard: list[Message] = []

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.writer.write(link.encode_message(message))

    async def hear(self) -> Message | None:
        """Return the next message; `None` when the connection is closed."""
        async with asyncio.timeout(10):
            while not self._heard:
                data = await self.reader.read(65_536)
                if not data:
                    return None
                bodies = self._splitter.feed(data)
                said = map(link.decode_down, bodies)
                self._heard += [each for each in said if each not in NOTHING_TOLD]
        return self._heard.pop(0)


@asynccontextmanager
async def connected(folder: Path, boot_id: str | None = "boot") -> AsyncIterator[Gateway]:
    reader, writer = await asyncio.open_unix_connection(socket_path(folder))
    gateway = Gateway(reader, writer)
    if boot_id is not None:
        gateway.say(Hello(version=link.VERSION, gateway_boot_id=boot_id, applied_rev=0))
        assert isinstance(await gateway.hear(), Welcome)
    try:
        yield gateway
    finally:
        writer.close()


def ask(folder: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return connection.execute(question).fetchall()


def reported(folder: Path) -> tuple[int, int, int]:
    """Return how many requests there are as rows, in roll-ups and in their histograms."""
    rows = ask(folder, "SELECT count(*) FROM request") + ask(folder, "SELECT sum(n) FROM rollup")
    histograms = [unpacked(data) for (data,) in ask(folder, "SELECT duration_histogram FROM rollup")]  # type: ignore[arg-type]
    timed = sum(count for _, count in counts_in(sum(histograms)))
    return (*(row[0] for row in rows), timed)  # type: ignore[return-value]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def reporter(folder: Path, on_spend: Callable[[Sequence[Spend]], None] | None = None) -> Reporter:
    return Reporter(folder, random.Random(1), clock=SystemClock(), limits=QUICK, on_spend=on_spend)


def spent(folder: Path) -> float:
    return sum(usd for (usd,) in ask(folder, "SELECT usd FROM spend"))  # type: ignore[misc]


@asynccontextmanager
async def started(folder: Path, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a control process of its own, until it listens; kill it in the end."""
    arguments = [*(command or CONTROL), "--data", str(folder), "--log-level", "warning"]
    process = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE)
    try:
        await until(lambda: process.returncode is not None or can_connect(folder))
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def can_connect(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(socket_path(folder)) == 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_what_a_gateway_reports_is_in_the_database_when_it_has_ended(tmp_path: Path) -> None:
    async with running(tmp_path):
        async with reporter(tmp_path) as opened:
            for number in range(1_234):
                opened.report(request(str(number)))

        assert reported(tmp_path) == (1_234, 1_234, 1_234)
    assert not opened.dropped


async def test_a_batch_is_acknowledged_with_what_its_keys_have_spent(tmp_path: Path) -> None:
    month = month_of(SystemClock().now())
    async with running(tmp_path), connected(tmp_path) as gateway:
        gateway.writer.write(batch_frame(request("r1", 1.5), request("r2", 2.0)))

        assert await gateway.hear() == Ack(
            batch=BatchId("boot", 1), spend=(Spend(key="k1", month=month, usd=3.5),)
        )


async def test_a_batch_sent_twice_is_acknowledged_twice_and_written_once(tmp_path: Path) -> None:
    async with running(tmp_path), connected(tmp_path) as gateway:
        gateway.writer.write(batch_frame(request("r1")) * 2)

        assert [await gateway.hear(), await gateway.hear()] == [Ack(batch=BatchId("boot", 1))] * 2
        assert reported(tmp_path) == (1, 1, 1)


async def test_every_gateway_is_told_what_is_spent_through_any(tmp_path: Path) -> None:
    async with running(tmp_path), connected(tmp_path, "a") as spender, connected(tmp_path, "b") as other:
        spender.writer.write(batch_frame(request("r1", 1.5), boot_id="a"))
        told = await other.hear()
        async with connected(tmp_path, "c") as late:
            told_late = await late.hear()

    assert isinstance(told, Ack)
    assert told.batch is None
    assert [spend.usd for spend in told.spend] == [1.5]
    assert (told.opening, told_late) == (False, msgspec.structs.replace(told, opening=True))


async def test_what_was_spent_before_a_restart_is_told_after_the_hello(tmp_path: Path) -> None:
    told: list[Spend] = []
    for boot in range(3):
        async with running(tmp_path), reporter(tmp_path, told.extend) as opened:
            await until(lambda boot=boot: opened.is_connected() and len(told) == boot)
            opened.report(request(f"r{boot}", 1.5))

    assert [(spend.key, spend.usd) for spend in told] == [("k1", 1.5), ("k1", 3.0)]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 100,
        b"\0\0\0\1\xc1",
        batch_frame(),
        link.encode_message(Applied(rev=1)),
    ],
)
async def test_a_peer_that_talks_nonsense_is_cut_off_and_the_others_are_served(
    tmp_path: Path, nonsense: bytes
) -> None:
    async with running(tmp_path), connected(tmp_path) as good, connected(tmp_path, None) as bad:
        bad.writer.write(nonsense)
        assert await bad.hear() is None

        good.writer.write(batch_frame(request("r1")))
        assert isinstance(await good.hear(), Ack)


async def test_a_gateway_of_a_distant_version_is_told_ours_and_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path), connected(tmp_path, None) as gateway:
        gateway.say(Hello(version=link.VERSION + 2, gateway_boot_id="b", applied_rev=0))

        assert await gateway.hear() == Welcome(version=link.VERSION)
        assert await gateway.hear() is None


async def test_messages_of_a_newer_gateway_are_passed_over(tmp_path: Path) -> None:
    body = msgspec.msgpack.encode({"kind": "quota", "slice": 1})
    async with running(tmp_path), connected(tmp_path) as gateway:
        gateway.writer.write(len(body).to_bytes(4) + body)
        gateway.writer.write(batch_frame(request("r1")))

        assert await gateway.hear() == Ack(batch=BatchId("boot", 1))


async def test_the_revision_that_a_gateway_serves_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with running(tmp_path), connected(tmp_path) as gateway:
        gateway.say(Applied(rev=42))
        gateway.writer.write(batch_frame(request("r1")))
        await gateway.hear()

    (logged,) = [record for record in caplog.records if "new revision" in record.getMessage()]
    assert (logged.__dict__["boot"], logged.__dict__["rev"]) == ("boot", 42)


async def test_a_batch_waits_for_a_locked_database_and_is_not_acknowledged_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path), connected(tmp_path) as gateway:
        with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            gateway.writer.write(batch_frame(request("r1")))
            answer = asyncio.create_task(gateway.hear())
            await until(lambda: "records wait" in caplog.text)
            assert not answer.done()
            other.execute("ROLLBACK")

        assert await answer == Ack(batch=BatchId("boot", 1))


async def test_old_records_are_deleted_at_the_start(tmp_path: Path) -> None:
    async with running(tmp_path), connected(tmp_path) as gateway:
        gateway.writer.write(batch_frame(request("old", started=1e9), request("new")))
        await gateway.hear()

    async with running(tmp_path):
        await until(lambda: ask(tmp_path, "SELECT id FROM request") == [("new",)])


async def test_damage_found_while_running_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    async with running(tmp_path), connected(tmp_path) as gateway:
        gateway.writer.write(batch_frame(request("r1")))
        await gateway.hear()
    ((page,),) = ask(tmp_path, "SELECT rootpage FROM sqlite_master WHERE name = 'request'")
    content = bytearray((tmp_path / FILE_NAME).read_bytes())
    content[4096 * (int(str(page)) - 1) : 4096 * int(str(page))] = os.urandom(4096)
    (tmp_path / FILE_NAME).write_bytes(content)

    task = asyncio.create_task(run_control(tmp_path, RecordPolicy(), asyncio.Event()))
    await until(lambda: can_connect(tmp_path))
    async with connected(tmp_path) as gateway:
        gateway.writer.write(batch_frame(request("r2"), sequence=2))
        assert await gateway.hear() is None

    with pytest.raises(CannotCreate, match="is damaged"):
        await task


async def test_the_socket_is_private_and_gone_in_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with running(folder):
        assert stat.S_IMODE((folder / SOCKET_NAME).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert names(folder) == [LOCK_NAME, FILE_NAME]


async def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET_NAME))

    async with running(tmp_path), connected(tmp_path):
        pass


async def test_a_folder_whose_path_is_too_long_for_a_socket_has_it_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = tempfile.mkdtemp(prefix="g")
    monkeypatch.setenv("XDG_RUNTIME_DIR", short)
    folder = tmp_path / ("long" * 30)
    async with running(folder), connected(folder) as gateway:
        assert Path(socket_path(folder)).is_relative_to(short)
        assert stat.S_IMODE(Path(socket_path(folder)).parent.stat().st_mode) == 0o700
        gateway.writer.write(batch_frame(request("r1")))
        assert isinstance(await gateway.hear(), Ack)

    assert os.listdir(short) == []
    assert not (folder / PATH_NAME).exists()
    os.rmdir(short)


async def test_a_second_control_process_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path), connected(tmp_path):
        with pytest.raises(CannotCreate, match=f"in use by another control process .pid {os.getpid()}"):
            await run_control(tmp_path, RecordPolicy(), asyncio.Event())

        async with connected(tmp_path, "still served"):
            pass


async def test_a_second_process_exits_with_73_and_says_why(tmp_path: Path) -> None:
    async with running(tmp_path), started(tmp_path) as second:
        await second.wait()
        assert second.stderr is not None
        said = (await second.stderr.read()).decode()

    assert second.returncode == 73
    assert f"{tmp_path} is in use by another control process" in said


async def test_a_policy_that_is_none_is_refused(tmp_path: Path) -> None:
    arguments = [*CONTROL, "--data", str(tmp_path), "--policy", '{"bodies": "some"}']
    process = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()

    assert process.returncode == 2
    assert b"--policy is not valid" in said


async def test_sigterm_ends_it_cleanly_while_a_gateway_is_connected(tmp_path: Path) -> None:
    async with started(tmp_path) as process, connected(tmp_path) as gateway:
        gateway.writer.write(batch_frame(request("r1")))
        await gateway.hear()

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0

    assert reported(tmp_path) == (1, 1, 1)
    assert names(tmp_path) == [LOCK_NAME, FILE_NAME]


async def test_it_ends_when_its_parent_does(tmp_path: Path) -> None:
    program = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    arguments = [sys.executable, "-c", program, *CONTROL, "--data", str(tmp_path)]
    parent = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await until(lambda: can_connect(tmp_path))

    parent.kill()
    await parent.communicate()  # Ends when the last one that holds its stderr has.

    assert not can_connect(tmp_path)
    assert names(tmp_path) == [LOCK_NAME, FILE_NAME]


async def test_a_batch_committed_but_not_acknowledged_is_neither_lost_nor_doubled(tmp_path: Path) -> None:
    async with reporter(tmp_path) as opened:
        async with started(tmp_path, sys.executable, "-c", KILLED_BEFORE_ACK) as killed:
            for number in range(700):
                opened.report(request(str(number), 0.01))
            async with asyncio.timeout(30):
                assert await killed.wait() == -signal.SIGKILL
        assert 0 < reported(tmp_path)[0] <= 700
        async with started(tmp_path):
            await until(lambda: reported(tmp_path)[0] == 700)

    assert reported(tmp_path) == (700, 700, 700)
    assert spent(tmp_path) == pytest.approx(7.0)
    assert not opened.dropped


async def test_kills_at_any_moment_lose_and_double_nothing(tmp_path: Path) -> None:
    chance, number = random.Random(7), 0
    async with reporter(tmp_path) as opened:
        for _ in range(3):
            async with started(tmp_path):
                for _ in range(chance.randrange(50, 150)):
                    opened.report(request(str(number)))
                    number += 1
                    await asyncio.sleep(chance.uniform(0, 0.002))
        async with started(tmp_path):
            await until(lambda: reported(tmp_path)[0] == number)

    assert reported(tmp_path) == (number, number, number)
    assert not opened.dropped


async def test_a_full_disk_delays_acknowledgement_and_ends_nothing(tmp_path: Path) -> None:
    async with started(tmp_path) as process, connected(tmp_path) as gateway:
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4_096, hard))
        gateway.writer.write(batch_frame(*(request(str(number)) for number in range(400))))
        answer = asyncio.create_task(gateway.hear())
        assert process.stderr is not None
        async with asyncio.timeout(10):
            complaint = await process.stderr.readline()
        assert b"records wait" in complaint
        assert not answer.done()

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))

        assert await answer == Ack(batch=BatchId("boot", 1))
        assert reported(tmp_path) == (400, 400, 400)
