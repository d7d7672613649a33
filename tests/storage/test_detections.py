"""What is asked about detectors, of SQLite and of a real PostgreSQL that has the same migrations."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from record_samples import NOON, batch, feedback, opened, request, routed, write
from sample_records import noted_events
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from guardian_cluster.contract.records import GatewayEvent, RequestRecord, ScoreRecord, VerdictRecord
from guardian_cluster.errors import CannotCreate
from guardian_cluster.storage import detections, queries, tables
from guardian_cluster.storage.database import FILE_NAME, HEAD, memory_database, open_to_read, upgrade
from guardian_cluster.storage.detections import Place

BEFORE = Place(NOON - 1.0)
LATER = NOON + 1_000.0
SCORE = ScoreRecord(detector="harm", value=0.25)
VERDICT = VerdictRecord(detector="deny", rule="x", action="redact", channel="content", choice=0, position=0)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = memory_database()
    else:
        address: str = request.getfixturevalue("empty_postgres")
        engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            upgrade(connection, HEAD)
    yield engine
    engine.dispose()


def scored(id: str, **changes: object) -> RequestRecord:
    return request(id, **({"scores": (SCORE,)} | changes))


def ids(page: detections.Page) -> list[str]:
    return [judged.record.id for judged in page.requests]


def test_what_is_read_is_what_was_reported_with_what_its_own_tenant_said(engine: Engine) -> None:
    said = [feedback("r1", NOON + 2), feedback("r1", NOON + 1)]
    strangers = msgspec.structs.replace(said[0], tenant="rival")
    full = routed("r1", verdicts=(VERDICT,))
    write(engine, batch(full, feedback=(*said, strangers)))

    with engine.begin() as connection:
        pages = [
            read(connection, BEFORE, until=LATER)
            for read in (detections.scored_after, detections.audited_after)
        ]

    bare = msgspec.structs.replace(full.routing, candidates=()) if full.routing else None
    for_thresholds = msgspec.structs.replace(full, routing=bare, assessments=())
    for_audits = msgspec.structs.replace(full, routing=bare, scores=(), parts=())
    ((scored,), (audited,)) = (page.requests for page in pages)
    assert scored == detections.Judged(for_thresholds, (said[1], said[0]))
    assert audited == detections.Judged(for_audits, (said[1], said[0]))
    assert [page.place for page in pages] == [Place(NOON, "r1")] * 2


def test_pages_follow_each_other_without_gap_or_overlap_also_where_nothing_was_scored(engine: Engine) -> None:
    records = [(scored if n % 3 else request)(f"r{n}", started=NOON + n // 2) for n in range(12)]
    write(engine, batch(*records))

    found: list[list[str]] = []
    place: Place | None = BEFORE
    with engine.begin() as connection:
        while place is not None:
            page = detections.scored_after(connection, place, until=NOON + 5, limit=3)
            found, place = [*found, ids(page)], page.place

    assert found == [["r1", "r2"], ["r4", "r5"], ["r7", "r8"], [], []]


def test_requests_that_have_not_settled_wait(engine: Engine) -> None:
    write(engine, batch(scored("r1"), scored("r2", started=NOON + 60)))

    with engine.begin() as connection:
        assert ids(detections.scored_after(connection, BEFORE, until=NOON + 60)) == ["r1"]
        assert detections.scored_after(connection, Place(NOON, "r1"), until=NOON + 60).place is None


def test_requests_that_were_checked_marked_or_have_findings_are_told_apart(engine: Engine) -> None:
    found = request("found", verdicts=(VERDICT,))
    checked = msgspec.structs.replace(routed("checked"), scores=())
    write(engine, batch(found, checked, request("marked"), request("plain"), feedback=(feedback("marked"),)))

    with engine.begin() as connection:
        assert ids(detections.scored_after(connection, BEFORE, until=LATER)) == ["found"]
        assert ids(detections.audited_after(connection, BEFORE, until=LATER)) == ["checked", "marked"]


def test_detectors_are_those_that_found_or_scored_something(engine: Engine) -> None:
    write(engine, batch(scored("r1", verdicts=(VERDICT, VERDICT))))

    with engine.begin() as connection:
        assert detections.detectors(connection) == {"deny", "harm"}


def test_the_beginning_of_the_newest_requests_is_found(engine: Engine) -> None:
    write(engine, batch(*(request(f"r{n}", started=NOON + n) for n in range(5))))

    with engine.begin() as connection:
        assert [detections.newest_start(connection, n) for n in (1, 5, 6)] == [NOON + 4, NOON, None]


def test_the_last_drift_of_each_is_remembered_and_is_an_event(engine: Engine) -> None:
    with engine.begin() as connection:
        for at in (NOON, NOON + 5):
            detections.note_drift(connection, subject="harm/small/acme", change="higher", scores=40, at=at)

        assert detections.drifts(connection) == {"harm/small/acme": NOON + 5}
        assert noted_events(connection)[:1] == [
            GatewayEvent(
                kind="scores_drifted", at=NOON + 5, subject="harm/small/acme", detail="higher", count=40
            )
        ]


def test_scores_go_with_their_request(engine: Engine) -> None:
    write(engine, batch(scored("r1")))

    with engine.begin() as connection:
        connection.execute(tables.request.delete())
        assert queries.counts(connection)["score"] == 0


def test_one_who_reads_neither_writes_nor_waits_for_one_who_does(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    write(writer, batch(scored("r1")))
    reader = open_to_read(tmp_path / FILE_NAME)

    with writer.begin(), reader.connect() as connection:
        assert detections.detectors(connection) == {"harm"}
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(tables.request.delete())
    writer.dispose()
    reader.dispose()


def test_a_database_of_another_schema_or_none_is_not_read(tmp_path: Path) -> None:
    old = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with old.begin() as connection:
        upgrade(connection, "0004")
    old.dispose()
    (tmp_path / "no.db").write_bytes(b"no database at all" * 100)

    with pytest.raises(CannotCreate, match=r"has schema 0004.*\n.*guardian serve"):
        open_to_read(tmp_path / "old.db")
    with pytest.raises(CannotCreate, match="damaged or no database"):
        open_to_read(tmp_path / "no.db")
