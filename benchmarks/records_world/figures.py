"""What stretches of load and looks at the database say: pure, so that tests can hold it."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.harness.load import Load
from benchmarks.harness.report import percentile

NOT_CAUGHT_UP_S = 3_600.0
"""What is said where the last look still found less than there was in the end."""


class Look(NamedTuple):
    """How many requests from before the end of an outage were on disk, and when that was asked."""

    at: float
    """Unix time in seconds."""
    count: int


class Stretch(NamedTuple):
    """A time of steady load, and what befell the control process in it."""

    name: str
    """`quiet`, or the outage."""
    load: Load
    caught_up_s: float | None = None
    """From the end of the outage until all from before it was on disk."""


def p99_ms(loads: Sequence[Load]) -> float:
    """Return the 99th percentile over all requests of some stretches."""
    return percentile([each for load in loads for each in load.latencies_ns], 99) / 1e6


def usual_p99_ms(loads: Sequence[Load]) -> float:
    """Return the median of the stretches' own 99th percentiles: one in which others were busy says little."""
    return statistics.median(p99_ms([load]) for load in loads)


def caught_up_s(looks: Sequence[Look], ended: float) -> float:
    """Return how long after `ended` all was on disk that ever came to be."""
    final = max((look.count for look in looks), default=0)
    complete = [look.at for look in looks if look.count == final]
    if len(complete) < 2:  # a single one, at the end: nobody can say that it was all
        return NOT_CAUGHT_UP_S
    return max(0.0, complete[0] - ended)


def figures(stretches: Sequence[Stretch], *, recorded: int) -> dict[str, Any]:
    """Return what outages did to requests and to their records, of which so many are on disk."""
    quiet = [each.load for each in stretches if each.name == "quiet"]
    outages = sorted({each.name for each in stretches} - {"quiet"})
    usual = usual_p99_ms(quiet)
    of = {name: [each for each in stretches if each.name == name] for name in outages}
    ratios = {name: p99_ms([each.load for each in found]) / usual for name, found in of.items()}
    late = {name: max(each.caught_up_s or 0.0 for each in found) for name, found in of.items()}
    answered = sum(each.load.ok for each in stretches)
    return {
        "failed_requests": sum(each.load.failed for each in stretches),
        "requests": answered,
        "p99_ratio": max(ratios.values()),
        "p99_ratio_by_outage": ratios,
        "p99_noise": noise(quiet),
        "p99_quiet_ms": usual,
        "p50_quiet_ms": statistics.median(each for load in quiet for each in load.latencies_ns) / 1e6,
        "caught_up_s": max(late.values()),
        "caught_up_s_by_outage": late,
        "lost_records": answered - recorded,
    }


def noise(quiet: Sequence[Load]) -> float:
    """Return by how much the 99th percentiles of two undisturbed stretches differ, as a ratio of at least 1."""
    each = [p99_ms([load]) for load in quiet]
    return max(each) / min(each)


def shortfalls(found: Mapping[str, float], least: Mapping[str, float]) -> dict[str, float]:
    """Return by which share each figure stays below what it should reach at least; 0 where it does not."""
    return {f"{name}_short": max(0.0, 1.0 - found[name] / goal) for name, goal in least.items()}
