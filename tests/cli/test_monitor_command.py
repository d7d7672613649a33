import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from guardian_reports import WRITER_1, alarm, chance, diagnosis, finding, reports
from harness import specialist
from improvement_samples import FLAGGED, improvement, review
from sample_records import NOON, request_record

from guardian_cluster.cli.main import run
from guardian_cluster.cli.monitor_report import report_of
from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.snapshot import Base, RecordPolicy, Snapshot
from guardian_cluster.contract.snapshot_file import write_snapshot
from guardian_cluster.domain.alarm import Acceptance
from guardian_cluster.domain.monitoring import (
    Bottleneck,
    Conflict,
    CoordinationResult,
    GuardianScore,
    MetaAnalysis,
    MonitoringCycleResult,
    SignalReading,
)
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.records import write_batch

LOSING = Conflict(
    won="errors first", lost="a cheaper model", winner="diagnostician", loser="optimizer", why="quality"
)
READING = SignalReading(signal="error", requests=900, observed=0.25, low=0.22, high=0.28, expected=0.02)


def result(**changes: object) -> MonitoringCycleResult:
    values: dict[str, object] = {
        "specialist_id": "writer",
        "guardian_reports": reports([diagnosis()], [chance()], [finding()], [alarm(where=WRITER_1)]),
        "coordination_result": CoordinationResult(conflicts=(LOSING,)),
        "meta_analysis": MetaAnalysis(
            scores=(GuardianScore(guardian="watcher/harm", claims=9, false_alarms=2, misses=1, audited=40),),
            bottlenecks=(Bottleneck(what="overhead", said="2 ms pass in the gateway", value=2.0),),
        ),
        "cycle_timestamp": datetime.fromtimestamp(NOON, UTC),
        "improvements": (improvement("i1"), improvement("i2")),
        "reviews": (review("i1"), review("i2", FLAGGED)),
    }
    return MonitoringCycleResult(**(values | changes))  # type: ignore[arg-type]


def page_lines(**changes: object) -> list[str]:
    return report_of(result(**changes)).splitlines()


def test_the_page_says_how_it_does_why_what_to_do_and_whose_view_lost():
    page = report_of(result())

    heads = [line for line in page.splitlines() if line and line == line.upper() and not line.startswith(" ")]
    assert heads == [
        "WHY", "ALLOWED?", "COULD BE BETTER", "WHAT TO DO", "WHOSE VIEW LOST", "THE GUARDIANS THEMSELVES"
    ]  # fmt: skip
    assert "ALARM a1  error in endpoint=writer/1 since 2025-11-22 11:50:00Z" in page
    assert "40.0% of 100 requests lost, 2.0% expected; e^15.0 against e^11.5 needed" in page
    assert "hang (90.0%)" in page
    assert "records: r1, r2, r3, r4" in page


def test_an_alarm_says_how_it_is_accepted_or_who_has():
    accepted = alarm(acceptance=Acceptance(who="e\x1bve", at=NOON))

    assert "  usual from now on? guardian monitor writer --accept a1" in page_lines()
    page = report_of(result(guardian_reports=reports(alarms=[accepted])))
    assert "it is closed once that is learned" in page
    assert "--accept" not in page
    assert "\x1b" not in page


def test_what_may_be_approved_and_what_somebody_has_to_look_into_first_are_told_apart():
    lines = page_lines()

    assert "  guardian improvement approve i1" in [line[2:] for line in lines]
    assert "  guardian safety show i2" in [line[2:] for line in lines]
    assert not any("approve i2" in line for line in lines)


def test_what_was_decided_about_is_told_with_what_became_of_it():
    lines = report_of(result(), {"i1": "rejected", "i2": "queued"}).splitlines()

    assert "  it was rejected already" in [line[2:] for line in lines]
    assert "  guardian improvement show i1" in [line[2:] for line in lines]
    assert not any("approve i1" in line for line in lines)
    assert "  guardian improvement approve i2" in [line[2:] for line in lines]  # cleared by somebody


def test_where_nothing_is_wrong_the_page_says_so_in_two_sections():
    quiet = result(
        guardian_reports=reports(),
        coordination_result=CoordinationResult(),
        meta_analysis=MetaAnalysis(),
        improvements=(),
        reviews=(),
    )

    assert report_of(quiet).splitlines() == [
        "writer: 1,000 requests, 2025-11-22 11:00:00Z to 2025-11-22 12:00:00Z",
        "",
        "WHY",
        "  nothing is worse than expected",
    ]


def test_an_alarm_without_a_diagnosis_is_not_called_well():
    lines = page_lines(guardian_reports=reports(alarms=[alarm()]))

    assert "  something is worse than expected, and nothing tells why" in lines


def test_what_endpoints_and_models_wrote_cannot_steer_the_terminal():
    hostile = "\x1b[2J\x1b]0;owned\x07" + "x" * 100_000
    bad = diagnosis(where=(("endpoint", hostile),), signature=hostile, summary=hostile, narrative=hostile)
    page = report_of(result(guardian_reports=reports([bad], [chance(said=hostile)], [finding(said=hostile)])))

    assert "\x1b" not in page
    assert max(map(len, page.splitlines())) < 1_200


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, and return its data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    return tmp_path / "data"


def record(folder: Path, count: int) -> None:
    folder.mkdir()
    write_snapshot(
        folder, Snapshot(rev=1, base=Base(specialists=(specialist("writer", "http://127.0.0.1:1"),)))
    )
    requests = tuple(request_record(f"r{n}", started=NOON + n, specialist="writer") for n in range(count))
    engine = open_database(folder / FILE_NAME, now=NOON)
    with engine.begin() as connection:
        batch = Batch(id=BatchId("boot", 1), requests=requests)
        write_batch(connection, batch, now=NOON, policy=RecordPolicy())
    engine.dispose()


def test_a_specialist_is_looked_at_while_no_gateway_runs(folder: Path, capsys: pytest.CaptureFixture[str]):
    record(folder, 30)

    assert run(["monitor", "writer"]) == 0
    assert "writer: 30 requests" in capsys.readouterr().out

    assert run(["monitor", "writer", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert msgspec.convert(found, MonitoringCycleResult).guardian_reports.watcher.requests == 30


def test_an_unknown_specialist_is_refused_with_those_that_are_deployed(folder, capsys):
    record(folder, 1)

    assert run(["monitor", "wirter"]) == 2
    assert "no specialist wirter is deployed\n  deployed are: writer" in capsys.readouterr().err


def test_where_nothing_was_recorded_that_is_said_and_no_file_made(folder, capsys):
    assert run(["monitor", "writer"]) == 3
    assert "no requests were recorded in" in capsys.readouterr().err
    assert not folder.exists()


def test_a_damaged_state_is_refused_and_left_as_it_is(folder, capsys):
    record(folder, 1)
    (folder / "state.db").write_bytes(b"no database" * 1_000)

    assert run(["monitor", "writer"]) == 73
    assert "state.db is damaged" in capsys.readouterr().err
    assert (folder / "state.db").read_bytes() == b"no database" * 1_000
