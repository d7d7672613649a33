"""`guardian improvement`: what guardians propose, and a person's decision about it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

import click

from guardian_cluster.cli.columns import aligned_with_notes
from guardian_cluster.cli.deciding import (
    Deciding,
    cells,
    concerns,
    id_argument,
    keepable,
    me,
    print_facts,
    print_json,
    said_of,
    say,
    shown,
    specialist_option,
    with_state,
)
from guardian_cluster.cli.moments import moment
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.contract.snapshot import DetectorThreshold
from guardian_cluster.domain.improvement import QueuedImprovement, QueueState, ThresholdChange
from guardian_cluster.domain.observation import named
from guardian_cluster.errors import printable
from guardian_cluster.improvement.describing import described
from guardian_cluster.improvement.inverse import inverse
from guardian_cluster.thresholds import ThresholdFile

_HEAD = ["ID", "STATE", "SPECIALIST", "WHAT", "BEFORE", "AFTER", "SINCE"]

_note_option = click.option(
    "--note", type=keepable, metavar="TEXT", default="", help="Why: kept with the decision."
)


@click.group()
def improvement() -> None:
    """See what guardians propose; approve, reject or undo it."""


@improvement.command("list")
@click.option("--state", type=click.Choice(get_args(QueueState)), help="Those in this state alone.")
@specialist_option
@json_option
@config_option
def list_improvements(
    state: QueueState | None, specialist: str, as_json: bool, config_path: Path | None
) -> None:
    """List improvements, the newest last."""

    async def read(deciding: Deciding) -> Sequence[QueuedImprovement]:
        return await deciding.store.improvements(specialist=specialist, state=state)

    items = list(with_state(config_path, read))[::-1]
    if as_json:
        print_json(items)
    elif items:
        click.echo(_table(items))
        waiting = [item.improvement.id for item in items if item.state == "queued"]
        if waiting:
            click.echo(f"waiting for you: guardian improvement approve {waiting[-1]}", err=True)
    else:
        click.echo("nothing is proposed; guardian monitor SPECIALIST looks now", err=True)


@improvement.command()
@id_argument
@json_option
@config_option
def show(identity: str, as_json: bool, config_path: Path | None) -> None:
    """Show one with its evidence and what undoes it."""
    item = with_state(config_path, lambda deciding: deciding.decisions.improvement(identity))
    if as_json:
        print_json(item)
    else:
        print_facts(_facts(item))


@improvement.command()
@id_argument
@_note_option
@json_option
@config_option
def approve(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Say yes to one.

    A threshold is in force then; whatever else it is, nothing is changed before it was tried.
    """
    item = with_state(config_path, lambda deciding: deciding.decisions.approve(identity, who=me(), note=note))
    after = (
        "; it is in force" if item.state == "applied" else "; nothing is changed yet, it waits to be tried"
    )
    say(item, f"{said_of(item, 'approved')}{after}", as_json=as_json)


@improvement.command()
@id_argument
@_note_option
@json_option
@config_option
def reject(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Say no to one: it is not proposed again."""
    item = with_state(config_path, lambda deciding: deciding.decisions.reject(identity, who=me(), note=note))
    say(item, said_of(item, "rejected"), as_json=as_json)


@improvement.command()
@id_argument
@_note_option
@json_option
@config_option
def undo(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Undo one that is in force."""

    async def undone(deciding: Deciding) -> tuple[QueuedImprovement, str]:
        item = await deciding.decisions.undo(identity, who=me(), note=note)
        return item, _in_force(item, ThresholdFile(deciding.folder).thresholds() or ())

    item, now = with_state(config_path, undone)
    say(item, f"{said_of(item, 'undone')}; {now}", as_json=as_json)


def _in_force(item: QueuedImprovement, thresholds: Iterable[DetectorThreshold]) -> str:
    """Return which threshold is in force where one was undone: not its own `before`, where others came since."""
    change = item.improvement.change
    if not isinstance(change, ThresholdChange):
        return "nothing else changes"
    scope = (change.detector, change.specialist, change.tenant)
    for each in thresholds:
        if (each.detector, each.specialist, each.tenant) == scope:
            return f"in force now: {each.value:.4g}"
    return "none is in force now"


def _table(items: Sequence[QueuedImprovement]) -> str:
    """Return a row for each improvement, and below it why."""
    return aligned_with_notes(_HEAD, [_row(item) for item in items], [_grounds(item) for item in items])


def _row(item: QueuedImprovement) -> list[str]:
    proposed = item.improvement
    names = [printable(each, 40) for each in (proposed.id, item.state, proposed.specialist)]
    return [*names, *cells(proposed.change), moment(item.since)]


def _grounds(item: QueuedImprovement) -> str:
    proposed = item.improvement
    said = [printable(proposed.reason, 300), f"{len(proposed.record_ids)} records"]
    said.append(f"{proposed.blast_radius:.0%} of its requests")
    if proposed.cost_ratio != 1.0:
        said.append(f"{proposed.cost_ratio:.2f} times the cost")
    if item.review.concerns:
        said.append(concerns(item.review.concerns))
    return "; ".join(said)


def _facts(item: QueuedImprovement) -> list[tuple[str, str]]:
    proposed = item.improvement
    _, before, after = described(proposed.change)
    return [
        ("id", proposed.id),
        ("state", f"{item.state} since {moment(item.since)}{_by(item)}"),
        ("specialist", proposed.specialist),
        ("change", shown(proposed.change)),
        ("before", before),
        ("after", after),
        ("undone by", shown(inverse(proposed.change))),
        ("why", proposed.reason),
        ("cause", f"{proposed.cause or 'none'} in {named(proposed.where)}"),
        ("proposed", f"{moment(proposed.proposed)} by {proposed.proposer}, for {proposed.motive}"),
        ("changes", proposed.parent or "-"),
        (
            "concerns",
            f"{proposed.blast_radius:.1%} of its requests, {proposed.cost_ratio:.2f} times the cost",
        ),
        ("review", concerns(item.review.concerns) or "nothing is held against it"),
        ("diagnosis", proposed.diagnosis_id or "-"),
        ("records", " ".join(proposed.record_ids) or "-"),
    ]


def _by(item: QueuedImprovement) -> str:
    note = f": {item.note}" if item.note else ""
    return f" by {item.who}{note}" if item.who else note
