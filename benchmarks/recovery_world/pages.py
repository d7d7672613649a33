"""Whether people are called once for a fault that comes and goes, and whether a call ever gets lost."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from msgspec.structs import replace

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, Sink
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import REOPEN_S, FailureEvent, Incident, dedup_key
from guardian_cluster.recovery.alerts.outbox import Outbox
from guardian_cluster.recovery.alerts.sinks.making import ConfiguredSinks
from guardian_cluster.recovery.alerts.system import AlertSystem
from guardian_cluster.simulation.rehearsal_loop import RehearsalClock, RehearsalLoop
from guardian_cluster.specialists.transports import Transports
from guardian_cluster.storage.state import StateStore

OUTAGE_S = 3_600.0
LOOKS_S = 30.0
"""Between two looks at what is due: what is tried again waits longer."""

SINKS = ("pagerduty", "webhook")

PER_HOUR = 1_000
"""Pages that are allowed: what waits because of that limit is not lost, and not what is measured."""


@dataclass(slots=True)
class People:
    """Where alerts arrive: one server for all sinks, which can be away."""

    is_away: bool = False
    calls: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """How often each sink was told of each incident's fault, by sink and dedup key."""
    url: str = ""

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                body = await reader.readexactly(length)
                self._take(head.split(b" ", 2)[1].decode(), json.loads(body))
                status = b"503 Service Unavailable" if self.is_away else b"202 Accepted"
                writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _take(self, path: str, said: object) -> None:
        if not self.is_away:
            sink = path.strip("/").partition("/")[0]
            text = json.dumps(said)
            for key in self.known:
                if key in text and _is_call(sink, text):
                    self.calls[sink, key] += 1

    known: set[str] = field(default_factory=set[str])
    """The dedup keys that may be told of."""


def _is_call(sink: str, text: str) -> bool:
    marks = {"pagerduty": '"trigger"', "webhook": "incident.triggered"}
    return marks.get(sink, "") in text and '"resolve"' not in text


@dataclass(slots=True)
class Office:
    """State, alerts and their outbox, as a control process has them."""

    store: StateStore
    alerts: AlertSystem
    outbox: Outbox
    people: People
    clock: Clock

    async def send(self) -> None:
        """Send what is due, as the control process does each second."""
        await self.outbox.start_due()
        await self.outbox.idle()

    async def report(self, number: int, key: str, at: float) -> Incident:
        """Tell of a failure, open or reopen its incident, and call whoever is to know."""
        event = FailureEvent(
            id=f"event-{number}",
            at=at,
            onset=at - 5.0,
            specialist="writer",
            signal="error",
            source="alarm",
            requests=50,
        )
        incident = Incident(
            id=f"incident-{event.id}",
            key=key,
            specialist="writer",
            signal="error",
            severity="critical",
            opened=at,
            updated=at,
            onset=event.onset,
        )
        kept = await self.store.open_incident(event, incident, key=f"open:{number}")
        await self.alerts.raise_alert(kept, "trigger", key=f"call:{number}")
        return kept

    async def resolve(self, incident: Incident, number: int) -> None:
        """Say that it is over."""
        now = self.clock.now()
        over = replace(incident, state="resolved", resolved=now, updated=now)
        kept = await self.store.put_incident(over, key=f"over:{number}")
        await self.alerts.raise_alert(kept, "resolve", key=f"told:{number}")


@asynccontextmanager
async def _office(rng: random.Random) -> AsyncGenerator[Office]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, RehearsalLoop)
    clock, people = RehearsalClock(loop), People()
    server = await asyncio.start_server(people.hear, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    policy = AlertPolicy(
        sinks={
            "pagerduty": Sink(kind="pagerduty", url=Secret(f"{url}/pagerduty"), key=Secret("a key")),
            "webhook": Sink(kind="webhook", url=Secret(f"{url}/webhook"), key=Secret("a key")),
        },
        pages_per_hour=PER_HOUR,
    )
    store, transport = StateStore.in_memory(clock), Transports()
    outbox = Outbox(store, ConfiguredSinks(lambda: policy, transport), clock, rng)
    try:
        yield Office(store, AlertSystem(lambda: policy, store, clock), outbox, people, clock)
    finally:
        await outbox.close()
        await transport.close()
        server.close()
        await store.close()


async def _flaps(count: int, rng: random.Random) -> Counter[str]:
    """Return how often each sink was told of one fault that came and went so often."""
    key = dedup_key("writer", "upstream_errors", (), "error")
    async with _office(rng) as office:
        office.people.known.add(key)
        for number in range(count):
            incident = await office.report(number, key, office.clock.now())
            await office.send()
            await asyncio.sleep(rng.uniform(5.0, 120.0))
            await office.resolve(incident, number)
            await office.send()
            await asyncio.sleep(rng.uniform(5.0, 0.9 * REOPEN_S))
        return Counter({sink: office.people.calls[sink, key] for sink in SINKS})


async def _outage(count: int, rng: random.Random) -> list[int]:
    """Return how often each sink was told of each of so many faults, where nobody could be reached for an hour."""
    async with _office(rng) as office:
        keys = [dedup_key("writer", "hang", (("tenant", f"t{number}"),), "error") for number in range(count)]
        office.people.known.update(keys)
        office.people.is_away = True
        for number, key in enumerate(keys):
            await office.report(number, key, office.clock.now())
            await office.send()
            await asyncio.sleep(OUTAGE_S / count)
        office.people.is_away = False
        for _ in range(round(OUTAGE_S / LOOKS_S)):
            await office.send()
            await asyncio.sleep(LOOKS_S)
        return [office.people.calls[sink, key] for sink in SINKS for key in keys]


def flaps(count: int, seed: int) -> tuple[int, int]:
    """Return how many pages too many one fault made that flapped so often, and how many sinks were never told."""
    with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        told = runner.run(_flaps(count, random.Random(seed)))
    return sum(max(each - 1, 0) for each in told.values()), sum(each == 0 for each in told.values())


def outage(count: int, seed: int) -> tuple[int, int]:
    """Return how many of so many calls of each sink were lost, and how many came twice."""
    with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        told = runner.run(_outage(count, random.Random(seed)))
    return sum(each == 0 for each in told), sum(each > 1 for each in told)
