"""`guardian monitor --accept`: a person's word that what an alarm is about is usual from now on.

It is kept with the alarm at once. Whoever watches the specialist learns it within a second; where nobody does, at the
next start.
"""

import asyncio
from pathlib import Path

import click

from guardian_cluster.cli.deciding import TIME_S, keepable, me, print_json
from guardian_cluster.cli.moments import moment
from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.observation import named
from guardian_cluster.errors import BadArgument, CheckFailed, Problem, printable
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import FILE_NAME

SEE = "guardian monitor --help"

_NOTE_CHARACTERS = 2_000
"""A note is a sentence or two."""


def accept(folder: Path, specialist: str, alarm_id: str, note: str, *, as_json: bool) -> None:
    """Accept an alarm of a specialist, and say so. Raises CommandError where there is none that is open."""
    acceptance = Acceptance(who=me(), at=SystemClock().now(), note=keepable(note).strip()[:_NOTE_CHARACTERS])
    alarm = asyncio.run(_accepted(folder, keepable(specialist), keepable(alarm_id), acceptance))
    if alarm.acceptance != acceptance:
        raise CheckFailed(Problem("alarm-not-open", f"{_id(alarm)} {_became(alarm)}", see=SEE))
    if as_json:
        print_json(alarm)
    else:
        click.echo(f"accepted {_id(alarm)}: {_said(alarm)}", err=True)


async def _accepted(folder: Path, specialist: str, alarm_id: str, acceptance: Acceptance) -> Alarm:
    """Return the alarm, with this acceptance where it was open and nobody had accepted it before."""
    if not (folder / FILE_NAME).exists():
        raise _unknown(specialist, alarm_id)
    async with asyncio.timeout(TIME_S):
        store = await asyncio.to_thread(StateStore.open, folder / FILE_NAME, SystemClock())
        try:
            known = await store.alarms(specialist, open_only=False)
            if alarm_id not in {alarm.id for alarm in known}:
                raise _unknown(specialist, alarm_id)
            return await store.accept_alarm(alarm_id, acceptance)
        finally:
            await store.close()


def _unknown(specialist: str, alarm_id: str) -> BadArgument:
    said = f"{printable(specialist, 40)} has no alarm {printable(alarm_id, 40)}"
    hint = f"guardian monitor {printable(specialist, 40)} lists those that are open"
    return BadArgument(Problem("alarm-unknown", said, hint=hint, see=SEE))


def _said(alarm: Alarm) -> str:
    lost = f"{alarm.signal} in {printable(named(alarm.where), 100)}, {alarm.observed:.1%} lost"
    return f"{lost}, is usual from now on; guardian serve learns it within a second, or when it starts"


def _became(alarm: Alarm) -> str:
    """Return why an alarm cannot be accepted any more."""
    if alarm.acceptance is not None:
        return (
            f"was accepted already by {printable(alarm.acceptance.who, 40)} at {moment(alarm.acceptance.at)}"
        )
    return f"is closed already, since {moment(alarm.closed)}"


def _id(alarm: Alarm) -> str:
    return printable(alarm.id, 40)
