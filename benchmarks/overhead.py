"""What the gateway costs: CPU per request and per chunk, added latency, memory, start-up.

The gateway has one core, the load generator and the fake model server another. Its windows alternate with
those of a bare pass-through on the gateway's core, so that a ratio compares what happened at the same time.
With `--target bare` a second bare pass-through stands in for the gateway: its ratios should be 1, and what
they differ from 1 is the noise of the machine. docs/benchmarks.md describes every figure.
"""

import statistics
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.harness.bodies import Bodies, body_files
from benchmarks.harness.command import conduct, parser
from benchmarks.harness.load import Pattern
from benchmarks.harness.meter import Meter, Window
from benchmarks.harness.processes import command_cpu_s, cores, pss_mb
from benchmarks.harness.report import note, percentile
from benchmarks.harness.targets import CONTROL, GUARDIAN, Kind, Target, Upstream, bare, fake_model, serve

GOALS = {
    "cpu_us_per_request": 200.0,
    "ratio_to_bare": 1.7,
    "cpu_us_per_chunk": 20.0,
    "paced_ratio_to_bare": 1.5,
    "added_p50_ms": 1.5,
    "added_ttft_ms": 1.5,
    "worker_mb": 100.0,
    "worker_mb_growth": 2.0,  # flat is: 2 % of what the worker may use, over three quarters of the requests
    "control_mb": 200.0,
    "total_mb": 350.0,
    "start_to_first_answer_s": 2.0,
    "help_cpu_s": 0.35,
    "p99_rise_ms": 2.0,
    "failed_requests": 0.0,
}

CONNECTIONS = 16
SPARE_CONNECTIONS = 64
"""In open loop: enough for every request to find one free."""
LATENCY_RATE = 100
PACED_GAP_MS = 10
PACED_STREAMS_PER_S = 10
MIXED_RATE = 400
"""At 100/s a large request would meet so few small ones that their p99 would not show it."""
LARGE_SHARE = 0.01
HELP_RUNS = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often and how long each thing is measured."""

    closed_rounds: int
    """Windows of each target in closed loop; figures are medians over them."""
    closed_s: float
    rounds: int
    """The same for windows at a fixed rate."""
    paced_s: float
    latency_s: float
    mixed_s: float
    memory_requests: int
    starts: int


QUICK = Plan(
    closed_rounds=5,
    closed_s=0.35,
    rounds=3,
    paced_s=0.7,
    latency_s=0.6,
    mixed_s=0.5,
    memory_requests=6_000,
    starts=1,
)
FULL = Plan(
    closed_rounds=15,
    closed_s=1.5,
    rounds=7,
    paced_s=5.0,
    latency_s=5.0,
    mixed_s=5.0,
    memory_requests=100_000,
    starts=3,
)


@dataclass(frozen=True)
class Bench:
    """What the measurements below share."""

    plan: Plan
    bodies: Bodies
    meter: Meter
    upstream: Upstream
    ours: Target


def whole_figures(bench: Bench, reference: Target) -> dict[str, float]:
    """CPU time per request with a whole answer, closed loop."""
    note(f"whole answers, {CONNECTIONS} connections")
    pattern = Pattern(body=bench.bodies.whole, connections=CONNECTIONS, seconds=bench.plan.closed_s)
    windows = bench.meter.alternate([bench.ours, reference], bench.plan.closed_rounds, pattern)
    ours_us = windows.median(bench.ours, Window.request_us)
    bare_us = windows.median(reference, Window.request_us)
    return {
        "cpu_us_per_request": ours_us,
        "worker_cpu_us_per_request": windows.median(bench.ours, Window.worker_request_us),
        "bare_cpu_us_per_request": bare_us,
        "ratio_to_bare": ours_us / bare_us,
        "requests_per_s": windows.median(bench.ours, Window.requests_per_s),
        "bare_requests_per_s": windows.median(reference, Window.requests_per_s),
    }


def chunk_figures(bench: Bench, reference: Target) -> dict[str, float]:
    """CPU time per chunk of streams that come as fast as they are taken, closed loop."""
    note(f"streams back to back, {CONNECTIONS} connections")
    pattern = Pattern(
        body=bench.bodies.stream, connections=CONNECTIONS, seconds=bench.plan.closed_s, streamed=True
    )
    windows = bench.meter.alternate([bench.ours, reference], bench.plan.closed_rounds, pattern)
    ours_us = windows.median(bench.ours, Window.chunk_us)
    bare_us = windows.median(reference, Window.chunk_us)
    return {
        "cpu_us_per_chunk": ours_us,
        "bare_cpu_us_per_chunk": bare_us,
        "chunk_ratio_to_bare": ours_us / bare_us,
    }


def paced_figures(bench: Bench, reference: Target) -> dict[str, float]:
    """CPU time per chunk, and the time to the first, of streams at a model's pace."""
    note(f"streams with {PACED_GAP_MS} ms between chunks, {PACED_STREAMS_PER_S} started per second")
    bench.upstream.set_gap_ms(PACED_GAP_MS)
    pattern = Pattern(
        body=bench.bodies.stream,
        connections=SPARE_CONNECTIONS,
        seconds=bench.plan.paced_s,
        rate=PACED_STREAMS_PER_S,
        streamed=True,
    )
    targets = [bench.upstream, bench.ours, reference]
    windows = bench.meter.alternate(targets, bench.plan.rounds, pattern)
    bench.upstream.set_gap_ms(0)
    ours_us = windows.median(bench.ours, Window.chunk_us)
    bare_us = windows.median(reference, Window.chunk_us)
    return {
        "paced_cpu_us_per_chunk": ours_us,
        "bare_paced_cpu_us_per_chunk": bare_us,
        "paced_ratio_to_bare": ours_us / bare_us,
        "added_ttft_ms": windows.added(bench.ours, bench.upstream, Window.first_token_ms),
        "bare_added_ttft_ms": windows.added(reference, bench.upstream, Window.first_token_ms),
        "added_transit_ms": windows.added(bench.ours, bench.upstream, Window.transit_ms),
        "bare_added_transit_ms": windows.added(reference, bench.upstream, Window.transit_ms),
    }


def latency_figures(bench: Bench, reference: Target) -> dict[str, float]:
    """Added latency of whole answers at a fixed rate."""
    note(f"whole answers, {LATENCY_RATE} per second")
    pattern = Pattern(
        body=bench.bodies.whole,
        connections=SPARE_CONNECTIONS,
        seconds=bench.plan.latency_s,
        rate=LATENCY_RATE,
    )
    targets = [bench.upstream, bench.ours, reference]
    windows = bench.meter.alternate(targets, bench.plan.rounds, pattern)
    return {
        "added_p50_ms": windows.added(bench.ours, bench.upstream, Window.p50_ms),
        "bare_added_p50_ms": windows.added(reference, bench.upstream, Window.p50_ms),
        "direct_p50_ms": windows.median(bench.upstream, Window.p50_ms),
    }


def memory_figures(bench: Bench) -> dict[str, float | None]:
    """Memory after many requests, and what it grew from the first quarter of them to the last."""
    note(f"memory over {bench.plan.memory_requests} requests")
    tree = bench.ours.tree
    worker = bench.ours.worker
    control = tree.find(CONTROL)
    pattern = Pattern(
        body=bench.bodies.whole, connections=CONNECTIONS, requests=bench.plan.memory_requests // 4
    )
    quarters: list[float] = []
    for _ in range(4):
        bench.meter.run(bench.ours, pattern)
        tree.settle()
        quarters.append(pss_mb(worker))
    return {
        "worker_mb": quarters[-1],
        "worker_mb_growth": quarters[-1] - quarters[0],
        "control_mb": pss_mb(control) if control else None,
        "total_mb": sum(map(pss_mb, tree.pids())),
    }


def mixed_figures(bench: Bench) -> dict[str, float]:
    """What large requests do to the latency of the small ones among them."""
    note(f"{MIXED_RATE} requests per second, without and with {LARGE_SHARE:.0%} of 1 MB")
    return {
        "p99_rise_ms": _p99_rise_ms(bench, bench.ours, bench.plan.rounds),
        # What the load generator and the fake model server add of themselves; one round is enough to see it.
        "direct_p99_rise_ms": _p99_rise_ms(bench, bench.upstream, 1),
    }


def _p99_rise_ms(bench: Bench, target: Target, rounds: int) -> float:
    small = Pattern(
        body=bench.bodies.whole,
        connections=SPARE_CONNECTIONS,
        seconds=bench.plan.mixed_s,
        rate=MIXED_RATE,
        keep_latencies=True,
    )
    mixed = replace(small, other=bench.bodies.large, other_share=LARGE_SHARE)
    without: list[int] = []
    among: list[int] = []
    for _ in range(rounds):
        without += bench.meter.run(target, small).latencies_ns
        among += bench.meter.run(target, mixed).latencies_ns
    return (percentile(among, 99) - percentile(without, 99)) / 1e6


def help_cpu_s() -> float:
    """Return the user and system time of `guardian --help`."""
    note("guardian --help")
    return statistics.median(command_cpu_s([GUARDIAN, "--help"], cores()[0]) for _ in range(HELP_RUNS))


def start_s(kind: Kind, upstream: Upstream, probe: bytes) -> float:
    """Start the target, stop it, and return how long its first right answer took."""
    note(f"starting and stopping the {kind}")
    with serve(kind, upstream, probe) as target:
        return target.start_s


def measure(plan: Plan, kind: Kind) -> dict[str, Any]:
    """Return all figures."""
    meter = Meter()
    with body_files() as bodies, fake_model() as upstream:
        probe = bodies.whole.read_bytes()

        starts = [start_s(kind, upstream, probe) for _ in range(plan.starts - 1)]
        note(f"starting the {kind}")
        with serve(kind, upstream, probe) as ours:
            starts.append(ours.start_s)
            bench = Bench(plan, bodies, meter, upstream, ours)
            figures = side_by_side(bench, probe)
            # Without the pass-through, which would take on a part of the memory that both map.
            figures |= memory_figures(bench) | mixed_figures(bench)
    return {
        **figures,
        "start_to_first_answer_s": statistics.median(starts),
        "help_cpu_s": help_cpu_s() if kind == "gateway" else None,
        "failed_requests": meter.failed,
        "lost_marks": meter.lost_marks,
        "core_wait_share": meter.core_wait_share,
        "requests": meter.requests,
    }


def side_by_side(bench: Bench, probe: bytes) -> dict[str, Any]:
    """Return what is measured in turn with the bare pass-through."""
    with bare(bench.upstream, probe) as reference:
        note("warming up")
        warm_up = Pattern(body=bench.bodies.whole, connections=CONNECTIONS, seconds=0.3)
        bench.meter.alternate([bench.ours, reference], 1, warm_up)
        return {
            **whole_figures(bench, reference),
            **chunk_figures(bench, reference),
            **paced_figures(bench, reference),
            **latency_figures(bench, reference),
        }


def main() -> None:
    """Run the benchmark."""
    chosen = parser(__doc__).parse_args()
    plan = QUICK if chosen.quick else FULL
    run = {
        "target": chosen.target,
        "quick": chosen.quick,
        "plan": asdict(plan),
        "data": "generated: requests of 1 KB and 1 MB, answers of 1 KB or 50 chunks without findings",
    }
    conduct("overhead", GOALS, lambda: measure(plan, chosen.target), run)


if __name__ == "__main__":
    main()
