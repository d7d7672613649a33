"""`guardian workflow`: the durable runs of the control plane, while it runs and when it does not."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

import click
import msgspec

from guardian_cluster.cli.columns import aligned
from guardian_cluster.cli.moments import moment
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.config import find_config, load_sections
from guardian_cluster.engine.engine import EngineUnavailable, RunRecord, RunState, StepRecord
from guardian_cluster.errors import BadArgument, CannotCreate, Problem, printable

if TYPE_CHECKING:
    from guardian_cluster.engine.ledger import Ledger

_Answer = TypeVar("_Answer")

_SEE = "guardian workflow --help"
_HEAD = ("ID", "WORKFLOW", "STATE", "BEGAN", "LAST CHANGE", "ARGUMENT")
_STEP_HEAD = ("STEP", "NAME", "BEGAN", "TOOK", "ERROR")
_MOST = 10_000


@click.group()
@config_option
@click.pass_context
def workflow(context: click.Context, config_path: Path | None) -> None:
    """List the durable runs of the control plane; look at, cancel or resume one."""
    context.obj = config_path


@workflow.command(name="list")
@click.option("--workflow", "name", default="", metavar="NAME", help="Only runs of this workflow.")
@click.option("--state", type=click.Choice(get_args(RunState)), help="Only runs in this state.")
@click.option(
    "--limit", type=click.IntRange(1, _MOST), default=50, show_default=True, help="At most so many."
)
@json_option
@config_option
@click.pass_context
def list_runs(
    context: click.Context,
    name: str,
    state: RunState | None,
    limit: int,
    as_json: bool,
    config_path: Path | None,
) -> None:
    """List runs, newest first."""
    place = _place(config_path or context.obj)
    runs = _ask(place, lambda ledger: ledger.runs(workflow=name, state=state, limit=limit), nothing=())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(runs), indent=2))
    elif runs:
        click.echo(aligned([_HEAD, *map(_row, runs)]))
    else:
        click.echo(f"no such run in {place}", err=True)


@workflow.command()
@click.argument("identity", metavar="ID")
@json_option
@config_option
@click.pass_context
def show(context: click.Context, identity: str, as_json: bool, config_path: Path | None) -> None:
    """Show a run with its steps."""
    place = _place(config_path or context.obj)
    run = _known(place, identity, _ask(place, lambda ledger: ledger.run_of(identity), nothing=None))
    click.echo(msgspec.json.format(msgspec.json.encode(run), indent=2) if as_json else _page(run))


@workflow.command()
@click.argument("identity", metavar="ID")
@config_option
@click.pass_context
def cancel(context: click.Context, identity: str, config_path: Path | None) -> None:
    """End a run that waits or runs; what it did stays done."""
    place = _place(config_path or context.obj)
    before = _known(place, identity, _ask(place, lambda ledger: ledger.status(identity), nothing=None))
    if not _ask(place, lambda ledger: ledger.cancel(identity), nothing=False):
        raise _impossible(before, "cancelled", "only a run that waits or runs can be")
    click.echo(f"cancelled {before.id}; guardian workflow resume {before.id} goes on with it", err=True)


@workflow.command()
@click.argument("identity", metavar="ID")
@config_option
@click.pass_context
def resume(context: click.Context, identity: str, config_path: Path | None) -> None:
    """Go on with a run that was cancelled or failed, after its last good step."""
    place = _place(config_path or context.obj)
    before = _known(place, identity, _ask(place, lambda ledger: ledger.status(identity), nothing=None))
    if not _ask(place, lambda ledger: ledger.resume(identity), nothing=False):
        raise _impossible(before, "resumed", "only one that was cancelled or failed can be")
    click.echo(f"{before.id} waits to go on; it does as soon as guardian serve runs", err=True)


def _place(config_path: Path | None) -> Path:
    from guardian_cluster.engine.database import FILE_NAME

    config, _ = load_sections(["data"], find_config(config_path))
    return config.data_folder / FILE_NAME


def _ask(place: Path, question: Callable[["Ledger"], _Answer], *, nothing: _Answer) -> _Answer:
    """Return what the ledger of a file says, or `nothing` where there is none yet. Raises CannotCreate."""
    if not place.exists() or not place.stat().st_size:
        return nothing
    with _ledger(place) as ledger:
        try:
            return question(ledger)
        except EngineUnavailable as error:
            hint = "Try again; if it goes on, see the log of guardian serve."
            raise CannotCreate(Problem("engine-unavailable", str(error), hint=hint, see=_SEE)) from error


@contextmanager
def _ledger(place: Path) -> "Generator[Ledger]":
    from guardian_cluster.engine.database import open_file  # imports what takes a second
    from guardian_cluster.engine.ledger import Ledger

    database = open_file(place)
    ledger = Ledger(database)
    try:
        yield ledger
    finally:
        ledger.close()
        database.dispose()


def _known(place: Path, identity: str, run: RunRecord | None) -> RunRecord:
    if run is None:
        message = f"there is no run {printable(identity)} in {place}"
        raise BadArgument(Problem("workflow-unknown", message, hint="guardian workflow list", see=_SEE))
    return run


def _impossible(run: RunRecord, what: str, why: str) -> BadArgument:
    message = f"run {printable(run.id)} is {run.state} and cannot be {what}: {why}"
    return BadArgument(Problem("workflow-state", message, see=f"guardian workflow show {printable(run.id)}"))


def _row(run: RunRecord) -> list[str]:
    return [
        printable(run.id),
        printable(run.workflow, 30),
        run.state,
        moment(run.created),
        moment(run.updated),
        printable(run.argument, 40),
    ]


def _page(run: RunRecord) -> str:
    facts = [
        ("run", printable(run.id, 200)),
        ("workflow", printable(run.workflow)),
        ("state", run.state),
        ("began", moment(run.created)),
        ("last change", moment(run.updated)),
        ("process", printable(run.executor) or "none yet"),
        ("argument", printable(run.argument, 500)),
        ("result", printable(run.result, 500)),
        ("error", printable(run.error, 700)),
    ]
    head = aligned([[name, value] for name, value in facts if value])
    if not run.steps:
        return f"{head}\n\nno step of it was done yet"
    return f"{head}\n\n{aligned([_STEP_HEAD, *map(_step_row, run.steps)])}"


def _step_row(step: StepRecord) -> list[str]:
    took = "" if step.started is None or step.ended is None else f"{step.ended - step.started:.3f} s"
    began = "" if step.started is None else moment(step.started)
    return [str(step.number), printable(step.name, 40), began, took, printable(step.error, 100)]
