"""How often a diagnosis names the right cause and the right place, in simulated traffic with known truth.

A window is 4,000 requests of a specialist before the onset of a fault and 1,000 since; half of the windows come with
alarms. Faults are of every cause, scope and magnitude of `simulation/traffic`, one or two at once. `slice_top1` is of
slices of one and two dimensions, `slice_top3_3d` of three; a slice is right when it selects the same requests
(`diagnosis_world/scoring.py`). `cycle_s` is of whole monitoring cycles over 5,000 recorded requests, the longest of
five; `diagnose_s` of the diagnosis alone, in 95 % of the windows. Trivial methods are held beside. Cases are drawn by a
seed that is new each time (`--seed` repeats one). docs/design/simulation.md describes the world.
"""

import argparse
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from statistics import median

from benchmarks.diagnosis_world.cases import DrawnCase, cases
from benchmarks.diagnosis_world.figures import figures
from benchmarks.diagnosis_world.outcomes import Outcome, outcome
from benchmarks.diagnosis_world.whole_cycle import cycle_times_s
from benchmarks.harness.offline import Measured, conduct_given, offline_options
from benchmarks.harness.options import add_seed
from benchmarks.harness.report import note
from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.diagnosis.diagnose import diagnose

AT_LEAST = {
    "cause_top1": 0.85,
    "slice_top1": 0.9,
    "slice_top3_3d": 0.75,
    "fault_free_silent": 0.95,
    "above_every_baseline": 1.0,
}
AT_MOST = {"cycle_s": 1.0}
REPEATS, PAIRS, FREE = 5, 200, 200
QUICK_SOME, QUICK_PAIRS, QUICK_FREE = 28, 3, 6
_TELL_EVERY = 50


def at_end(window: Window) -> DiagnosticianReport:
    """Diagnose a window as it is at its end."""
    return diagnose(window, at=window.until)


def one(case: DrawnCase) -> Outcome:
    """Return what becomes of a case; a function of its own, for it is sent to other processes."""
    return outcome(case, at_end)


def measure(drawn: Sequence[DrawnCase], jobs: int) -> list[Outcome]:
    """Return what becomes of all cases."""
    found: list[Outcome] = []
    for each in _results(drawn, jobs):
        found.append(each)
        if len(found) % _TELL_EVERY == 0:
            note(f"{len(found)} of {len(drawn)} windows")
    return found


def _results(drawn: Sequence[DrawnCase], jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from map(one, drawn)
        return
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(one, drawn, chunksize=4)


def drawn_cases(seed: int, *, quick: bool) -> list[DrawnCase]:
    """Return the cases of a run."""
    if quick:
        return cases(seed, some=QUICK_SOME, pairs=QUICK_PAIRS, free=QUICK_FREE)
    return cases(seed, repeats=REPEATS, pairs=PAIRS, free=FREE)


def measured(given: argparse.Namespace) -> Measured:
    """Return the figures of a run, and what they were measured on."""
    note(f"seed {given.seed}")
    drawn = drawn_cases(given.seed, quick=given.quick)
    times_s = cycle_times_s(given.seed)
    found = figures(measure(drawn, given.jobs)) | {"cycle_s": max(times_s), "cycle_median_s": median(times_s)}
    return found, {"seed": given.seed, "windows": len(drawn)}


if __name__ == "__main__":
    options = offline_options(__doc__)
    add_seed(options)
    options.add_argument("--jobs", type=int, default=1, help="processes; times are measured best with one")
    conduct_given("diagnosis", options, measured, at_least=AT_LEAST, at_most=AT_MOST)
