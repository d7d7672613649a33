"""What a second worker brings: requests per second of two cores beside one, and what is lost between workers.

Two gateways stand side by side, and their windows alternate: one with a worker, all of its processes on one core; one
with two workers, all of its processes on two. The load generator and the fake model server need time on a core too,
and on a machine of two cores they take it from the second gateway. That time, and that of other programs, is measured
and taken off. `second_worker_speedup` is twice the right answers for each second of core time that the gateway with
two workers had, over those for each second that the one with one worker spent, over all windows. So what two workers
cost more for an answer counts against them, and time in which they had a core and were idle too.
`wall_ratio` takes nothing off. docs/benchmarks.md describes every figure.
"""

import contextlib
import http.client
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.bodies import body_files
from benchmarks.harness.command import conduct, parser
from benchmarks.harness.load import Load, Pattern, run_load
from benchmarks.harness.native import native_program
from benchmarks.harness.processes import PROC, Running, cores, cpu_ns, pss_mb
from benchmarks.harness.report import note
from benchmarks.harness.targets import CONFIG, GUARDIAN, WORKER

GOALS = {"second_worker_lost": 0.1, "worker_mb_most": 100.0, "failed_requests": 0.0}
"""Lost: what is missing to twice the rate, as a share of it; 0.1 is a speed-up of 1.8."""

CONNECTIONS = 32
START_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often and how long each thing is measured."""

    rounds: int
    window_s: float


QUICK = Plan(rounds=5, window_s=1.0)
FULL = Plan(rounds=15, window_s=3.0)


@dataclass(frozen=True)
class Served:
    """A gateway, its port, and how many cores it has."""

    running: Running
    port: int
    cores: int

    def workers(self) -> list[int]:
        """Return the workers' processes."""
        return [pid for pid in self.running.pids() if WORKER in _command(pid)]


@dataclass(frozen=True)
class Window:
    """What one gateway did in one run of the load generator."""

    load: Load
    had_s: float
    """Core time that it could have had: that of its cores, less what tools and other programs took of them."""
    cpu_s: float
    """Core time that all of its processes took."""
    least_share: float
    """Of the worker that did least, of the work of all workers; 0.5 is even for two."""
    tools_s: float
    others_s: float

    def cpu_us(self) -> float:
        """Return core time for each right answer."""
        return self.cpu_s * 1e6 / max(1, self.load.ok)


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_text()
    return ""


@contextlib.contextmanager
def gateway(workers: int, upstream_port: int) -> Generator[Served]:
    """Run `guardian serve` with so many workers, on as many cores."""
    on = set(cores()[:workers])
    with tempfile.TemporaryDirectory(prefix="guardian-benchmark-") as name:
        folder = Path(name)
        config = folder / "guardian.toml"
        config.write_text(CONFIG.format(folder=folder / "data", upstream=upstream_port))
        command = [
            GUARDIAN,
            "serve",
            "--config",
            config,
            "--listen",
            "127.0.0.1:0",
            "--workers",
            str(workers),
        ]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GUARDIAN_")}
        with (folder / "output").open("wb") as output:
            running = Running(command, cores()[0], output=output, environment=environment)
        try:
            port = _await_port(running, folder / "output")
            _spread(running, on)
            yield Served(running, port, len(on))
        finally:
            running.stop()


def _await_port(running: Running, output: Path) -> int:
    end = time.monotonic() + START_S
    while time.monotonic() < end and running.process.poll() is None:
        said = output.read_text(errors="replace")
        if "Ready" in said and "curl" in said:
            return int(said.partition("Ready")[2].split()[0].removesuffix("/v1").rpartition(":")[2])
        time.sleep(0.05)
    raise RuntimeError(f"the gateway did not start: {output.read_text(errors='replace')[-2000:]}")


def _spread(running: Running, on: set[int]) -> None:
    """Let every thread of a gateway run on these cores."""
    for pid in running.pids():
        for thread in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(thread.name), on)


def measure_window(served: Served, upstream: Running, pattern: Pattern) -> Window:
    """Run load on a gateway, and weigh what took its cores."""
    workers = served.workers()
    on = cores()[: served.cores]
    started, tree, tools = time.monotonic(), served.running.cpu_ns(), _tools_s(upstream)
    each, busy = [cpu_ns(pid) for pid in workers], _busy_s(on)
    load = run_load(served.port, pattern)
    elapsed_s = time.monotonic() - started
    spent = [cpu_ns(pid) - before for pid, before in zip(workers, each, strict=True)]
    cpu_s = (served.running.cpu_ns() - tree) / 1e9
    # The tools run on the last core alone: where the gateway has not that one, they take nothing from it.
    tools_s = _tools_s(upstream) - tools if cores()[1] in on else 0.0
    others_s = max(0.0, _busy_s(on) - busy - cpu_s - tools_s)
    had_s = served.cores * elapsed_s - tools_s - others_s
    return Window(load, had_s, cpu_s, min(spent) / max(1, sum(spent)), tools_s, others_s)


def _tools_s(upstream: Running) -> float:
    """Return the core time of the load generators that have ended and of the fake model server."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime + upstream.cpu_ns() / 1e9


def _busy_s(on: tuple[int, ...]) -> float:
    """Return for how long cores have worked, whoever for (proc(5): user, nice, system, irq, softirq, steal)."""
    total = 0
    for line in (PROC / "stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in on:
            total += sum(int(fields[index]) for index in (0, 1, 2, 5, 6, 7))
    return total / TICKS_PER_S


def probe(port: int, body: bytes) -> None:
    """Ask until there is a right answer. Raises RuntimeError where there is none in time."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection,
        ):
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError("the gateway gives no right answer")


def measure(plan: Plan) -> dict[str, Any]:
    """Return all figures."""
    upstream = Running([native_program("upstream")], cores()[1], output=-1, environment={})
    try:
        assert upstream.process.stdout is not None
        port = int(upstream.process.stdout.readline())
        with body_files() as bodies, gateway(1, port) as one, gateway(2, port) as two:
            pattern = Pattern(body=bodies.whole, connections=CONNECTIONS, seconds=plan.window_s)
            for served in (one, two):
                probe(served.port, bodies.whole.read_bytes())
                run_load(served.port, pattern)
            note(f"{plan.rounds} windows of {plan.window_s:g} s of each")
            taken: dict[int, list[Window]] = {1: [], 2: []}
            for _ in range(plan.rounds):
                for served in (one, two):
                    served.running.settle()
                    taken[served.cores].append(measure_window(served, upstream, pattern))
            memory = [pss_mb(pid) for pid in two.workers()]
    finally:
        upstream.stop()
    return {**figures(taken[1], taken[2]), "worker_mb_most": max(memory), "worker_mb": memory}


def figures(one: list[Window], two: list[Window]) -> dict[str, Any]:
    """Return what windows of the two gateways say, in which the same things disturbed both."""
    speedup = _speedup(one, two)
    # Of windows that follow one another, in which nearly the same disturbed both: how sure the figure is.
    pairs = [_speedup([before], [after]) for before, after in zip(one, two, strict=True)]
    return {
        "second_worker_speedup": speedup,
        "second_worker_lost": 1 - speedup / 2,
        "speedup_of_pairs": statistics.quantiles(pairs, n=4),
        "wall_ratio": _median(two, lambda w: w.load.ok / w.load.elapsed_s)
        / _median(one, lambda w: w.load.ok / w.load.elapsed_s),
        "requests_per_s_one": _median(one, lambda w: w.load.ok / w.load.elapsed_s),
        "requests_per_s_two": _median(two, lambda w: w.load.ok / w.load.elapsed_s),
        "requests_per_cpu_s_one": 1e6 / _median(one, Window.cpu_us),
        "requests_per_cpu_s_two": 1e6 / _median(two, Window.cpu_us),
        "cpu_us_per_request_one": _median(one, Window.cpu_us),
        "cpu_us_per_request_two": _median(two, Window.cpu_us),
        "least_worker_share": _median(two, lambda w: w.least_share),
        "idle_share_one": _median(one, lambda w: 1 - w.cpu_s / w.had_s),
        "idle_share_two": _median(two, lambda w: 1 - w.cpu_s / w.had_s),
        "tools_cores_two": _median(two, lambda w: w.tools_s / w.load.elapsed_s),
        "other_programs_cores_two": _median(two, lambda w: w.others_s / w.load.elapsed_s),
        "other_programs_cores_one": _median(one, lambda w: w.others_s / w.load.elapsed_s),
        "failed_requests": sum(window.load.failed for window in (*one, *two)),
    }


def _speedup(one: list[Window], two: list[Window]) -> float:
    had = sum(window.load.ok for window in two) / sum(window.had_s for window in two)
    spent = sum(window.load.ok for window in one) / sum(window.cpu_s for window in one)
    return 2 * had / spent


def _median(windows: list[Window], figure: Any) -> float:
    return statistics.median(map(figure, windows))


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    chosen = options.parse_args()
    if chosen.target != "gateway" or len(os.sched_getaffinity(0)) < 2:
        sys.exit("error: this needs two cores, and is of the gateway alone")
    plan = QUICK if chosen.quick else FULL
    run = {"quick": chosen.quick, "plan": asdict(plan), "connections": CONNECTIONS}
    conduct("workers", GOALS, lambda: measure(plan), run)


if __name__ == "__main__":
    main()
