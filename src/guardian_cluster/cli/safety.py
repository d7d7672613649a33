"""`guardian safety`: what the safety monitor holds against improvements, and what a person found of it."""

from collections.abc import Sequence
from pathlib import Path

import click

from guardian_cluster.cli.columns import aligned_with_notes
from guardian_cluster.cli.deciding import (
    Deciding,
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
from guardian_cluster.domain.improvement import QueuedImprovement, SafetyInvestigation
from guardian_cluster.errors import BadArgument, Problem, printable

_HEAD = ["ID", "OUTCOME", "SPECIALIST", "IMPROVEMENT", "OWNER", "OPENED"]


@click.group()
def safety() -> None:
    """See what the safety monitor flagged; clear or uphold it."""


@safety.command("list")
@click.option("--open", "open_only", is_flag=True, help="Those alone that wait for somebody.")
@specialist_option
@json_option
@config_option
def list_investigations(open_only: bool, specialist: str, as_json: bool, config_path: Path | None) -> None:
    """List safety investigations, the newest last."""

    async def read(deciding: Deciding) -> Sequence[SafetyInvestigation]:
        return await deciding.store.investigations(specialist=specialist, open_only=open_only)

    found = list(with_state(config_path, read))[::-1]
    if as_json:
        print_json(found)
    elif found:
        click.echo(_table(found))
        waiting = [each for each in found if each.outcome == "open"]
        if waiting:
            owner, id = waiting[-1].owner, waiting[-1].id
            click.echo(f"waiting for {printable(owner, 40)}: guardian safety show {id}", err=True)
    else:
        click.echo("nothing is under investigation", err=True)


@safety.command()
@id_argument
@json_option
@config_option
def show(identity: str, as_json: bool, config_path: Path | None) -> None:
    """Show one with what it is about.

    ID is that of the investigation or of its improvement, here as in the other commands.
    """

    async def read(deciding: Deciding) -> tuple[SafetyInvestigation, QueuedImprovement | None]:
        found = await deciding.decisions.investigation(identity)
        return found, await deciding.store.improvement(found.improvement_id)

    found, item = with_state(config_path, read)
    if as_json:
        print_json({"investigation": found, "improvement": item})
    else:
        print_facts(_facts(found, item))


@safety.command()
@id_argument
@click.option(
    "--note", type=keepable, metavar="TEXT", default="", help="What was found: kept with the decision."
)
@json_option
@config_option
def clear(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Find nothing wrong: its improvement is queued."""
    item = with_state(config_path, lambda deciding: deciding.decisions.clear(identity, who=me(), note=note))
    say(
        item,
        f"{said_of(item, 'cleared')}; next: guardian improvement approve {item.improvement.id}",
        as_json=as_json,
    )


@safety.command()
@id_argument
@click.option(
    "--note", type=keepable, metavar="TEXT", required=True, help="What was found: kept as a lesson."
)
@json_option
@config_option
def uphold(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Find it wrong: its improvement is blocked."""
    if not note.strip():
        hint = "it is kept as a lesson: what would the change have done?"
        raise BadArgument(
            Problem("safety-no-note", "the note is empty", hint=hint, see="guardian safety --help")
        )
    item = with_state(config_path, lambda deciding: deciding.decisions.uphold(identity, who=me(), note=note))
    say(item, said_of(item, "blocked"), as_json=as_json)


def _table(found: Sequence[SafetyInvestigation]) -> str:
    """Return a row for each investigation, and below it what is held against the improvement."""
    notes = [concerns(each.concerns) for each in found]
    return aligned_with_notes(_HEAD, [_row(each) for each in found], notes)


def _row(found: SafetyInvestigation) -> list[str]:
    names = (found.id, found.outcome, found.specialist, found.improvement_id, found.owner)
    return [*(printable(each, 40) for each in names), moment(found.opened)]


def _facts(found: SafetyInvestigation, item: QueuedImprovement | None) -> list[tuple[str, str]]:
    facts = [
        ("id", found.id),
        ("outcome", found.outcome if found.closed is None else f"{found.outcome} {moment(found.closed)}"),
        ("owner", found.owner),
        ("opened", moment(found.opened)),
        ("concerns", concerns(found.concerns)),
    ]
    if found.closed is not None:
        facts.append(("found by", f"{found.who}: {found.note}" if found.note else found.who))
    if item is None:
        return [*facts, ("improvement", f"{found.improvement_id} is not kept any more")]
    facts += [
        ("improvement", f"{found.improvement_id} is {item.state}"),
        ("change", shown(item.improvement.change)),
    ]
    return [*facts, ("why", item.improvement.reason)]
