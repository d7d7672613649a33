"""The whole way under `guardian serve`: scores over the link, a threshold in the snapshot, and a person's undoing."""

import random
from collections.abc import Sequence
from pathlib import Path

from scored_traffic import traffic
from serving import Served, run, served, until

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import DetectorThreshold
from guardian_cluster.contract.snapshot_file import SERVED_NAME, read_snapshot
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.simulation import ModelServer
from guardian_cluster.telemetry.limits import ReporterLimits
from guardian_cluster.telemetry.reporter import Reporter

QUICK = ReporterLimits(batch_s=0.01, first_retry_s=0.01, last_retry_s=0.05, close_s=10.0)


def thresholds(guardian: Served) -> tuple[DetectorThreshold, ...]:
    """Return those of the snapshot that the gateway serves."""
    return read_snapshot(guardian.data, SERVED_NAME).overlay.thresholds


async def report(guardian: Served, records: Sequence[RequestRecord]) -> None:
    """Report what a gateway would, and wait until it is on disk."""
    async with Reporter(guardian.data, random.Random(1), clock=SystemClock(), limits=QUICK) as reporter:
        for record in records:
            reporter.report(record)
        await until(lambda: guardian.rows("select count(*) from score") == [(len(records),)])


async def test_scores_lead_to_a_threshold_that_is_served_and_undoing_takes_it_back(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        await until(lambda: guardian.rows("select 1 from gateway_event"))
        await report(guardian, traffic(400, begin=SystemClock().now() - 3_600.0))
        await until(lambda: thresholds(guardian), 30)
        (threshold,) = thresholds(guardian)
        undone, said = await run("thresholds", "undo", "t1", "--config", str(guardian.config))
        await until(lambda: not thresholds(guardian), 30)
        status, _ = await guardian.post()

    assert (threshold.detector, threshold.specialist, threshold.tenant) == ("harm", "solver", "acme")
    assert 0.4 < threshold.value < 0.6
    assert (undone, status) == (0, 200)
    assert "undone t1 of harm/solver/acme; none is in force now" in said
