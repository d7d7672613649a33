"""What becomes of workflows whose process is killed, frozen or upgraded in their middle, and of their effects.

Before, inside and after each step of each workflow the process is killed, and at moments that nobody chose; another
one takes the run up. Effects are counted in the database. docs/design/engine.md describes every figure.
"""

import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.harness.command import conduct, parser
from benchmarks.harness.options import add_seed
from benchmarks.harness.postgres import binaries, running_postgres
from benchmarks.harness.report import note, percentile
from benchmarks.kill_sweep_world.kinds import KINDS, kinds_in
from benchmarks.kill_sweep_world.place import Place
from benchmarks.kill_sweep_world.sweep import Ended, deaths, swept
from benchmarks.kill_sweep_world.takeover import TakenOver, Town
from benchmarks.kill_sweep_world.upgrade import CHANGES, Upgraded, upgraded

GOALS = {
    "wrong_end_states": 0.0,
    "duplicated_effects": 0.0,
    "lost_effects": 0.0,
    "takeover_p95_s": 5.0,
    "stranded": 0.0,
    "upgraded_otherwise": 0.0,
}


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    deaths: int
    """Of those at steps, by database; at most all."""
    chances: int
    """Runs that are killed at any moment, by place."""
    places: int
    """Databases of one server that are used side by side: there a death waits for a lease to run out."""
    towns: int
    killed: int
    """Processes, by town."""
    frozen: int
    freeze_s: float


QUICK = Plan(deaths=8, chances=1, places=5, towns=2, killed=1, frozen=1, freeze_s=6.0)
FULL = Plan(deaths=1_000, chances=6, places=5, towns=3, killed=12, frozen=3, freeze_s=30.0)


def sweep_figures(found: dict[str, list[Ended]]) -> dict[str, Any]:
    """Return the figures of deaths, by database and of all."""
    every = [ended for share in found.values() for ended in share]
    return {
        "right_end_state": sum(ended.right for ended in every) / max(len(every), 1),
        "wrong_end_states": sum(not ended.right for ended in every),
        "duplicated_effects": sum(ended.duplicated for ended in every),
        "lost_effects": sum(ended.lost for ended in every),
        "deaths": {name: len(share) for name, share in found.items()},
        "right_end_state_by_database": {
            name: sum(ended.right for ended in share) / max(len(share), 1) for name, share in found.items()
        },
        "survived": sum(not ended.died for ended in every),
    }


def takeover_figures(found: Sequence[TakenOver]) -> dict[str, Any]:
    """Return how long runs stood still; a run that ended wrong, or twice, counts among those that were killed."""
    by_how = {how: [each.slowest_s for each in found if each.how == how] for how in ("killed", "frozen")}
    slowest = [each.slowest_s for each in found]
    return {
        "takeover_p95_s": percentile(slowest, 95) if slowest else None,
        "takeover_median_s": {how: percentile(each, 50) for how, each in by_how.items() if each},
        "takeovers": {how: len(each) for how, each in by_how.items()},
        "takeover_wrong": sum(not each.right for each in found),
        "takeover_duplicated": sum(each.duplicated for each in found),
    }


def upgrade_figures(found: Sequence[Upgraded]) -> dict[str, Any]:
    """Return how many runs an upgrade left without an end, and how many it ended otherwise than it should."""
    return {
        "upgrades": len(found),
        "stranded": sum(each.state in ("waiting", "running") for each in found),
        "upgraded_otherwise": sum(not each.as_meant for each in found),
    }


def measure(plan: Plan, seed: int) -> dict[str, Any]:
    """Return all figures; those that need a PostgreSQL only where one is installed."""
    rng = random.Random(seed)
    programs = binaries()
    if programs is None:
        note("PostgreSQL is not installed in /usr/lib/postgresql: SQLite alone is measured")
    with tempfile.TemporaryDirectory(prefix="guardian-sweep-") as name:
        folder = Path(name)
        kinds = (*KINDS, *kinds_in(folder / "files"))
        shutil.copytree(folder / "files", folder / "server")
        every = deaths(kinds)
        chosen = rng.sample(every, min(plan.deaths, len(every)))
        file = Place(str(folder / "engine.db"), str(folder / "effects.db"), str(folder / "files"))
        figures: dict[str, Any] = {"steps_of_workflows": {kind.name: kind.steps for kind in kinds}}
        found = {"sqlite": _said(swept([file], chosen, plan.chances, seed))}
        changed = [upgraded(file, change) for change in CHANGES]
        taken: list[TakenOver] = []
        if programs is not None:
            with running_postgres(programs) as address:
                server = str(folder / "server")
                places = [_database(address, f"sweep{number}", server) for number in range(plan.places)]
                found["postgresql"] = _said(swept(places, chosen, plan.chances, seed))
                taken = _taken_over(address, plan, seed)
    figures |= sweep_figures(found) | takeover_figures(taken) | upgrade_figures(changed)
    figures["wrong_end_states"] += figures.pop("takeover_wrong")
    figures["duplicated_effects"] += figures.pop("takeover_duplicated")
    return figures


def _taken_over(address: str, plan: Plan, seed: int) -> list[TakenOver]:
    towns = [_database(address, f"town{number}") for number in range(plan.towns)]
    with ThreadPoolExecutor(len(towns)) as side_by_side:
        work = partial(_struck, plan=plan)
        found = side_by_side.map(work, towns, [seed + number for number in range(plan.towns)])
        return [each for share in found for each in share]


def _struck(place: Place, seed: int, *, plan: Plan) -> list[TakenOver]:
    town = Town(place, seed)
    try:
        found = [town.struck(None) for _ in range(plan.killed)]
        found += [town.struck(plan.freeze_s) for _ in range(plan.frozen)]
    finally:
        town.close()
    for each in found:
        note(f"{each.how}: went on after {each.slowest_s:.1f} s, {'right' if each.right else 'WRONG'}")
    return found


def _said(found: list[Ended]) -> list[Ended]:
    for ended in found:
        if not ended.right or ended.duplicated or ended.lost:
            note(f"wrong: {ended}")
    note(f"{len(found)} runs were killed and taken up")
    return found


def _database(address: str, name: str, folder: str = "") -> Place:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    own = address.replace("/postgres?", f"/{name}?")
    return Place(own, own, folder)


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    add_seed(options)
    chosen = options.parse_args()
    if chosen.target != "gateway":
        sys.exit("error: this is of the control plane alone")
    plan = QUICK if chosen.quick else FULL
    run = {"quick": chosen.quick, "plan": asdict(plan), "seed": chosen.seed}
    conduct("kill_sweep", GOALS, lambda: measure(plan, chosen.seed), run)


if __name__ == "__main__":
    main()
