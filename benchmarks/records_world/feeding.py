"""Reports from a gateway that does not exist: batches as fast as they are taken, or at a steady rate."""

import contextlib
import random
import socket
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from benchmarks.records_world.counting import OF_FED
from guardian_cluster.contract import link
from guardian_cluster.contract.link import Ack, BatchId, Hello
from guardian_cluster.contract.records import (
    AttemptRecord,
    CandidateRecord,
    RequestRecord,
    RoutingRecord,
    ScoreRecord,
)
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.telemetry.address import socket_path

BATCH = 500
UNDER_WAY = 4
"""Batches that are sent and not yet acknowledged; a gateway keeps fewer."""

SPECIALIST = "fed"
ACK_S = 30.0

_CANDIDATE = CandidateRecord(
    specialist=SPECIALIST, success=0.9, trust=0.4, cost_usd=0.001, latency_s=1.0, probability=0.5
)


def record(
    number: int, started: float, rng: random.Random, *, boot: str = "", specialist: str = SPECIALIST
) -> RequestRecord:
    """Return a record as a gateway with a router, a watcher and two endpoints of each specialist makes them."""
    endpoint = f"{specialist}/{rng.randint(1, 2)}"
    has_failed = rng.random() < 0.02
    took_ms = rng.lognormvariate(6.0, 0.8)  # a median of 0.4 s, and 1 in 100 over 2.6 s
    attempt = AttemptRecord(
        specialist=specialist,
        endpoint=endpoint,
        outcome="failed" if has_failed else "ok",
        error="upstream_timeout" if has_failed else None,
        duration_ms=took_ms,
        said="no answer after <n> s" if has_failed else "",
    )
    routing = RoutingRecord(policy="auto", reason="best", candidates=(_CANDIDATE,), features=b"f" * 60)
    return RequestRecord(
        id=f"{OF_FED}{boot}-{number}",
        started=started,
        tenant=f"tenant-{rng.randint(1, 5)}",
        key="k1",
        requested_model="auto",
        streamed=True,
        specialist=specialist,
        endpoint=endpoint,
        variant="v1",
        attempts=(attempt,),
        scores=(ScoreRecord(detector="refusal", value=rng.random()), ScoreRecord(detector="harm", value=0.1)),
        outcome="error" if has_failed else "ok",
        status=502 if has_failed else 200,
        input_tokens=400,
        output_tokens=200,
        cost_usd=0.001,
        duration_ms=took_ms,
        overhead_ms=0.4,
        first_token_ms=took_ms / 4,
        chunks=40,
        rev=1,
        routing=routing,
        model="fake-model",
        language="english",
        template="2f1a",
        words=bytes(rng.randbytes(24)),
    )


def frames(boot: str, seed: int) -> Iterator[bytes]:
    """Yield batches of new records, without end, as they go over the socket."""
    rng, clock = random.Random(seed), SystemClock()
    sequence = 0
    while True:
        sequence += 1
        first, now = sequence * BATCH, clock.now()
        reports = (link.encode_report(record(first + n, now, rng, boot=boot)) for n in range(BATCH))
        body = link.encode_batch(BatchId(boot, sequence), {"request": reports})
        yield link.header(body) + body


class Feed:
    """A connection to the control process of a data folder."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._splitter = link.FrameSplitter()
        self._under_way = 0
        self.taken = 0
        """Batches that were acknowledged."""

    def send(self, frame: bytes) -> None:
        """Send a batch as soon as few enough are under way."""
        while self._under_way >= UNDER_WAY:
            self._hear()
        self._connection.sendall(frame)
        self._under_way += 1

    def finish(self) -> None:
        """Wait until all batches are on disk."""
        while self._under_way:
            self._hear()

    def _hear(self) -> None:
        data = self._connection.recv(65_536)
        if not data:
            raise RuntimeError("the control process has closed the connection")
        for message in map(link.decode_down, self._splitter.feed(data)):
            if isinstance(message, Ack) and message.batch is not None:
                self._under_way -= 1
                self.taken += 1


@contextlib.contextmanager
def feed(folder: Path, boot: str) -> Generator[Feed]:
    """Connect to the control process as a gateway of that boot."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ACK_S)
        connection.connect(str(socket_path(folder)))
        connection.sendall(
            link.encode_message(Hello(version=link.VERSION, gateway_boot_id=boot, applied_rev=0))
        )
        yield Feed(connection)


def feed_at_rate(to: Feed, batches: Iterable[bytes], records_per_s: float, seconds: float) -> int:
    """Send at a steady rate for so long; return how many records."""
    started = time.monotonic()
    for number, frame in enumerate(batches):
        due = started + number * BATCH / records_per_s
        if due >= started + seconds:
            break
        time.sleep(max(0.0, due - time.monotonic()))
        to.send(frame)
    to.finish()
    return to.taken * BATCH
