"""Every death there is: before, inside and after each step of each workflow, and at moments drawn by chance."""

import random
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from benchmarks.kill_sweep_world.dying import MOMENTS, Death
from benchmarks.kill_sweep_world.kinds import ITS_ID, KINDS, Kind
from benchmarks.kill_sweep_world.place import Place
from benchmarks.kill_sweep_world.program import Child, run_one

RANDOM_DEATHS = 2
"""In one run, one after the other."""
_LATEST_S = 0.6
"""After its start a process has long begun with its run; it needs a tenth of a second for all of it."""


class Ended(NamedTuple):
    """What became of a run that was killed."""

    what: str
    died: bool
    """Whether its process was killed in fact."""
    right: bool
    duplicated: int
    lost: int


def deaths(kinds: Iterable[Kind] = KINDS) -> list[tuple[Kind, Death]]:
    """Return all deaths of all kinds."""
    return [
        (kind, Death(moment, step))
        for kind in kinds
        for step in range(1, kind.steps + 1)
        for moment in MOMENTS
    ]


def died(place: Place, kind: Kind, death: Death) -> Ended:
    """Return what becomes of a run whose process dies in one step, and that another process then takes up."""
    id = f"{kind.name}-{death.moment}-{death.step}"
    first = Child(run_one, place, kind.name, id, death)
    said = first.said()
    first.end()
    return _ended(place, kind, id, is_dead=said is None)


def died_by_chance(place: Place, kind: Kind, number: int, rng: random.Random) -> Ended:
    """Return what becomes of a run whose process is killed at moments that nobody chose."""
    id = f"{kind.name}-chance-{number}"
    is_dead = False
    for _ in range(RANDOM_DEATHS):
        child = Child(run_one, place, kind.name, id, None)
        time.sleep(rng.uniform(0.0, _LATEST_S))
        child.process.kill()
        is_dead |= child.said(0.1) is None
        child.end()
    return _ended(place, kind, id, is_dead=is_dead)


def _ended(place: Place, kind: Kind, id: str, *, is_dead: bool) -> Ended:
    second = Child(run_one, place, kind.name, id, None)
    result = second.said()
    second.end()
    found = kind.counted(place, id)
    more = sum(max(found.get(sort, 0) - count, 0) for sort, count in kind.effects.items())
    less = sum(max(count - found.get(sort, 0), 0) for sort, count in kind.effects.items())
    return Ended(id, is_dead, result == (id if kind.right == ITS_ID else kind.right), more, less)


def swept(places: list[Place], sample: list[tuple[Kind, Death]], chances: int, seed: int) -> list[Ended]:
    """Return what became of all runs; so many at a time as there are places, each place by itself."""
    for place in places:
        effects = place.open_effects()
        effects.create()
        effects.close()
    with ThreadPoolExecutor(len(places)) as side_by_side:
        shares = [sample[number :: len(places)] for number in range(len(places))]
        work = partial(_swept, chances=chances, seed=seed)
        return [each for found in side_by_side.map(work, places, shares) for each in found]


def _swept(place: Place, share: list[tuple[Kind, Death]], chances: int, seed: int) -> list[Ended]:
    rng = random.Random(f"{seed} {place.runs}")
    found = [died(place, kind, death) for kind, death in share]
    return found + [died_by_chance(place, rng.choice(KINDS), number, rng) for number in range(chances)]
