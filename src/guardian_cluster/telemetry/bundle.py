"""Encodes the reports of a batch, in pieces that never hold up the event loop for long."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import MsgspecError

from guardian_cluster.contract import link
from guardian_cluster.contract.link import ReportKind
from guardian_cluster.contract.records import Report
from guardian_cluster.telemetry.losses import Losses, events_of

BREATH_BYTES = 64_000
"""Encoded between two breaths of the event loop: about 0.05 ms."""

REPORT_COST_BYTES = 2_000
"""Encoding a small report takes as long as copying this much."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Encoded reports that go together."""

    reports: Mapping[ReportKind, Sequence[bytes]]
    told: Counter[str]
    """The losses that some of its events tell of."""

    def lost(self) -> Counter[str]:
        """Return what is lost with it, by kind; the losses that it tells of are told later, not lost."""
        counted = Counter({str(kind): len(encoded) for kind, encoded in self.reports.items()})
        return counted - Counter(event=len(self.told))


async def encode(reports: Iterable[Report], losses: Losses, now: float) -> Bundle:
    """Encode reports, and events that tell of losses; a report that cannot be encoded is lost."""
    told = losses.take_untold()
    encoded: dict[ReportKind, list[bytes]] = {"request": [], "payload": [], "feedback": [], "event": []}
    work = 0
    for report in (*events_of(told, now), *reports):
        try:
            encoded[link.KINDS[type(report)]].append(one := link.encode_report(report))
        except (MsgspecError, ValueError, TypeError, ArithmeticError):
            losses.add_one(report)
            continue
        work += len(one) + REPORT_COST_BYTES
        if work >= BREATH_BYTES:
            work = 0
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    return Bundle(encoded, told)
