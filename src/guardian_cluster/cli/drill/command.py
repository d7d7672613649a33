"""The command `guardian drill`: its options, what is wrong with them, and what it ends with."""

import asyncio
import difflib
import json
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import click
from rich.console import Console

from guardian_cluster.cli.columns import aligned
from guardian_cluster.cli.drill.configuration import Rehearsed, read_rehearsed
from guardian_cluster.cli.drill.forms import TEXT
from guardian_cluster.cli.drill.rehearsal import rehearse, without_fault
from guardian_cluster.cli.drill.report import Drilled, drilled, facts_of
from guardian_cluster.cli.drill.scenery import Place, models_of, stand_ins_for
from guardian_cluster.cli.drill.seen import Struck
from guardian_cluster.cli.drill.table import legend, show
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.config import find_config
from guardian_cluster.contract.snapshot import Base, Specialist
from guardian_cluster.errors import EXIT_OK, BadArgument, ConfigError, Problem, printable
from guardian_cluster.simulation.rehearsal_loop import RehearsalLoop
from guardian_cluster.simulation.strikes import STRIKES, Strike

EXIT_LOST = 1
"""Users would have gone without an answer that another endpoint could have given."""


@click.command()
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="Rehearse this fault; else all of them."
)
@click.option(
    "--specialist", "names", multiple=True, metavar="NAME", help="Strike this specialist; else each in turn."
)
@click.option("--list", "is_list", is_flag=True, help="List the faults.")
@click.option(
    "--requests",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="How often each form is asked for during a fault.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="What is left to chance follows from it."
)
@json_option
@config_option
def drill(
    faults: tuple[str, ...],
    names: tuple[str, ...],
    is_list: bool,
    requests: int,
    seed: int,
    as_json: bool,
    config_path: Path | None,
) -> int:
    """Rehearse faults against your own configuration, and say what your users would have seen.

    Each endpoint is replaced by a simulated stand-in on this machine: nothing you configured is contacted, no key is
    needed or sent. Specialists, fallbacks, timeouts, limits and watch rules are yours. Waiting is skipped, so that
    timeouts of minutes take none.

    The exit status is 0 where users had their answer in every fault in which another endpoint could have given it, 1
    where they had not, 2 where the command is wrong, 78 where the configuration is.
    """
    if is_list:
        _list(as_json=as_json)
        return EXIT_OK
    strikes = [_strike(name) for name in dict.fromkeys(faults)] or list(STRIKES.values())
    path = find_config(config_path)
    rehearsed = read_rehearsed(path)
    base = rehearsed.config.base()
    specialists = _specialists(base, names, str(path or "the defaults"))
    if not as_json:
        click.echo(_heading(path, rehearsed))
    told: Callable[[Drilled], None] = show if not as_json else lambda _: None
    with _quiet_logs(), _progress() as begun, asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        found = runner.run(_drill(base, specialists, strikes, requests, seed, begun, told))
    if as_json:
        facts = {"holds": all(each.holds for each in found), "seed": seed, "requests": requests}
        shown = facts | {"missing": rehearsed.missing, "specialists": [facts_of(each) for each in found]}
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo(_conclusion(found))
    return EXIT_OK if all(each.holds for each in found) else EXIT_LOST


async def _drill(
    base: Base,
    specialists: Sequence[Specialist],
    strikes: Sequence[Strike],
    requests: int,
    seed: int,
    begun: Callable[[str], None],
    told: Callable[[Drilled], None],
) -> list[Drilled]:
    found: list[Drilled] = []
    loop = cast("RehearsalLoop", asyncio.get_running_loop())
    for specialist in specialists:
        async with stand_ins_for(base, specialist, TEXT, seed) as servers:
            place = Place(base, servers, loop, requests, seed)
            company = await without_fault(place, specialist)
            struck: list[Struck] = []
            for strike in strikes:
                begun(f"{specialist.name}: {strike.name} ({len(struck) + 1} of {len(strikes)})")
                struck.append(await rehearse(place, company, strike))
            found.append(drilled(base, company, struck))
            told(found[-1])
    return found


def _strike(name: str) -> Strike:
    if name in STRIKES:
        return STRIKES[name]
    near = difflib.get_close_matches(name, STRIKES, n=1)
    hint = f'did you mean "{near[0]}"?' if near else "guardian drill --list lists them"
    message = f'there is no fault "{printable(name)}"'
    raise BadArgument(Problem("unknown-fault", message, hint=hint, see="guardian drill --list"))


def _specialists(base: Base, names: Sequence[str], source: str) -> list[Specialist]:
    """Return those to strike. Raises ConfigError where there is none, BadArgument for a name that is not there."""
    models = {each.name: each for each in models_of(base)}
    if not models:
        message = "no specialist asks a model, so no endpoint can fail"
        hint = "a [specialist.NAME] with a url and a model is what a drill strikes"
        problem = Problem("drill-no-endpoint", message, source, hint=hint, see="guardian config show")
        raise ConfigError(problem)
    for name in names:
        if name not in models:
            hint = f"there are: {', '.join(models)}"
            message = f"no specialist that asks a model is called {printable(name)}"
            raise BadArgument(Problem("unknown-specialist", message, hint=hint, see="guardian drill --help"))
    return [models[name] for name in dict.fromkeys(names or models)]


def _list(*, as_json: bool) -> None:
    if as_json:
        facts = [{"fault": each.name, "about": each.about} for each in STRIKES.values()]
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(aligned([[each.name, each.about] for each in STRIKES.values()]))


def _heading(path: Path | None, rehearsed: Rehearsed) -> str:
    lines = [
        f"config  {path or 'none, so the defaults'}; its endpoints are played by stand-ins on this machine"
    ]
    if rehearsed.missing:
        lines.append(
            f"missing variables or files, stood in for: {', '.join(map(printable, rehearsed.missing))}"
        )
    return "\n".join([*lines, legend(), ""])


def _conclusion(found: Sequence[Drilled]) -> str:
    lost = [each for one in found for each in one.struck if each.lost]
    unwell = [one.name for one in found if one.unwell]
    if unwell:
        return f"{', '.join(unwell)} would not answer all requests even without a fault"
    if not lost:
        return "users had their answer in every fault in which another endpoint could have given it"
    names = ", ".join(dict.fromkeys(each.strike.name for each in lost))
    return f"users went without an answer that another endpoint could have given: {names}"


@contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    """Tell on a terminal what is being rehearsed, and leave nothing of that."""
    with Console(stderr=True).status("") as status:
        yield status.update


@contextmanager
def _quiet_logs() -> Generator[None]:
    """Keep the gateway's own log to its errors: that endpoints fail is the point."""
    logger = logging.getLogger("guardian")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
