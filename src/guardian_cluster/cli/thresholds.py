"""`guardian thresholds`: what was learned from which scores, and a person's decision about it."""

import getpass
from pathlib import Path

import click
import msgspec

from guardian_cluster.cli.columns import aligned_with_notes
from guardian_cluster.cli.moments import moment
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.config import find_config, load_sections
from guardian_cluster.contract.threshold_action import ThresholdAction
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import printable
from guardian_cluster.learning.threshold_ledger import in_force
from guardian_cluster.thresholds import ThresholdFile

_HEAD = ("ID", "STATE", "DETECTOR", "SPECIALIST", "TENANT", "BEFORE", "AFTER", "ASKED", "EXPECTED")


@click.group(invoke_without_command=True)
@json_option
@config_option
@click.pass_context
def thresholds(context: click.Context, as_json: bool, config_path: Path | None) -> None:
    """List the learned thresholds with their evidence; apply or undo one."""
    context.obj = config_path
    if context.invoked_subcommand is not None:
        return
    file = _file(config_path)
    actions = sorted(file.load() or (), key=lambda action: action.time)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(actions), indent=2))
    elif actions:
        click.echo(_table(actions))
        waiting = [action.id for action in actions if action.state == "proposed"]
        if waiting:
            click.echo(f"waiting for you: guardian thresholds apply {waiting[-1]}", err=True)
    else:
        note = "they are, once there are 400 scores of a specialist's answers to a tenant"
        click.echo(f"no thresholds were learned in {file.path.parent} yet; {note}", err=True)


@thresholds.command()
@click.argument("identity", metavar="ID")
@config_option
@click.pass_context
def apply(context: click.Context, identity: str, config_path: Path | None) -> None:
    """Put the threshold with this ID in force."""
    file = _file(config_path or context.obj)
    action = file.apply(identity, who=_me(), at=SystemClock().now())
    click.echo(f"applied {action.id}: {_change(action)}", err=True)


@thresholds.command()
@click.argument("identity", metavar="ID")
@config_option
@click.pass_context
def undo(context: click.Context, identity: str, config_path: Path | None) -> None:
    """Undo the threshold with this ID, or turn it down if it is only proposed.

    The one applied before it is in force again. Until you apply another, new ones are only proposed.
    """
    file = _file(config_path or context.obj)
    action = file.undo(identity, who=_me(), at=SystemClock().now())
    current = in_force(file.load() or ()).get(action.scope)
    now = "none is in force now" if current is None else f"in force now: {current.id}, {current.after:.4g}"
    click.echo(f"undone {action.id} of {printable(str(action.scope), 200)}; {now}", err=True)


def _file(config_path: Path | None) -> ThresholdFile:
    config, _ = load_sections(["data"], find_config(config_path))
    return ThresholdFile(config.data_folder)


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "somebody"


def _change(action: ThresholdAction) -> str:
    before = "no threshold" if action.before is None else f"{action.before:.4g}"
    return f"{printable(str(action.scope), 200)} from {before} to {action.after:.4g}"


def _table(actions: list[ThresholdAction]) -> str:
    """Return a row for each action, and below it what it rests on."""
    current = {action.id for action in in_force(actions).values()}
    rows = [_row(action, action.id in current) for action in actions]
    return aligned_with_notes(_HEAD, rows, [_grounds(action) for action in actions])


def _row(action: ThresholdAction, is_in_force: bool) -> list[str]:
    evidence = action.evidence
    return [
        action.id,
        "in force" if is_in_force else "replaced" if action.state == "applied" else action.state,
        printable(action.detector, 30),
        printable(action.specialist or "all", 30),
        printable(action.tenant, 30),
        _number(action.before),
        _number(action.after),
        _share(evidence.asked),
        f"{_share(evidence.expected)} [{_share(evidence.realised_low)}, {_share(evidence.realised_high)}]",
    ]


def _grounds(action: ThresholdAction) -> str:
    if action.improvement:
        by = f"; {action.state} by {printable(action.who, 30)}"
        return f"came of improvement {printable(action.improvement, 30)}{by}"
    evidence = action.evidence
    left_out = f", {evidence.left_out} left out" if evidence.left_out else ""
    said = [f"{evidence.examples} scores ({evidence.new} new{left_out}) up to {moment(evidence.until)}"]
    if evidence.observed is not None:
        said.append(f"the one before reported {_share(evidence.observed)}")
    if evidence.drift is not None:
        said.append(f"{evidence.drift.change} since a drift")
    if evidence.bounded:
        said.append("moved as far as one step goes")
    if action.decided is not None:
        said.append(f"{action.state} by {printable(action.who, 30)}")
    return "; ".join(said)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _share(value: float) -> str:
    return f"{value:.1%}"
