"""How soon alarms notice that a specialist's quality has dropped, and how often they are false.

Five specialists with 10,000 requests a day each, nine signals, the hour of the day, mixes that shift, confounded
slices. Of a tenth of the requests no check says how good they were; a tenth is marked by callers, hours late. What is
expected is learned from the stream itself, from the first request on. Nothing is wrong for 20 days: every alarm is a
false one. At random moments from the third day on, quality drops in a copy of the world, and requests are counted until
the alarm. docs/design/alarms.md describes every figure.
"""

import random
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.alarms_world.baselines import DETECTORS, delays
from benchmarks.alarms_world.play import MOST_REQUESTS, Played, Probe, drawn_moments, play
from benchmarks.alarms_world.world import DAY_S, START, Fault, World, world
from benchmarks.harness.offline import Measured, conduct_offline
from benchmarks.harness.report import note

SPECIALISTS, PER_DAY = 5, 10_000
DAYS, QUICK_DAYS = 20, 4
MOMENTS, QUICK_MOMENTS = 120, 20
WARM_DAYS = 2
DROPS = (0.1, 0.2, 0.4)
SLICE = ("tenant", 1)
"""Some 14 % of the requests."""

AT_MOST = {"delay_10": 200, "delay_20": 70, "delay_40": 30, "false_alarms_per_day": 1}


def measure(quick: bool) -> Measured:
    """Return the figures, and what they were measured on."""
    seed = random.SystemRandom().randrange(2**31)
    rng = random.Random(seed)
    specialists, days = (2, QUICK_DAYS) if quick else (SPECIALISTS, DAYS)
    moments = QUICK_MOMENTS if quick else MOMENTS
    note(f"{specialists} specialists for {days} days, seed {seed}")
    worlds = [world(f"s{n}", rng.randrange(2**31), days, PER_DAY) for n in range(specialists)]
    found = figures(worlds, days, moments, rng)
    run = {
        "seed": seed,
        "specialists": specialists,
        "days": days,
        "per_day_each": PER_DAY,
        "moments": moments,
    }
    return found, run


def figures(
    worlds: Sequence[World], days: int, count: int, rng: random.Random, warm_days: float = WARM_DAYS
) -> dict[str, Any]:
    """Return the figures of these worlds, with so many moments after the first days at which quality drops."""
    moments = drawn_moments(worlds, count, warm_days / days, rng)
    budget = len(worlds) / SPECIALISTS
    whole = [Fault(0, drop) for drop in DROPS]
    played = play(worlds, moments, [*whole, Fault(0, 0.2, SLICE), Fault(0, 0.4, SLICE)], budget)
    note(f"{len(played.probes)} faults tried")
    allowed = max(1, round(days * len(worlds) / SPECIALISTS))
    others: dict[str, Any] = {}
    for name in DETECTORS:
        by_drop = delays(name, worlds, moments, DROPS, allowed)
        others |= {f"{name}_delay_{round(100 * drop)}": delay for drop, delay in by_drop.items()}
        note(f"{name}: {by_drop}")
    return {**_own(played), **_false(played, days, budget), **others}


def _own(played: Played) -> dict[str, Any]:
    everywhere = [probe for probe in played.probes if probe.fault.where is None]
    inside = [probe for probe in played.probes if probe.fault.where is not None]
    found = [probe for probe in everywhere if probe.alarm]
    return {
        **{f"delay_{round(100 * drop)}": _median(everywhere, drop) for drop in DROPS},
        **{f"delay_p90_{round(100 * drop)}": _p90(everywhere, drop) for drop in DROPS},
        "missed": sum(probe.alarm is None for probe in everywhere) / max(len(everywhere), 1),
        "faults": len(everywhere),
        "named_everything": sum(probe.alarm is not None and not probe.alarm.where for probe in found)
        / max(len(found), 1),
        "onset_off_median": median([abs(probe.began_off) for probe in found] or [0]),
        "slice_delay_20": _median(inside, 0.2),
        "slice_delay_40": _median(inside, 0.4),
        "slice_named": sum(_names(probe) for probe in inside) / max(len(inside), 1),
    }


def _names(probe: Probe) -> bool:
    dimension, number = SLICE
    return probe.alarm is not None and probe.alarm.where == ((dimension, f"{dimension}-{number}"),)


def _delays(probes: Sequence[Probe], drop: float) -> list[int]:
    found = [probe for probe in probes if probe.fault.drop == drop]
    return sorted(MOST_REQUESTS if probe.requests is None else probe.requests for probe in found)


def _median(probes: Sequence[Probe], drop: float) -> float | None:
    found = _delays(probes, drop)
    return float(median(found)) if found else None


def _p90(probes: Sequence[Probe], drop: float) -> float | None:
    found = _delays(probes, drop)
    return float(found[int(0.9 * len(found))]) if found else None


def _false(played: Played, days: int, budget: float) -> dict[str, Any]:
    false = played.false_alarms
    for alarm in false:
        day = (alarm.raised - START) / DAY_S
        note(
            f"false: {alarm.specialist} {alarm.signal} {alarm.where} on day {day:.1f}, {alarm.requests} requests"
        )
    return {
        "false_alarms_per_day": len(false) / days,
        "false_alarms_by_signal": dict(Counter(alarm.signal for alarm in false)),
        "false_alarms_proven_per_day": budget,
        "open_share": played.open_share,
    }


if __name__ == "__main__":
    conduct_offline("alarms", __doc__, measure, at_least={}, at_most=AT_MOST)
