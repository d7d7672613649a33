"""Takes windows of load on targets in turn, with the CPU time of each, and counts what failed."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.harness.load import Load, Pattern, run_load
from benchmarks.harness.processes import core_wait_ns, cpu_ns
from benchmarks.harness.targets import Target

CHUNKS = 50
"""Chunks with content in a stream of the fake model server."""


@dataclass(frozen=True)
class Window:
    """One run of the load generator, and the time on a core that the target's processes took for it."""

    load: Load
    cpu_us: float = 0.0
    worker_cpu_us: float = 0.0
    """The part of it that the process which answers took."""

    def request_us(self) -> float:
        """CPU time for each right answer."""
        return self.cpu_us / max(1, self.load.ok)

    def worker_request_us(self) -> float:
        """The worker's CPU time for each right answer."""
        return self.worker_cpu_us / max(1, self.load.ok)

    def chunk_us(self) -> float:
        """CPU time for each chunk of the streams that were answered."""
        return self.request_us() / CHUNKS

    def requests_per_s(self) -> float:
        """Right answers per second."""
        return self.load.ok / self.load.elapsed_s

    def p50_ms(self) -> float:
        """Latency."""
        return self.load.latency_ms.p50 if self.load.latency_ms else float("nan")

    def first_token_ms(self) -> float:
        """Time to the first content."""
        return self.load.first_token_ms.p50 if self.load.first_token_ms else float("nan")

    def transit_ms(self) -> float:
        """From a chunk's way out of the fake model server to its arrival."""
        return self.load.transit_ms.p50 if self.load.transit_ms else float("nan")


Figure = Callable[[Window], float]


class Windows:
    """The windows of several targets, which were taken in turn."""

    def __init__(self, by_target: Mapping[str, Sequence[Window]]) -> None:
        self._by_target = by_target

    def median(self, target: Target, figure: Figure) -> float:
        """Return the median over a target's windows."""
        return statistics.median(map(figure, self._by_target[target.name]))

    def added(self, target: Target, direct: Target, figure: Figure) -> float:
        """Return by how much the target's median exceeds that of the fake model server itself."""
        return self.median(target, figure) - self.median(direct, figure)


class Meter:
    """Runs load and counts, over all of a benchmark, what was asked of the gateway and what failed."""

    def __init__(self) -> None:
        self.requests = 0
        self.failed = 0
        self.lost_marks = 0
        self._open_s = 0.0
        self._wait_s = 0.0

    @property
    def core_wait_share(self) -> float:
        """Share of the time of all open loops in which a worker was ready to run and its core was taken.

        Where it is not near 0, other programs use the core, and latencies tell more of them.
        """
        return self._wait_s / self._open_s if self._open_s else 0.0

    def run(self, target: Target, pattern: Pattern) -> Load:
        """Run load on a target."""
        if target.running is None or not pattern.rate:
            load = run_load(target.port, pattern)
        else:
            waited_ns = core_wait_ns(target.worker)
            load = run_load(target.port, pattern)
            self._wait_s += (core_wait_ns(target.worker) - waited_ns) / 1e9
            self._open_s += load.elapsed_s
        self.requests += load.ok + load.failed
        self.failed += load.failed
        if pattern.streamed:
            self.lost_marks += load.ok * CHUNKS - load.marks
        return load

    def window(self, target: Target, pattern: Pattern) -> Window:
        """Run load on a target and weigh it, with the work it puts off until after the answers."""
        if target.running is None:
            return Window(self.run(target, pattern))
        before, worker_before = target.running.cpu_ns(), cpu_ns(target.worker)
        load = self.run(target, pattern)
        target.running.settle()
        after, worker_after = target.running.cpu_ns(), cpu_ns(target.worker)
        return Window(load, (after - before) / 1e3, (worker_after - worker_before) / 1e3)

    def alternate(self, targets: Sequence[Target], rounds: int, pattern: Pattern) -> Windows:
        """Take `rounds` windows of each target in turn: what disturbs one then disturbs the others too."""
        for target in targets:
            if target.running is not None:
                target.running.settle()
        taken: dict[str, list[Window]] = {target.name: [] for target in targets}
        for _ in range(rounds):
            for target in targets:
                taken[target.name].append(self.window(target, pattern))
        return Windows(taken)
