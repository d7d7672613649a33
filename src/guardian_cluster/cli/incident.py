"""`guardian incident`: what failed, what was done about it, and a person's word on it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_args
from uuid import uuid4

import click
from msgspec import to_builtins

from guardian_cluster.cli import incident_page
from guardian_cluster.cli.deciding import id_argument, keepable, me, print_json, specialist_option
from guardian_cluster.cli.incident_state import Incidents, check_place, with_incidents
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.domain.action import Action
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.incident import FailureEvent, Incident
from guardian_cluster.domain.observation import DIMENSIONS, Dimension, Signal, Slice, slice_of
from guardian_cluster.domain.recovery import RecoveryResult
from guardian_cluster.errors import BadArgument, Problem, printable
from guardian_cluster.recovery.alerts.deciding import page_times
from guardian_cluster.recovery.by_hand import SEE

_MOST = 1_000
"""Deliveries, and incidents among which the children of one are looked for."""

MAX_NOTE = 2_000
"""Characters of a note: what an alert shows of an incident. A history of a hundred of them is 200 KB."""

MAX_VALUE = 200
"""Characters of a place's value. Names of models and endpoints are the longest, and have fewer."""


def _note(text: str) -> str:
    """Return a note as it can be kept."""
    if len(text) > MAX_NOTE:
        raise click.BadParameter(f"has {len(text):,} characters; at most {MAX_NOTE:,} are kept")
    return keepable(text)


def _finite(_context: click.Context, _option: click.Parameter, number: float) -> float:
    if not math.isfinite(number):  # FloatRange lets `nan` through
        raise click.BadParameter("must be a finite number")
    return number


_note_option = click.option(
    "--note", type=_note, metavar="TEXT", default="", help="Why: kept in its history."
)


class Shown(NamedTuple):
    """All that is known of one incident."""

    incident: Incident
    actions: Sequence[Action]
    deliveries: Sequence[Delivery]
    results: Sequence[RecoveryResult]
    children: Sequence[str]


@click.group()
def incident() -> None:
    """See what failed and what was done about it; take it, end it, or tell of one."""


@incident.command("list")
@click.option("--open", "open_only", is_flag=True, help="Those alone that are open.")
@specialist_option
@json_option
@config_option
def list_incidents(open_only: bool, specialist: str, as_json: bool, config_path: Path | None) -> None:
    """List incidents: open ones first, then those changed last."""

    async def read(incidents: Incidents) -> tuple[Sequence[Incident], Sequence[Delivery]]:
        found = await incidents.store.incidents(specialist=specialist, open_only=open_only)
        return found, await incidents.outbox.deliveries(limit=_MOST)

    found, deliveries = with_incidents(config_path, read)
    ordered = sorted(found, key=lambda each: (not each.is_open, -each.updated))
    pages = {each.id: _pages(each, deliveries) for each in ordered}
    if as_json:
        print_json([{**to_builtins(each), "pages": pages[each.id]} for each in ordered])
    elif ordered:
        click.echo(incident_page.table(ordered, pages))
        alone = [each.id for each in ordered if each.state == "escalated" and each.acknowledged is None]
        if alone:
            click.echo(f"waiting for somebody: guardian incident ack {printable(alone[0], 200)}", err=True)
    else:
        click.echo("nothing has failed" if not open_only else "nothing is open", err=True)


@incident.command()
@id_argument
@json_option
@config_option
def show(identity: str, as_json: bool, config_path: Path | None) -> None:
    """Show one with all that is known of it."""

    async def read(incidents: Incidents) -> Shown:
        found, store = await incidents.by_hand.incident(identity), incidents.store
        results = [await store.result(id) for id in found.event_ids]
        others = await store.incidents(limit=_MOST)
        return Shown(
            found,
            await store.actions(incident_id=identity),
            await incidents.outbox.deliveries(incident_id=identity, limit=_MOST),
            [each for each in results if each is not None],
            [each.id for each in others if each.parent == identity],
        )

    found = with_incidents(config_path, read)
    if as_json:
        print_json(found._asdict())
    else:
        click.echo(incident_page.page(*found, pages=_pages(found.incident, found.deliveries)))


@incident.command()
@id_argument
@_note_option
@json_option
@config_option
def ack(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Take it: nobody else is called for it."""
    kept = with_incidents(
        config_path, lambda incidents: incidents.by_hand.acknowledge(identity, who=me(), note=note)
    )
    _say(kept, f"{printable(kept.acknowledged_by)} has {kept.id}; nobody else is called", as_json=as_json)


@incident.command()
@id_argument
@click.option("--note", type=_note, metavar="TEXT", required=True, help="What it was: kept in its history.")
@json_option
@config_option
def resolve(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Say that it is over: what was done about it is taken back."""
    _check_note(note, "what was it, and what helped?")
    kept = with_incidents(
        config_path, lambda incidents: incidents.by_hand.resolve(identity, who=me(), note=note)
    )
    _say(kept, f"resolved {kept.id}; its actions end within seconds", as_json=as_json)


@incident.command("open")
@click.argument("specialist", type=keepable)
@click.option("--signal", type=click.Choice(get_args(Signal)), required=True, help="What is bad.")
@click.option(
    "--where", "places", type=keepable, multiple=True, metavar="NAME=VALUE",
    help="Which requests it concerns, as endpoint=writer/1; several times for several.",
)  # fmt: skip
@click.option("--note", type=_note, metavar="TEXT", required=True, help="What you see: kept in its history.")
@click.option(
    "--minutes",
    type=click.FloatRange(0.0, 1_440.0),
    callback=_finite,
    default=10.0,
    show_default=True,
    help="Since when it is so.",
)
@json_option
@config_option
def open_one(
    specialist: str,
    signal: Signal,
    places: Sequence[str],
    note: str,
    minutes: float,
    as_json: bool,
    config_path: Path | None,
) -> None:
    """Tell of a failure that nobody noticed.

    It is recovered from like any other.
    """
    where = _where(places)
    _check_note(note, "what do you see?")

    async def opened(incidents: Incidents) -> tuple[Incident, bool]:
        check_place(incidents.config, specialist, where)
        now = incidents.clock.now()
        event = FailureEvent(
            id=f"by-hand:{uuid4().hex[:12]}",
            at=now,
            onset=now - 60.0 * minutes,
            specialist=specialist,
            signal=signal,
            where=where,
            source="person",
            who=me(),
            said=note,
        )
        kept = await incidents.by_hand.open(event)
        return kept, kept.event_ids == (event.id,)

    kept, is_new = with_incidents(config_path, opened, make=True)
    said = f"opened {kept.id}" if is_new else f"it is counted in {kept.id}, which is {kept.state}"
    _say(kept, f"{said}; guardian serve takes it up: guardian incident show {kept.id}", as_json=as_json)


@incident.command()
@json_option
@config_option
def actions(as_json: bool, config_path: Path | None) -> None:
    """List the actions that are in force, the newest last."""
    found = list(with_incidents(config_path, lambda incidents: incidents.by_hand.in_force()))[::-1]
    if as_json:
        print_json(found)
    elif found:
        click.echo(incident_page.actions_table(found))
        click.echo(f"to take one back: guardian incident undo {printable(found[-1].id, 200)}", err=True)
    else:
        click.echo("no action is in force", err=True)


@incident.command()
@click.argument("identity", metavar="ACTION_ID", type=keepable)
@_note_option
@json_option
@config_option
def undo(identity: str, note: str, as_json: bool, config_path: Path | None) -> None:
    """Take an action back at once."""
    gone = with_incidents(
        config_path, lambda incidents: incidents.by_hand.undo(identity, who=me(), note=note)
    )
    _say(gone, f"took back {gone.id}; gateways obey it no more within seconds", as_json=as_json)


def _pages(found: Incident, deliveries: Sequence[Delivery]) -> int:
    """Return how many pages people got, or will get, for an incident."""
    return len(page_times(each for each in deliveries if each.incident_id == found.id))


def _where(places: Sequence[str]) -> Slice:
    """Return the slice that --where names."""
    values = dict[Dimension, str]()
    for place in places:
        name, _, value = place.partition("=")
        if name not in DIMENSIONS or not 0 < len(value) <= MAX_VALUE or name in values:
            message = (
                f"--where {printable(place)} is none of these, once each, with 1 to {MAX_VALUE} characters"
            )
            hint = ", ".join(f"{each}=..." for each in DIMENSIONS)
            raise BadArgument(
                Problem("incident-where", message, hint=hint, see="guardian incident open --help")
            )
        values[name] = value
    return slice_of(values)


def _check_note(note: str, hint: str) -> None:
    if not note.strip():
        raise BadArgument(Problem("incident-no-note", "the note is empty", hint=hint, see=SEE))


def _say(value: Incident | Action, line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        click.echo(printable(line, 1_000), err=True)
