"""`guardian monitor`: one monitoring cycle of a specialist, at once, with what it found as a page."""

import asyncio
from pathlib import Path

import click

from guardian_cluster.cli.options import config_option
from guardian_cluster.config import find_config, load_sections
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.improvement import Improvement, QueueState
from guardian_cluster.domain.monitoring import MonitoringCycleResult
from guardian_cluster.errors import BadArgument, CheckFailed, Problem, printable

SEE = "guardian monitor --help"


@click.command()
@click.argument("specialist")
@click.option(
    "--accept",
    "alarm_id",
    metavar="ALARM_ID",
    help="Do not look: take what this alarm is about for usual from now on, and close it.",
)
@click.option("--note", metavar="TEXT", default="", help="Why it is accepted: kept with the alarm.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def monitor(
    specialist: str, alarm_id: str | None, note: str, as_json: bool, config_path: Path | None
) -> None:
    """Have the guardians of SPECIALIST look at its newest requests, and say what they found.

    What they propose is queued (guardian improvement), or is to be looked into first (guardian safety).
    """
    if alarm_id is None and note:
        hint = "guardian monitor SPECIALIST --accept ALARM_ID --note TEXT"
        raise BadArgument(
            Problem("note-without-accept", "--note is about an alarm that is accepted", hint=hint, see=SEE)
        )
    config, _ = load_sections(["data"], find_config(config_path))
    if alarm_id is not None:
        # Imported here: asking for help needs none of it.
        from guardian_cluster.cli.monitor_accept import accept

        accept(config.data_folder, specialist, alarm_id, note, as_json=as_json)
        return
    result, states = asyncio.run(_monitored(config.data_folder, specialist))
    # Imported here: asking for help needs none of it.
    from guardian_cluster.cli.deciding import print_json
    from guardian_cluster.cli.monitor_report import report_of

    if as_json:
        print_json(result)
    else:
        click.echo(report_of(result, states))


async def _monitored(folder: Path, specialist: str) -> tuple[MonitoringCycleResult, dict[str, QueueState]]:
    from guardian_cluster.processes.guarding import guarding
    from guardian_cluster.storage import database

    if not (folder / database.FILE_NAME).exists():
        hint = "guardian serve records them; is the data folder the right one? guardian config show"
        message = f"no requests were recorded in {folder} yet"
        raise CheckFailed(Problem("nothing-recorded", message, hint=hint, see=SEE))
    async with guarding(folder, SystemClock()) as parts:
        known = parts.network.specialists
        if specialist not in known:
            named = ", ".join(printable(each) for each in known) or "none"
            message = f"no specialist {printable(specialist)} is deployed"
            raise BadArgument(Problem("unknown-specialist", message, hint=f"deployed are: {named}", see=SEE))
        result = await parts.workflow.execute_monitoring_cycle(specialist)
        known_items = [await parts.store.improvement(each.id) for each in _proposed(result)]
        return result, {item.improvement.id: item.state for item in known_items if item is not None}


def _proposed(result: MonitoringCycleResult) -> list[Improvement]:
    proposal = result.meta_analysis.proposal
    return [*result.improvements, *([] if proposal is None else [proposal])]
