"""Days without any fault: whatever recovery does in them is wrong."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import merge

from msgspec.structs import replace as restated

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.snapshot import Base, Endpoint, GuardianPolicy, Snapshot, Specialist, Variant
from guardian_cluster.domain.action import HeldMove
from guardian_cluster.domain.incident import IncidentState
from guardian_cluster.own_guardians import OwnGuardians, own_guardians
from guardian_cluster.request.sinks import Inbox
from guardian_cluster.simulation.rehearsal_loop import RehearsalClock, RehearsalLoop
from guardian_cluster.simulation.traffic import TrafficWorld

PER_DAY = 2_000
"""Requests of each specialist. A false alarm is one of so many days, however many are asked in one; a fault-free day of
20 requests a second would take an hour."""

SPECIALISTS = ("writer", "coder")

CYCLE_S = 86_400.0
"""Between cycles by the clock, from which recovery learns nothing: alarms are what it acts upon."""

AT_ONCE = 10
"""Reports between two looks at them, while nothing is under way: minutes, as the time of a low rate passes."""

LOOKS_S = 0.4
"""Of simulated time, in which guardians look at so many."""

UNDER_WAY: frozenset[IncidentState] = frozenset({"detected", "diagnosed", "acting"})


@dataclass(slots=True)
class Quiet:
    """What guardians did in days without a fault."""

    days: float
    requests: int
    alarms: int
    incidents: int
    actions: tuple[str, ...]
    """Those that were taken, in words."""
    pages: int


def quiet_days(seed: int, days: float, per_day: int = PER_DAY, names: Sequence[str] = SPECIALISTS) -> Quiet:
    """Let guardians look at days of sound traffic of so many specialists, in simulated time.

    The records are drawn and not served: where nothing is wrong, nothing that recovery does could make them better,
    and its actions are only counted.
    """
    with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        return runner.run(_quiet(seed, days, per_day, names))


async def _quiet(seed: int, days: float, per_day: int, names: Sequence[str]) -> Quiet:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, RehearsalLoop)
    clock = RehearsalClock(loop)
    streams = [_stream(seed + number, name, days, per_day) for number, name in enumerate(names)]
    records = [each for stream in streams for each in stream if isinstance(each, RequestRecord)]
    snapshot, inbox = Snapshot(rev=1, base=_base(records)), Inbox()

    async def publish(moves: Sequence[HeldMove]) -> None:
        nonlocal snapshot
        snapshot = restated(snapshot, overlay=restated(snapshot.overlay, moves=tuple(moves)))

    began = clock.now()
    async with own_guardians(inbox, lambda: snapshot, publish, clock, None, random.Random(seed)) as guardians:
        some = 1
        for number, report in enumerate(merge(*streams, key=_at)):
            inbox.report(_dated(report, began))
            if number % some == 0:
                some = await _pass(loop, guardians, began + _at(report) - clock.now())
        alarms = await guardians.alarms(open_only=False)
        incidents, actions = await guardians.incidents(), await guardians.actions()
        pages = {each.incident_id for each in await guardians.deliveries() if each.alert.state == "trigger"}
    taken = [each for each in actions if each.state not in ("proposed", "refused")]
    said = tuple(
        f"{(each.taken - began) / 86_400:.1f} d {type(each.move).__name__} {each.scope}" for each in taken
    )
    return Quiet(days, len(records), len(alarms), len(incidents), said, len(pages))


async def _pass(loop: RehearsalLoop, guardians: OwnGuardians, seconds: float) -> int:
    """Let time pass: at once, or as it passes while a recovery is under way. Return how many reports may follow."""
    if any(each.state in UNDER_WAY for each in await guardians.incidents(open_only=True)):
        await asyncio.sleep(max(seconds, 0.0))
        return 1
    await loop.advance(max(seconds - LOOKS_S, 0.0))
    await asyncio.sleep(LOOKS_S)
    return AT_ONCE


def _stream(seed: int, name: str, days: float, per_day: int) -> list[RequestRecord | Feedback]:
    """Return the records and marks of one specialist, dated from 0."""
    world = TrafficWorld(seed)
    staff = world.people.staff
    world.people = replace(world.people, staff={**staff, name: replace(staff[name], per_day=float(per_day))})
    traffic = world.traffic((), specialist=name, reference=round(days * per_day), after=1)
    sent = [restated(each, started=each.started - traffic.since) for each in traffic.records]
    heard = [restated(each, received=each.received - traffic.since) for each in traffic.feedback]
    until = traffic.until - traffic.since
    return sorted((*sent, *[each for each in heard if each.received < until]), key=_at)


def _at(report: RequestRecord | Feedback) -> float:
    """Return when a report is known."""
    return report.received if isinstance(report, Feedback) else report.started + report.duration_ms / 1e3


def _dated(report: RequestRecord | Feedback, began: float) -> RequestRecord | Feedback:
    if isinstance(report, Feedback):
        return restated(report, received=began + report.received)
    return restated(report, started=began + report.started)


def _base(records: Iterable[RequestRecord]) -> Base:
    """Return a configuration in which these records could have come about."""
    models: dict[str, dict[str, str]] = {}
    variants: dict[str, set[str]] = {}
    for each in records:
        if each.specialist and each.endpoint and each.variant:
            models.setdefault(each.specialist, {})[each.endpoint] = each.model or ""
            variants.setdefault(each.specialist, set()).add(each.variant)
    return Base(
        guardians=GuardianPolicy(cycle_s=CYCLE_S),
        specialists=tuple(
            Specialist(
                name=name,
                endpoints=tuple(
                    Endpoint(id=id, url="http://127.0.0.1:1/v1", model=model)
                    for id, model in sorted(places.items())
                ),
                variants=tuple(Variant(id=id) for id in sorted(variants[name])),
                fallback=tuple(other for other in sorted(models) if other != name),
            )
            for name, places in sorted(models.items())
        ),
    )
