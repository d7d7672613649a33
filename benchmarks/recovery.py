"""Whether failures are repaired without a person, how soon, and what the repairing breaks.

The product's own data plane asks simulated models over real HTTP, in simulated time; callers ask its specialists, the
one that is struck 20 times a second. A fault of the suite strikes at one place (an endpoint, a model, a variant, a
tenant, a template, a language, or a whole specialist), or two strike at once, and they stay. Each case is played three
times on the same seed: with the failover of the request path alone, with a static fallback and the breaker too, and
with guardians and recovery. What callers lose is judged by what they were told, not by what the product thinks of it.
docs/benchmarks.md describes every figure. Cases are drawn by a seed that is new each time (`--seed` repeats one).
"""

import argparse
import json
import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from multiprocessing import get_context
from typing import Any

from benchmarks.harness.report import elapsed_s, json_line, machine_facts, note
from benchmarks.recovery_world.faults import ILLS, Case, some_singles, twos
from benchmarks.recovery_world.figures import figures
from benchmarks.recovery_world.house import ARMS, Arm
from benchmarks.recovery_world.pages import flaps, outage
from benchmarks.recovery_world.play import Plan, play
from benchmarks.recovery_world.quiet import PER_DAY, SPECIALISTS, quiet_days
from benchmarks.recovery_world.scoring import Score, score

AT_LEAST = {"recovered_rate": 0.95}
AT_MOST = {
    "minutes_v_better_baseline": 0.6,
    "wrong_actions": 1.0,
    "left_undone": 0.0,
    "harm_share_of_saved": 0.02,
    "detect_to_mitigate_median_s": 30.0,
    "duplicate_pages": 0.0,
    "lost_alerts": 0.0,
    "second_time_v_first": 0.6,
}

FULL, QUICK = Plan(calm_s=60.0, struck_s=180.0), Plan(calm_s=40.0, struck_s=75.0)
AGAIN = Plan(calm_s=60.0, struck_s=150.0, well_s=300.0)
"""Long enough for recovery to try the old way, find it well and take its actions back."""

TWOS, TWICE = 20, 10
QUICK_SINGLES = 2
DAYS, QUICK_DAYS = 20.0, 1.0
FLAPS, QUICK_FLAPS = 1_000, 100
CALLS = 50
"""Incidents that are told of while nobody can be reached."""

_Job = tuple[Case, Arm, Plan]


def one(job: _Job) -> Score:
    """Return what a play comes to; a function of its own, for it is sent to other processes."""
    logging.disable(logging.WARNING)  # the product tells of faults, and of little else here
    return score(play(*job))


def scored(jobs: Sequence[_Job], processes: int) -> list[Score]:
    """Return what all plays come to, and tell of each."""
    found: list[Score] = []
    for each in _results(jobs, processes):
        found.append(each)
        until = "never" if each.mitigated_s is None else f"after {each.mitigated_s:.0f} s"
        note(
            f"{len(found)} of {len(jobs)}: {each.case.name}, {each.arm}: well again {until}, {each.minutes:.2f} minutes"
            f" lost, {each.cpu_s:.0f} s of CPU; {'; '.join(each.actions) or 'nothing done'}"
        )
    return found


def _results(jobs: Sequence[_Job], processes: int) -> Iterator[Score]:
    if processes == 1:
        yield from map(one, jobs)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(one, jobs)


def drawn_jobs(asked: argparse.Namespace, seed: int) -> tuple[list[_Job], list[_Job]]:
    """Return the plays of a run: each case in each arm, and those in which a fault comes twice."""
    ills = asked.fault or list(ILLS)
    if asked.quick:
        cases, plan = some_singles(seed, QUICK_SINGLES, ills), QUICK
    else:
        cases, plan = some_singles(seed, asked.cases, ills) + twos(seed, 0 if asked.cases else TWOS), FULL
    again = some_singles(seed + 1, TWICE, ills) if not (asked.quick or asked.cases) else []
    return [(case, arm, plan) for case in cases for arm in asked.arm or ARMS], [
        (case, "guarded", AGAIN) for case in again
    ]


def beside(seed: int, *, quick: bool) -> dict[str, Any]:
    """Return what is measured without any play: days without a fault, and calls to people."""
    many, sinkless = flaps(QUICK_FLAPS if quick else FLAPS, seed)
    lost, twice = outage(CALLS, seed)
    note(f"pages: {many} too many in flaps, {lost} lost and {twice} doubled in an outage")
    names = SPECIALISTS[:1] if quick else SPECIALISTS
    calm = quiet_days(seed, QUICK_DAYS if quick else DAYS, PER_DAY, names)
    note(f"quiet days: {asdict(calm)}")
    return {
        "wrong_actions": len(calm.actions),
        "duplicate_pages": many,
        "lost_alerts": lost + sinkless,
        "doubled_alerts": twice,
        "quiet": asdict(calm),
    }


def line_of(found: dict[str, Any], run: dict[str, Any]) -> str:
    """Return the line that ends the benchmark."""
    line = json.loads(json_line("recovery", found, AT_MOST, run, machine_facts()))
    reached = {key: None if found[key] is None else found[key] >= goal for key, goal in AT_LEAST.items()}
    return json.dumps({**line, "goals": {**AT_LEAST, **AT_MOST}, "met": {**reached, **line["met"]}})


def options() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="end within a minute of CPU, with two cases")
    parser.add_argument("--seed", type=int, help="which cases are drawn; without it others each time")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--cases", type=int, default=0, metavar="N", help="only so many, of one fault each")
    parser.add_argument("--fault", action="append", choices=list(ILLS), help="only this fault")
    parser.add_argument("--arm", action="append", choices=ARMS, help="only this arm")
    return parser.parse_args()


def main() -> None:
    """Print the figures as the last line on standard output."""
    asked = options()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    note(f"seed {seed}")
    logging.disable(logging.WARNING)
    jobs, again = drawn_jobs(asked, seed)
    others = beside(seed, quick=asked.quick or bool(asked.cases))
    found = figures(scored(jobs, asked.jobs), scored(again, asked.jobs)) | others
    run = {
        "quick": asked.quick,
        "seed": seed,
        "cases": len({case for case, _, _ in jobs}),
        "twice": len(again),
        "plan": asdict(QUICK if asked.quick else FULL),
        "elapsed_s": elapsed_s(),
    }
    print(line_of(found, run), flush=True)


if __name__ == "__main__":
    main()
