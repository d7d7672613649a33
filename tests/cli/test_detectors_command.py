import json
import time

import pytest
from sample_records import request_record

from guardian_cluster.cli.main import run
from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import Feedback, ScoreRecord, VerdictRecord
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.records import write_batch

HARM = VerdictRecord(detector="score", rule="harm", action="observe", channel="content", choice=0, position=0)
NOW = SystemClock().now()


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    return tmp_path / "data"


def record(data, outcomes, age_s=60.0):
    """Write requests of which each (alarmed, label) is known."""
    requests, feedback = [], []
    for number, (alarmed, label) in enumerate(outcomes):
        id = f"r{number}"
        requests.append(
            request_record(
                id, started=NOW - age_s, verdicts=(HARM,) if alarmed else (),
                scores=(ScoreRecord(detector="harm", value=0.5),),
            )
        )  # fmt: skip
        feedback.append(Feedback(request_id=id, tenant="acme", received=NOW, label=label))
    engine = open_database(data / FILE_NAME, now=NOW)
    batch = Batch(id=BatchId("boot", 1), requests=tuple(requests), feedback=tuple(feedback))
    with engine.begin() as connection:
        write_batch(connection, batch, now=NOW, policy=RecordPolicy())
    engine.dispose()


OUTCOMES = [(True, "harm")] * 60 + [(True, "no-harm")] * 20 + [(False, "harm")] * 15 + [(False, "thanks")] * 5


@pytest.mark.parametrize("has_database", [True, False])
def test_where_nothing_was_said_it_is_said_how_to_say_it(data, capsys, has_database):
    if has_database:
        record(data, [(True, "thanks")])

    assert run(["detectors"]) == 0

    out, err = capsys.readouterr()
    assert out == ""
    assert '"harm" or "no-harm"' in err


def test_precision_and_recall_are_shown_with_intervals_and_counts(data, capsys):
    record(data, OUTCOMES)

    assert run(["detectors"]) == 0

    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["DETECTOR", "SAID", "BY", "AUDITED", "ALARMED", "PRECISION", "RECALL"]
    assert row.split()[:5] == ["harm", "labels", "95", "80", "0.750"]
    assert row.endswith(" of 75")


def test_json_has_the_same_figures(data, capsys):
    record(data, OUTCOMES)

    assert run(["detectors", "--json"]) == 0

    (found,) = json.loads(capsys.readouterr().out)
    assert (found["detector"], found["said_by"], found["recall"]["value"]) == ("harm", "labels", 0.8)
    assert found["precision"]["low"] < 0.75 < found["precision"]["high"]


def test_what_is_older_than_the_days_asked_for_is_not_counted(data, capsys):
    record(data, OUTCOMES, age_s=3 * 86_400.0)

    run(["detectors", "--days", "2", "--json"])
    assert capsys.readouterr().out == "[]\n"

    run(["detectors", "--days", "4", "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_thousands_of_requests_are_read_within_seconds(data):
    record(data, OUTCOMES * 20)
    begun = time.process_time()

    assert run(["detectors"]) == 0

    assert time.process_time() - begun < 20.0


def test_a_damaged_database_is_an_error(data, capsys):
    data.mkdir()
    (data / FILE_NAME).write_bytes(b"no database" * 1_000)

    assert run(["detectors"]) == 73
    assert "is damaged or no database" in capsys.readouterr().err
