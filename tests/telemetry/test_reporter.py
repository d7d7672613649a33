import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest
import uvloop
from sample_records import request_record as request

from guardian_cluster.contract import link
from guardian_cluster.contract.link import (
    Ack,
    Applied,
    Batch,
    BatchId,
    Hello,
    Message,
    Welcome,
    count_reports,
)
from guardian_cluster.contract.records import Feedback, Payload, Spend
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.storage.spool import Spool, open_segment
from guardian_cluster.telemetry.address import PATH_NAME, SOCKET_NAME, socket_path
from guardian_cluster.telemetry.connection import STARTING_S
from guardian_cluster.telemetry.limits import ReporterLimits
from guardian_cluster.telemetry.reporter import Reporter

QUICK = ReporterLimits(
    batch_s=0.01, first_retry_s=0.001, last_retry_s=0.01, stalled_s=0.05, close_s=0.2, connect_s=1.0
)


def feedback(id: str = "r1", comment: str | None = None) -> Feedback:
    return Feedback(request_id=id, tenant="acme", received=1.0, comment=comment)


def payload(size: int) -> Payload:
    return Payload(request_id="r1", tenant="acme", recorded=1.0, request_body=bytes(size), response_text="")


def reporter(folder: Path, limits: ReporterLimits = QUICK, **more: object) -> Reporter:
    return Reporter(folder, random.Random(1), clock=ManualClock(), limits=limits, **more)  # type: ignore[arg-type]


@dataclass
class Receiver:
    """A control process that does as the test says."""

    folder: Path
    acknowledges: bool = True
    version: int = link.VERSION
    batches: asyncio.Queue[Batch] = field(default_factory=asyncio.Queue)
    others: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        path = self.folder / SOCKET_NAME
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, path)
        try:
            yield self
        finally:
            server.close()
            self.hang_up()
            path.unlink(missing_ok=True)  # from Python 3.13 on the server does so itself

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        splitter = link.FrameSplitter()
        while data := await reader.read(65_536):
            for message in map(link.decode_up, splitter.feed(data)):
                self._take(message, writer)
        writer.close()

    def _take(self, message: object, writer: asyncio.StreamWriter) -> None:
        if isinstance(message, Batch):
            self.batches.put_nowait(message)
            if self.acknowledges:
                writer.write(link.encode_message(Ack(batch=message.id)))
        elif isinstance(message, Message):
            self.others.put_nowait(message)
            if isinstance(message, Hello):
                writer.write(link.encode_message(Welcome(version=self.version)))

    def say(self, message: Message) -> None:
        self.writers[-1].write(link.encode_message(message))

    async def next_batch(self) -> Batch:
        async with asyncio.timeout(5):
            return await self.batches.get()

    async def next_other(self) -> Message:
        async with asyncio.timeout(5):
            return await self.others.get()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


def spooled_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.frames"))


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Reporter]:
    """A reporter with room for three reports."""
    async with reporter(tmp_path, ReporterLimits(queue_reports=3, close_s=0.01)) as opened:
        yield opened


async def test_a_reporter_takes_what_it_has_room_for_and_counts_the_rest(small: Reporter) -> None:
    for number in range(5):
        small.report(feedback(str(number)))
    small.report(request("r1"))

    assert small.dropped == {"feedback": 2, "request": 1}


@pytest.mark.parametrize("nonsense", [None, 5, "text", object()])
async def test_a_reporter_never_raises(small: Reporter, nonsense: object) -> None:
    for _ in range(5):
        small.report(nonsense)  # type: ignore[arg-type]

    assert small.dropped["unknown"] == 5


async def test_reports_arrive_in_order_and_are_acknowledged(tmp_path: Path) -> None:
    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path, boot_id="boot") as opened:
        await receiver.next_other()
        for number in range(1_200):
            opened.report(request(str(number)))

    batches = [receiver.batches.get_nowait() for _ in range(receiver.batches.qsize())]
    assert [record.id for batch in batches for record in batch.requests] == [str(n) for n in range(1_200)]
    assert max(map(count_reports, batches)) <= 500
    assert all(before.id.sequence < after.id.sequence for before, after in pairwise(batches))
    assert not opened.dropped
    assert spooled_files(tmp_path) == []


async def test_what_was_not_acknowledged_is_sent_again_under_its_number(tmp_path: Path) -> None:
    async with Receiver(tmp_path, acknowledges=False).listening() as receiver, reporter(tmp_path) as opened:
        await receiver.next_other()
        opened.report(feedback("r1"))
        first = await receiver.next_batch()
        opened.report(feedback("r2"))
        second = await receiver.next_batch()

        receiver.acknowledges = True
        receiver.hang_up()

        assert [await receiver.next_batch(), await receiver.next_batch()] == [first, second]


async def test_reports_wait_on_disk_while_nobody_takes_them(tmp_path: Path) -> None:
    async with reporter(tmp_path, boot_id="boot") as opened:
        opened.report(feedback("r1"))
        await until(lambda: bool(spooled_files(tmp_path)))

        async with Receiver(tmp_path).listening() as receiver:
            batch = await receiver.next_batch()
            await until(lambda: not spooled_files(tmp_path))

    assert batch == Batch(id=BatchId("boot", 1, spooled=True), feedback=(feedback("r1"),))


async def test_what_an_ended_gateway_left_is_sent_by_the_next_under_its_numbers(tmp_path: Path) -> None:
    async with reporter(tmp_path, boot_id="first") as opened:
        opened.report(feedback("r1"))
    assert spooled_files(tmp_path)

    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path, boot_id="second"):
        batch = await receiver.next_batch()
        await until(lambda: not spooled_files(tmp_path))

    assert batch.id == BatchId("first", 1, spooled=True)
    assert batch.feedback == (feedback("r1"),)
    assert list((tmp_path / "spool").iterdir()) == []


async def test_batches_sent_but_not_acknowledged_survive_the_end_of_the_gateway(tmp_path: Path) -> None:
    async with Receiver(tmp_path, acknowledges=False).listening() as receiver:
        async with reporter(tmp_path, boot_id="first") as opened:
            await receiver.next_other()
            opened.report(feedback("r1"))
            sent = await receiver.next_batch()
        receiver.acknowledges = True
        async with reporter(tmp_path, boot_id="second"):
            again = await receiver.next_batch()

    assert again == sent
    assert sent.id == BatchId("first", 1)


async def test_a_receiver_that_stalls_costs_a_bounded_number_of_batches_in_memory(tmp_path: Path) -> None:
    async with Receiver(tmp_path, acknowledges=False).listening() as receiver, reporter(tmp_path) as opened:
        await receiver.next_other()
        for number in range(QUICK.unacknowledged):
            opened.report(feedback(str(number)))
            await receiver.next_batch()
        opened.report(feedback("one too many"))
        await until(lambda: bool(spooled_files(tmp_path)))
        receiver.acknowledges = True
        receiver.hang_up()

        seen = [await receiver.next_batch() for _ in range(QUICK.unacknowledged + 1)]

    assert {item.request_id for batch in seen for item in batch.feedback} >= {"one too many"}
    assert not opened.dropped


async def test_what_the_spool_cannot_hold_is_dropped_counted_and_told_later(tmp_path: Path) -> None:
    limits = replace(QUICK, spool_bytes=10)
    async with reporter(tmp_path, limits) as opened:
        opened.report(feedback("r1"))
        opened.report(request("r1"))
        await until(lambda: bool(opened.dropped))
        assert opened.dropped == {"feedback": 1, "request": 1}
        async with Receiver(tmp_path).listening() as receiver:
            await receiver.next_other()
            opened.report(feedback("r2"))
            batch = await receiver.next_batch()

    assert batch.feedback == (feedback("r2"),)
    told = {event.subject: event.count for event in batch.events if event.kind == "dropped"}
    assert told == {"feedback": 1, "request": 1}


async def test_drops_are_told_once_however_often_their_telling_is_dropped(tmp_path: Path) -> None:
    async with reporter(tmp_path, replace(QUICK, spool_bytes=10)) as opened:
        for number in range(1, 4):
            opened.report(feedback(str(number)))
            await until(lambda number=number: opened.dropped["feedback"] == number)
        async with Receiver(tmp_path).listening() as receiver:
            await receiver.next_other()
            opened.report(feedback("r2"))
            batch = await receiver.next_batch()

    assert [(event.subject, event.count) for event in batch.events] == [("feedback", 3)]
    assert opened.dropped == {"feedback": 3}


async def test_a_full_disk_drops_and_counts_and_raises_nothing(tmp_path: Path) -> None:
    def full(_: Path) -> BinaryIO:
        return open_segment(Path("/dev/full"))

    async with reporter(tmp_path, opener=full) as opened:
        opened.report(feedback("r1"))
        await until(lambda: bool(opened.dropped))

    assert opened.dropped == {"feedback": 1}


async def test_a_disk_that_hangs_delays_neither_reports_nor_the_end_for_long(tmp_path: Path) -> None:
    released = threading.Event()

    def hangs(path: Path) -> BinaryIO:
        released.wait(10)
        return open_segment(path)

    limits = replace(QUICK, disk_s=0.02, queue_reports=10)
    async with asyncio.timeout(3):
        async with reporter(tmp_path, limits, opener=hangs) as opened:
            for number in range(20):
                opened.report(feedback(str(number)))
        released.set()

    assert opened.dropped["feedback"] == 20


async def test_an_end_without_a_receiver_is_quick_and_keeps_everything(tmp_path: Path) -> None:
    async with asyncio.timeout(3):
        async with reporter(tmp_path, boot_id="first") as opened:
            for number in range(600):
                opened.report(request(str(number)))

    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path):
        batches = [await receiver.next_batch(), await receiver.next_batch()]
    assert [record.id for batch in batches for record in batch.requests] == [str(n) for n in range(600)]
    assert not opened.dropped


async def test_reports_after_the_end_are_counted_as_dropped(tmp_path: Path) -> None:
    async with reporter(tmp_path) as opened:
        pass

    opened.report(feedback())

    assert opened.dropped == {"feedback": 1}


async def test_a_report_that_cannot_be_encoded_is_dropped_alone(tmp_path: Path) -> None:
    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path) as opened:
        await receiver.next_other()
        opened.report(feedback("bad", comment="\ud800"))
        opened.report(feedback("good"))
        batch = await receiver.next_batch()

    assert batch.feedback == (feedback("good"),)
    assert opened.dropped == {"feedback": 1}


async def test_a_report_too_large_to_encode_quickly_is_dropped(tmp_path: Path) -> None:
    async with reporter(tmp_path) as opened:
        opened.report(payload(QUICK.report_bytes))

        assert opened.dropped == {"payload": 1}


async def test_large_reports_go_in_batches_of_their_own(tmp_path: Path) -> None:
    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path) as opened:
        await receiver.next_other()
        for _ in range(3):
            opened.report(payload(QUICK.batch_bytes))
        sizes = [len((await receiver.next_batch()).payloads) for _ in range(3)]

    assert sizes == [1, 1, 1]


async def test_only_spending_told_unasked_at_first_is_passed_on(tmp_path: Path) -> None:
    told: list[Spend] = []
    before, own = (Spend(key="k1", month="2026-11", usd=usd) for usd in (1.0, 2.0))
    async with reporter(tmp_path, on_spend=told.extend) as opened:
        async with Receiver(tmp_path).listening() as receiver:
            await receiver.next_other()
            receiver.say(Ack(batch=BatchId("boot", 1), spend=(own,)))
            receiver.say(Ack(spend=(own,)))  # of another gateway
            receiver.say(Ack(spend=(before,), opening=True))
            await until(lambda: bool(told))
        await until(lambda: not opened.is_connected())
        async with Receiver(tmp_path).listening() as receiver:
            await receiver.next_other()
            receiver.say(Ack(spend=(own,), opening=True))
            await until(opened.is_connected)
        await until(lambda: not opened.is_connected())  # all that was said has been read by now

    assert told == [before]


async def test_the_served_revision_is_told_at_once_and_with_every_hello(tmp_path: Path) -> None:
    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path, boot_id="boot") as opened:
        opened.applied(3)
        hello = await receiver.next_other()
        await until(lambda: bool(receiver.writers))
        await until(opened.is_connected)
        opened.applied(4)
        applied = await receiver.next_other()
        receiver.hang_up()
        again = await receiver.next_other()

    assert hello == Hello(version=link.VERSION, gateway_boot_id="boot", applied_rev=3)
    assert applied == Applied(rev=4)
    assert again == Hello(version=link.VERSION, gateway_boot_id="boot", applied_rev=4)


async def test_a_receiver_of_a_distant_version_gets_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Receiver(tmp_path, version=link.VERSION + 2).listening() as receiver,
        reporter(tmp_path) as opened,
    ):
        opened.report(feedback())
        await until(lambda: bool(spooled_files(tmp_path)))
        await receiver.next_other()
        await receiver.next_other()

        assert receiver.batches.empty()
    assert "upgrade the older one" in str([record.__dict__ for record in caplog.records])


class CountedTries(random.Random):
    """Draws the pauses between two tries to connect, and counts them."""

    tries = 0

    def uniform(self, a: float, b: float) -> float:
        self.tries += 1
        return super().uniform(a, b)

    async def some(self) -> None:
        enough = self.tries + 5
        await until(lambda: self.tries >= enough)


async def test_a_receiver_that_is_still_starting_is_no_news(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, tries = ManualClock(), CountedTries(1)
    async with Reporter(tmp_path, tries, clock=clock, limits=QUICK):
        clock.advance(STARTING_S - 0.01)
        await tries.some()
        early = len(caplog.records)
        clock.advance(0.01)
        await tries.some()

    assert early == 0
    assert [record.getMessage() for record in caplog.records] == ["the control process cannot be reached"]


async def test_a_receiver_that_is_started_again_is_no_news_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, tries = ManualClock(), CountedTries(1)
    async with Reporter(tmp_path, tries, clock=clock, limits=QUICK) as opened:
        async with Receiver(tmp_path).listening():
            await until(opened.is_connected)
            clock.advance(10 * STARTING_S)
        await tries.some()

    assert caplog.records == []


async def test_a_receiver_that_talks_nonsense_is_left_and_tried_again(tmp_path: Path) -> None:
    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path) as opened:
        await receiver.next_other()
        receiver.writers[-1].write(b"HTTP/1.1 200 OK\r\n\r\n")
        await receiver.next_other()
        opened.report(feedback())

        assert (await receiver.next_batch()).feedback == (feedback(),)


async def test_a_damaged_spool_does_not_hold_up_what_follows(tmp_path: Path) -> None:
    left = Spool(tmp_path / "spool", "first", limit_bytes=1_000)
    left.append(b"whole, and no batch")
    left.close()

    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path) as opened:
        await until(lambda: not spooled_files(tmp_path))
        opened.report(feedback())
        batch = await receiver.next_batch()

    assert batch.feedback == (feedback(),)
    assert [(event.subject, event.count) for event in batch.events] == [("spool", 1)]
    assert opened.dropped == {"spool": 1}


async def test_a_report_that_is_larger_than_it_looks_is_dropped_and_others_follow(tmp_path: Path) -> None:
    async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path) as opened:
        await receiver.next_other()
        opened.report(msgspec.structs.replace(feedback(), label="x" * link.MAX_FRAME_BYTES))
        await until(lambda: bool(opened.dropped))
        opened.report(feedback("next"))

        assert (await receiver.next_batch()).feedback == (feedback("next"),)
    assert opened.dropped == {"feedback": 1}


async def test_the_socket_is_where_the_control_process_says(tmp_path: Path) -> None:
    assert socket_path(tmp_path) == str(tmp_path / SOCKET_NAME)

    (tmp_path / PATH_NAME).write_text("/run/elsewhere/control.sock\n")

    assert socket_path(tmp_path) == "/run/elsewhere/control.sock"


def test_it_works_on_uvloop_too(tmp_path: Path) -> None:
    async def scenario() -> Batch:
        async with Receiver(tmp_path).listening() as receiver, reporter(tmp_path, boot_id="boot") as opened:
            opened.report(feedback("r1"))
            return await receiver.next_batch()

    assert uvloop.run(scenario()).feedback == (feedback("r1"),)
