"""How long a whole monitoring cycle takes: records read from disk, four guardians, proposals, and what is kept."""

import asyncio
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.harness.recorded import put_recorded
from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.snapshot import Endpoint, Specialist, Variant
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.processes.garbage import spare_the_collector
from guardian_cluster.processes.guarding import guarding
from guardian_cluster.simulation.traffic import Planned, Traffic, TrafficWorld

REFERENCE, AFTER = 4_000, 1_000
CYCLES = 5


def cycle_times_s(seed: int, cycles: int = CYCLES) -> list[float]:
    """Return how long each of some cycles over 5,000 recorded requests takes, a fault among them, alarms raised."""
    fault = Planned(cause="refusal_spike", scope="one", magnitude="large")
    traffic = TrafficWorld(seed).traffic([fault], reference=REFERENCE, after=AFTER)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_times_s(Path(folder), traffic, cycles))


async def _times_s(folder: Path, traffic: Traffic, cycles: int) -> list[float]:
    clock = SystemClock()
    batch = _recorded(folder, traffic, clock.now())
    times: list[float] = []
    async with guarding(folder, clock) as parts:
        spare_the_collector()  # as the control process does when guardians are loaded
        raised = [alarm for record in batch.requests for alarm in parts.learned.take(record)]
        await parts.store.put_alarms(raised)
        for _ in range(cycles):
            began = time.perf_counter()
            await parts.workflow.execute_monitoring_cycle(traffic.specialist)
            times.append(time.perf_counter() - began)
    return times


def _recorded(folder: Path, traffic: Traffic, now: float) -> Batch:
    """Put the traffic on disk as if it had come until now."""
    later = now - traffic.until
    requests = [msgspec.structs.replace(each, started=each.started + later) for each in traffic.records]
    heard = [each for each in traffic.feedback if each.received <= traffic.until]
    feedback = [msgspec.structs.replace(each, received=each.received + later) for each in heard]
    batch = Batch(id=BatchId("boot", 1), requests=tuple(requests), feedback=tuple(feedback))
    urls = sorted({each.endpoint for each in requests if each.endpoint})
    endpoints = tuple(Endpoint(id=id, url="http://127.0.0.1:1/v1", model="m") for id in urls)
    specialist = Specialist(name=traffic.specialist, variants=(Variant(id="v1"),), endpoints=endpoints)
    put_recorded(folder, [specialist], batch, now=now)
    return batch
