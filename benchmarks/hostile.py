"""How long one hostile request holds up the others.

Small requests pass at a fixed rate while hostile ones are sent, one at a time. For each attack: by how much
the 99th percentile and the longest wait of the small requests exceed those of windows without it, which are
taken in turn with it. docs/benchmarks.md describes every figure.
"""

import statistics
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.harness.attacks import ATTACKS, Attack, attack_until
from benchmarks.harness.bodies import body_files
from benchmarks.harness.command import conduct, parser
from benchmarks.harness.load import Pattern
from benchmarks.harness.meter import Meter
from benchmarks.harness.report import note, percentile
from benchmarks.harness.targets import Kind, Target, fake_model, serve

GOALS = {"longest_block_ms": 2.0, "p99_rise_ms": 2.0, "failed_requests": 0.0}

RATE = 200
CONNECTIONS = 64
PEACE = "none"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often and how long each attack is made."""

    rounds: int
    """Windows of each attack, and as many without one."""
    window_s: float


QUICK = Plan(rounds=3, window_s=1.3)
FULL = Plan(rounds=7, window_s=5.0)


@dataclass
class Observed:
    """The waits of small requests during all windows of one attack, and what the hostile client was told."""

    waits_ms: list[list[float]] = field(default_factory=list[list[float]])
    outcomes: Counter[str] = field(default_factory=Counter[str])

    def p99_ms(self) -> float:
        """Over all windows together."""
        return percentile([wait for window in self.waits_ms for wait in window], 99)

    def longest_ms(self) -> float:
        """The median over windows of each one's longest: a block shows in every window, a hiccup does not."""
        return statistics.median(map(max, self.waits_ms))


def figures(observed: Mapping[str, Observed]) -> dict[str, Any]:
    """Return each attack's rise over the windows without one, and the worst of them."""
    peace = observed[PEACE]
    attacks: dict[str, dict[str, Any]] = {
        name: {
            "longest_block_ms": during.longest_ms() - peace.longest_ms(),
            "p99_rise_ms": during.p99_ms() - peace.p99_ms(),
            "answers": dict(during.outcomes),
        }
        for name, during in observed.items()
        if name != PEACE
    }
    longest = [max(window) for window in peace.waits_ms]
    return {
        "longest_block_ms": max(attack["longest_block_ms"] for attack in attacks.values()),
        "p99_rise_ms": max(attack["p99_rise_ms"] for attack in attacks.values()),
        "attacks": attacks,
        "without": {
            "p99_ms": peace.p99_ms(),
            "longest_ms": peace.longest_ms(),
            "longest_spread_ms": max(longest) - min(longest),
        },
    }


def observe(meter: Meter, target: Target, pattern: Pattern, attack: Attack | None, into: Observed) -> None:
    """Take one window, under attack or not."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as hostile:
        outcomes = hostile.submit(attack_until, ended, target.port, attack) if attack else None
        try:
            load = meter.run(target, pattern)
        finally:
            ended.set()
    if outcomes:
        into.outcomes += outcomes.result()
    into.waits_ms.append([wait / 1e6 for wait in load.latencies_ns])


def measure(plan: Plan, kind: Kind) -> dict[str, Any]:
    """Return the figures of all attacks."""
    meter = Meter()
    windows: Sequence[tuple[str, Attack | None]] = [(PEACE, None), *ATTACKS.items()]
    observed = {name: Observed() for name, _ in windows}
    with body_files() as bodies, fake_model() as upstream:
        note(f"starting the {kind}")
        with serve(kind, upstream, bodies.whole.read_bytes()) as target:
            pattern = Pattern(
                body=bodies.whole,
                connections=CONNECTIONS,
                seconds=plan.window_s,
                rate=RATE,
                keep_latencies=True,
            )
            meter.run(target, pattern)
            for number in range(plan.rounds):
                for name, attack in windows:
                    note(f"round {number + 1}, attack: {name}")
                    observe(meter, target, pattern, attack, observed[name])
    return {
        **figures(observed),
        "failed_requests": meter.failed,
        "core_wait_share": meter.core_wait_share,
        "requests": meter.requests,
    }


def main() -> None:
    """Run the benchmark."""
    chosen = parser(__doc__).parse_args()
    plan = QUICK if chosen.quick else FULL
    run = {
        "target": chosen.target,
        "quick": chosen.quick,
        "plan": asdict(plan),
        "small_requests_per_s": RATE,
        "data": "generated: requests of 1 KB, and the hostile ones",
    }
    conduct("hostile", GOALS, lambda: measure(plan, chosen.target), run)


if __name__ == "__main__":
    main()
