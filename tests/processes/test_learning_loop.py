"""The whole way under `guardian serve`: records over the link, a model on disk, a snapshot that names it."""

import os
import random
import signal
from pathlib import Path

from offers import offered
from serving import Served, served, until
from test_learner import QUICK, learnable

from guardian_cluster.contract.router_model import read_model
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.contract.snapshot_file import read_snapshot
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.simulation import ModelServer
from guardian_cluster.telemetry.reporter import Reporter


async def report_some(guardian: Served, prefix: str) -> None:
    """Report what a gateway would, of requests that the router decided."""
    async with Reporter(guardian.data, random.Random(1), clock=SystemClock(), limits=QUICK) as reporter:
        for number in range(25):
            reporter.report(learnable(f"{prefix}{number}", "local"))
        await until(
            lambda: guardian.rows(f"select count(*) from request where id like '{prefix}%'") == [(25,)]
        )


def snapshot_of(guardian: Served) -> Snapshot:
    return read_snapshot(guardian.data)


async def test_what_was_learned_is_deployed_and_survives_a_kill(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        before = snapshot_of(guardian)
        await until(lambda: guardian.rows("select 1 from gateway_event"))
        await report_some(guardian, "first")
        await until(lambda: snapshot_of(guardian).base.router_model)
        after = snapshot_of(guardian)
        await until(lambda: f"rev={after.rev}" in guardian.log or "snapshot applied" in guardian.log)
        killed = guardian.child("control")
        os.kill(killed, signal.SIGKILL)
        await until(lambda: guardian.child_or_none("control") not in (None, killed))
        await report_some(guardian, "second")
        status, _ = await guardian.post()

    assert (before.base.router_model, after.rev, status) == ("", before.rev + 1, 200)
    assert after.base.router_salt == before.base.router_salt
    # The control process ends after the supervisor has looked for the last time: the next start deploys this one.
    assert 25 < offered(guardian.data).verdicts <= 50  # a kill costs what came after the last offer
    assert read_model(guardian.data, offered(guardian.data).model).before
    assert read_model(guardian.data, after.base.router_model).before
