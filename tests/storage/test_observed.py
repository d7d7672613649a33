import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import NOON, batch, request, requests, routed, write
from sqlalchemy import Engine, create_engine

from guardian_cluster.contract.records import (
    AttemptRecord,
    Feedback,
    GatewayEvent,
    RequestRecord,
    ScoreRecord,
    VerdictRecord,
)
from guardian_cluster.domain.ids import request_id
from guardian_cluster.storage import observed
from guardian_cluster.storage.database import HEAD, memory_database, upgrade
from guardian_cluster.storage.observed import MARKS

ATTEMPT = AttemptRecord(specialist="s", endpoint="s/1", outcome="failed", duration_ms=1.0, said="no <n>")
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


def mark(request_id: str = "r1", score: float | None = 1.0, **changes: object) -> Feedback:
    values: dict[str, object] = {"tenant": "acme", "received": NOON + 5, "label": "fine"} | changes
    return Feedback(request_id=request_id, score=score, **values)  # type: ignore[arg-type]


def bare(record: RequestRecord) -> RequestRecord:
    return msgspec.structs.replace(record, routing=None, context=None, assessments=(), parts=())


def window(engine: Engine, specialist: str = "solver", limit: int = 100) -> list[observed.Judged]:
    with engine.begin() as connection:
        return observed.window_of(connection, specialist, limit)


def marks(engine: Engine, number: int = 0, limit: int = 50, arrived: int | None = None) -> observed.Marks:
    with engine.begin() as connection:
        return observed.marks_after(connection, number, limit, arrived=arrived)


def page(engine: Engine, number: int = 0, **asked: int | None) -> observed.Arrived:
    with engine.begin() as connection:
        return observed.arrived_after(connection, number, **asked)


def told(found: observed.Marks) -> list[tuple[str, list[float | None]]]:
    return [(each.record.id, [said.score for said in each.feedback]) for each in found.judged]


def test_a_window_has_what_was_recorded_of_the_newest_requests_oldest_first(engine: Engine) -> None:
    full = routed("r1", attempts=(ATTEMPT, ATTEMPT), verdicts=(VERDICT,), model="m", words=b"\0\1")
    scored = request("r3", started=NOON + 2, scores=(ScoreRecord(detector="harm", value=0.5),) * 2)
    others = [
        request("r0", started=NOON - 9),
        request("r2", specialist="coder"),
        request("r4", specialist=None),
    ]
    write(engine, batch(scored, full, *others, feedback=(mark("r1"),)))

    assert window(engine, limit=2) == [(bare(full), (mark("r1"),)), (scored, ())]
    assert window(engine, "nobody") == []


def test_only_marks_of_the_requests_own_tenant_count_and_of_many_the_last(engine: Engine) -> None:
    flood = [mark(score=number / 100, received=NOON + number) for number in range(MARKS + 9)]
    strangers = mark(score=0.0, tenant="rival", received=NOON + 900)
    wordless = mark(score=None, received=NOON + 901)
    said = [*flood, strangers, wordless, mark("unknown"), mark(comment="my words", received=NOON + 902)]
    write(engine, batch(request("r1"), feedback=tuple(said)))

    ((_, feedback),) = window(engine)

    assert len(feedback) == MARKS
    assert feedback[-1] == mark(received=NOON + 902)
    assert list(feedback[:-1]) == flood[10:]


def test_requests_are_read_on_in_the_order_in_which_they_were_written_whenever_they_began(
    engine: Engine,
) -> None:
    began = {"r0": 9, "r1": -5, "r2": 3, "r3": 900, "r4": -7}
    for number, (id, at) in enumerate(began.items(), 1):
        write(engine, batch(request(id, started=NOON + at, attempts=(ATTEMPT,)), sequence=number))

    first = page(engine, limit=3)
    second = page(engine, first.last or 0)

    assert [each.record.id for each in first.judged] == ["r0", "r1", "r2"]
    assert [each.record.id for each in second.judged] == ["r3", "r4"]
    assert all(each.record.attempts == (ATTEMPT,) for each in (*first.judged, *second.judged))
    assert page(engine, second.last or 0) == observed.Arrived((), None)
    with engine.begin() as connection:
        assert observed.newest_arrival(connection) == second.last == 5


def test_each_mark_is_seen_once_with_its_request_or_by_itself(engine: Engine) -> None:
    write(engine, batch(request("r1"), feedback=(mark("r1", 0.1),)))
    with engine.begin() as connection:
        known = observed.newest_mark(connection)
    write(
        engine,
        batch(request("r2", started=NOON + 1), feedback=(mark("r1", 0.2), mark("r2", 0.3)), sequence=2),
    )

    ((_, first),) = page(engine, limit=1, marks_until=known).judged
    late = marks(engine, known, arrived=1)
    ((_, second),) = page(engine, 1, marks_until=late.last).judged

    assert [said.score for said in first] == [0.1]
    assert told(late) == [("r1", [0.1, 0.2])]
    assert [said.score for said in second] == [0.3]


def test_events_are_read_on_in_the_order_in_which_they_were_written(engine: Engine) -> None:
    noticed = [GatewayEvent(kind="overloaded", at=NOON - n, subject=str(n)) for n in range(3)]
    write(engine, batch(events=tuple(noticed)))
    with engine.begin() as connection:
        first = observed.events_after(connection, 0, limit=2)
        second = observed.events_after(connection, first.last or 0)
        newest = observed.newest_event(connection)

    assert [*first.events, *second.events] == noticed
    assert second.last == newest


def test_marks_come_in_the_order_of_arrival_with_what_was_known_by_then(engine: Engine) -> None:
    said = [
        mark("r2", 0.5),
        mark("r1", 0.1, received=NOON + 9),
        mark("r1", 0.2, received=NOON + 3),
        mark("r2", 0.5),
    ]
    write(engine, batch(request("r1"), request("r2"), feedback=tuple(said)))

    found = marks(engine)

    assert told(found) == [("r2", [0.5]), ("r1", [0.1]), ("r1", [0.2, 0.1]), ("r2", [0.5, 0.5])]
    assert told(marks(engine, limit=2)) == told(found)[:2]
    assert marks(engine, found.last or 0) == observed.Marks((), None)


def test_marks_of_strangers_unknown_requests_and_without_a_score_are_passed_over(engine: Engine) -> None:
    said = (mark("r9"), mark("r1", tenant="rival"), mark("r1", None), mark("r1", 0.4), mark("r9"))
    write(engine, batch(request("r1"), feedback=said))

    found = marks(engine)

    assert told(found) == [("r1", [0.4])]
    assert found.last == 5
    with engine.begin() as connection:
        assert observed.newest_mark(connection) == 5


def test_a_mark_that_came_before_its_request_comes_with_it(engine: Engine) -> None:
    write(engine, batch(feedback=(mark("r1", 0.2),)))
    early = marks(engine)
    write(engine, batch(request("r1"), sequence=2))

    assert early == observed.Marks((), 1)
    ((_, feedback),) = page(engine, marks_until=early.last).judged
    assert feedback == (mark("r1", 0.2),)


def test_a_flood_of_marks_on_one_request_is_told_in_bounds(engine: Engine) -> None:
    flood = tuple(mark("r1", number / 100, received=NOON + number) for number in range(3 * MARKS))
    write(engine, batch(request("r1"), feedback=flood))

    found = marks(engine, limit=1_000)

    assert len(found.judged) == MARKS
    assert max(len(each.feedback) for each in found.judged) == MARKS
    assert found.last == 3 * MARKS


def failed_by(specialist: str, record: RequestRecord) -> bool:
    """Tell whether a specialist was asked and failed, whoever answered then."""
    return any(each.specialist == specialist and each.outcome == "failed" for each in record.attempts)


@settings(max_examples=15)  # Each makes a database.
@given(st.lists(requests, max_size=12, unique_by=lambda record: record.id), st.integers(1, 12))
def test_a_window_is_the_end_of_what_was_recorded(records: list[RequestRecord], limit: int) -> None:
    engine = memory_database()
    write(engine, batch(*records))

    found = [each.record for each in window(engine, "a", limit)]
    engine.dispose()

    mine = sorted(
        (each for each in records if each.specialist == "a" or failed_by("a", each)),
        key=lambda each: (each.started, each.id),
    )
    assert found == list(map(bare, mine[-limit:]))


def since(engine: Engine, specialist: str, at: float, limit: int = 100) -> list[observed.Judged]:
    with engine.begin() as connection:
        return observed.requests_since(connection, specialist, at, limit)


def test_requests_since_are_those_asked_for_by_name_answered_or_failed(engine: Engine) -> None:
    elsewhere = {"specialist": "coder", "requested_model": "auto"}
    asked = request("r1", started=NOON + 3, specialist="coder", requested_model="solver", moves=("t1", "t2"))
    answered = request("r2", started=NOON + 2, specialist="solver")
    failing = AttemptRecord(specialist="solver", endpoint="solver/1", outcome="failed", duration_ms=1.0)
    failed = request("r3", started=NOON + 1, attempts=(failing, ATTEMPT), **elsewhere)
    others = [request("r4", started=NOON, **elsewhere), request("r0", started=NOON - 1, specialist="solver")]
    write(engine, batch(asked, answered, failed, *others, feedback=(mark("r1"),)))

    assert since(engine, "solver", NOON) == [(failed, ()), (answered, ()), (asked, (mark("r1"),))]
    assert since(engine, "solver", NOON, limit=2) == [(failed, ()), (answered, ())]
    assert since(engine, "solver", NOON + 4) == []


def test_a_failure_is_found_by_the_time_that_its_request_tells(engine: Engine) -> None:
    failing = AttemptRecord(specialist="solver", endpoint="solver/1", outcome="failed", duration_ms=1.0)
    times = (NOON - 900, NOON + 0.0005, NOON + 60)
    records = [
        request(request_id(at, random.Random(1)), started=at, attempts=(failing,), specialist="coder")
        for at in times
    ]
    write(engine, batch(*records))

    assert [each.record.started for each in since(engine, "solver", NOON)] == list(times[1:])


@settings(max_examples=15)  # Each makes a database.
@given(st.lists(requests, max_size=12, unique_by=lambda record: record.id), st.integers(1, 12))
def test_requests_since_are_the_first_of_what_was_recorded(records: list[RequestRecord], limit: int) -> None:
    engine = memory_database()
    write(engine, batch(*records))

    found = [each.record for each in since(engine, "a", NOON + 100, limit)]
    engine.dispose()

    mine = [
        each
        for each in sorted(records, key=lambda each: (each.started, each.id))
        if each.started >= NOON + 100
        and ("a" in (each.specialist, each.requested_model) or failed_by("a", each))
    ]
    assert found == list(map(bare, mine[:limit]))
