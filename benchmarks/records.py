"""What becomes of requests and of their records while the control process is dead, frozen, or without its databases.

A gateway answers requests at a steady rate; stretches in which nothing happens lie between those in which its control
process is killed again and again, is stopped, or finds its databases locked by another program. Requests must not
notice, and every record must be on disk soon afterwards. Then a gateway that does not exist sends as many records as
are taken, and a dashboard and a guardian ask their questions. docs/design/storage.md describes every figure.
"""

import os
import random
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.harness.bodies import body_files
from benchmarks.harness.command import conduct, parser
from benchmarks.harness.load import Load, Pattern, run_load
from benchmarks.harness.processes import PROC, Running, cores
from benchmarks.harness.report import note
from benchmarks.harness.targets import fake_model, gateway
from benchmarks.records_world import dashboard
from benchmarks.records_world.counting import LOOK_S, Watched, dropped, settled
from benchmarks.records_world.feeding import BATCH, UNDER_WAY, feed, feed_at_rate, frames
from benchmarks.records_world.figures import Stretch, caught_up_s, figures, noise, shortfalls, usual_p99_ms
from benchmarks.records_world.outages import OUTAGES, data_folder
from guardian_cluster.domain.clock import SystemClock

AT_LEAST = {"records_per_s": 5_000.0}
GOALS = {
    "failed_requests": 0.0,
    "p99_ratio": 1.25,
    "caught_up_s": 60.0,
    "lost_records": 0.0,
    "records_per_s_short": 0.0,
    "fed_p99_ratio": 1.25,
    "window_s": 0.4,
    "dashboard_hour_ms": 100.0,
}
CONNECTIONS = 64
SETTLE_S = 90.0
WINDOW = 5_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long each thing lasts."""

    rate: float
    """Requests per second, all the time."""
    quiet_s: float
    outage_s: float
    after_s: float
    """How long the load goes on after an outage."""
    rounds: int
    fed_s: float
    fed_rounds: int
    fed_batches: int
    """Sent as fast as they are taken."""
    dashboard_records: int


QUICK = Plan(
    rate=200,
    quiet_s=2.5,
    outage_s=8,
    after_s=1,
    rounds=1,
    fed_s=1.5,
    fed_rounds=2,
    fed_batches=40,
    dashboard_records=10_000,
)
FULL = Plan(
    rate=200,
    quiet_s=60,
    outage_s=60,
    after_s=20,
    rounds=2,
    fed_s=10,
    fed_rounds=5,
    fed_batches=200,
    dashboard_records=1_000_000,
)


@dataclass(frozen=True)
class Bench:
    """What the measurements below share."""

    plan: Plan
    seed: int
    port: int
    running: Running
    body: Path
    folder: Path
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def database(self) -> Path:
        """Where records are."""
        return self.folder / "telemetry.db"

    def load(self, seconds: float) -> Load:
        """Ask at the steady rate for so long."""
        pattern = Pattern(
            body=self.body,
            connections=CONNECTIONS,
            seconds=seconds,
            rate=self.plan.rate,
            keep_latencies=True,
        )
        return run_load(self.port, pattern)


@contextmanager
def bench_of(plan: Plan, seed: int) -> Generator[Bench]:
    """Run a gateway on both cores, warm."""
    with (
        body_files() as bodies,
        fake_model() as upstream,
        gateway(upstream, bodies.whole.read_bytes()) as target,
    ):
        spread(target.tree)
        folder = data_folder(target.tree)
        bench = Bench(plan, seed, target.port, target.tree, bodies.whole, folder)
        bench.load(1.0)
        target.tree.settle()
        yield bench


def spread(running: Running) -> None:
    """Let every thread of a gateway, and what it starts from now on, run on all cores that there are."""
    for pid in running.pids():
        for thread in (PROC / str(pid) / "task").iterdir():
            with suppress(OSError):
                os.sched_setaffinity(int(thread.name), set(cores()))


def outage_figures(bench: Bench) -> dict[str, Any]:
    """Return what each outage did, with a quiet stretch before and after each."""
    began = bench.clock.now()
    stretches = [_quiet(bench)]
    for _ in range(bench.plan.rounds):
        for name in OUTAGES:
            stretches += [_struck(bench, name), _quiet(bench)]
    answered = sum(each.load.ok for each in stretches)
    found = settled(bench.database, answered, since=began, limit_s=SETTLE_S)
    return {**figures(stretches, recorded=found), "dropped_records": dropped(bench.database)}


def _quiet(bench: Bench) -> Stretch:
    note(f"{bench.plan.rate:g} requests per second for {bench.plan.quiet_s:g} s, undisturbed")
    stretch = Stretch("quiet", bench.load(bench.plan.quiet_s))
    bench.running.settle()
    return stretch


def _struck(bench: Bench, name: str) -> Stretch:
    """Have an outage befall the control process under load, and wait until all from before its end is on disk."""
    plan = bench.plan
    note(f"the same with the control process {name} for {plan.outage_s:g} s")
    with ThreadPoolExecutor(1) as pool:
        began = bench.clock.now()
        loading = pool.submit(bench.load, plan.outage_s + plan.after_s)
        with OUTAGES[name](bench.running, bench.folder):
            time.sleep(plan.outage_s)
        ended = bench.clock.now()
        watched = Watched(bench.database, began, ended)
        try:
            load = loading.result()
            settled(bench.database, load.ok, since=began, limit_s=SETTLE_S)
            time.sleep(2.2 * LOOK_S)  # one more look, which tells that no more came
        finally:
            looks = watched.end()
    return Stretch(name, load, caught_up_s(looks, ended))


def feeding_figures(bench: Bench) -> dict[str, Any]:
    """Return how many records are taken, and what that does to requests."""
    plan, rate = bench.plan, AT_LEAST["records_per_s"]
    note(f"{rate:g} records per second beside the requests, {plan.fed_rounds} times {plan.fed_s:g} s")
    quiet, fed = [bench.load(plan.fed_s)], list[Load]()
    for number in range(plan.fed_rounds):
        fed.append(_fed(bench, f"steady-{number}", rate))
        quiet.append(bench.load(plan.fed_s))
    return {
        "fed_p99_ratio": usual_p99_ms(fed) / usual_p99_ms(quiet),
        "fed_p99_noise": noise(quiet),
        **_as_fast_as_taken(bench),
    }


def _fed(bench: Bench, boot: str, rate: float) -> Load:
    seconds = bench.plan.fed_s
    made = list(islice(frames(boot, bench.seed), int(rate * seconds / BATCH)))
    with ThreadPoolExecutor(1) as pool, feed(bench.folder, boot) as feeding:
        loading = pool.submit(bench.load, seconds)
        feed_at_rate(feeding, made, rate, seconds)
        return loading.result()


def _as_fast_as_taken(bench: Bench) -> dict[str, Any]:
    batches = bench.plan.fed_batches
    note(f"{batches * BATCH:,} records as fast as they are taken")
    ready = list(islice(frames("quick", bench.seed + 1), batches))
    started = time.monotonic()
    with feed(bench.folder, "quick") as feeding:
        for frame in ready:
            feeding.send(frame)
        feeding.finish()
    took_s = time.monotonic() - started
    window_s, held = dashboard.window_s(bench.folder, WINDOW)
    found = {"records_per_s": batches * BATCH / took_s, "window_s": window_s, "window_records": held}
    return {**found, **shortfalls(found, AT_LEAST)}


def measure(plan: Plan, seed: int, postgres: str) -> dict[str, Any]:
    """Return all figures."""
    with bench_of(plan, seed) as bench:
        found = outage_figures(bench) | feeding_figures(bench)
    found["dashboard_hour_ms"] = dashboard.hour_ms(plan.dashboard_records, seed)
    if postgres:
        found["dashboard_hour_postgresql_ms"] = dashboard.hour_ms(
            plan.dashboard_records, seed, postgres=postgres
        )
    return found


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument(
        "--postgres", default="", help="an empty database for the dashboard, postgresql://..."
    )
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    chosen = options.parse_args()
    if chosen.target != "gateway":
        sys.exit("error: this is of the gateway alone")
    plan = QUICK if chosen.quick else FULL
    run = {"quick": chosen.quick, "plan": asdict(plan), "seed": chosen.seed, "under_way": UNDER_WAY}
    goals = GOALS | ({"dashboard_hour_postgresql_ms": 100.0} if chosen.postgres else {})
    conduct("records", goals, lambda: measure(plan, chosen.seed, chosen.postgres), run)


if __name__ == "__main__":
    main()
