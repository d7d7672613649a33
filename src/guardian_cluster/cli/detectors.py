"""`guardian detectors`: how often each detector's alarms are right, and how much it finds, as far as that is known."""

from pathlib import Path
from typing import Any

import click
import msgspec

from guardian_cluster.cli.columns import aligned
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.config import find_config, load_sections
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import printable
from guardian_cluster.learning.detector_audits import DetectorAudits, DetectorQuality, said_of
from guardian_cluster.statistics.precision import Estimate

DAY_S = 86_400.0

_HEAD = ["DETECTOR", "SAID BY", "AUDITED", "ALARMED", "PRECISION", "RECALL"]


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 400), default=30, show_default=True, help="How far to look back."
)
@json_option
@config_option
def detectors(days: int, as_json: bool, config_path: Path | None) -> None:
    """Say how good each detector is, from what callers said and what checks found."""
    config, _ = load_sections(["data"], find_config(config_path))
    found = _qualities(config.data_folder, days)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([_facts(each) for each in found]), indent=2))
    elif found:
        click.echo(aligned([_HEAD, *map(_row, found)]))
    else:
        label = 'POST /v1/feedback with the label of a detector, as "harm" or "no-harm"'
        click.echo(f"nothing was said of any detector in {days} days; say it with {label}", err=True)


def _qualities(folder: Path, days: int) -> list[DetectorQuality]:
    # Imported here: SQLAlchemy takes longer than all the rest, and asking for help needs none of it.
    from guardian_cluster.storage import database, detections

    path = folder / database.FILE_NAME
    if not path.exists():
        return []
    engine = database.open_to_read(path)
    now = SystemClock().now()
    audits, place = DetectorAudits(), detections.Place(now - days * DAY_S)
    try:
        with engine.connect() as connection:
            names = sorted(detections.detectors(connection))
            while (page := detections.audited_after(connection, place, until=now)).place is not None:
                place = page.place
                for record, feedback in page.requests:
                    for said in said_of(record, feedback, names):
                        audits.add(said)
    finally:
        engine.dispose()
    return audits.qualities()


def _facts(each: DetectorQuality) -> dict[str, Any]:
    return {
        "detector": each.detector,
        "said_by": each.source,
        "audited": each.audited,
        "alarmed": each.alarmed,
        "precision": _estimate(each.precision),
        "recall": _estimate(each.recall),
    }


def _estimate(found: Estimate | None) -> dict[str, float | int | None] | None:
    if found is None or found.value is None:
        return None
    low, high = found.interval
    return {"value": found.value, "low": low, "high": high, "audits": found.audits}


def _row(each: DetectorQuality) -> list[str]:
    name = printable(each.detector, 30)
    return [
        name, each.source, str(each.audited), str(each.alarmed), _said(each.precision), _said(each.recall)
    ]  # fmt: skip


def _said(found: Estimate | None) -> str:
    if found is None or found.value is None:
        return "-"
    return f"{found.value:.3f} [{found.interval.low:.3f}, {found.interval.high:.3f}] of {found.audits}"
