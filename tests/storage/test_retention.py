from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import ALL_BODIES, NOON, batch, event, feedback, payload, request, routed, write
from sqlalchemy import Connection, Engine, select

from guardian_cluster.contract.records import AttemptRecord, Feedback
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.storage import queries, tables
from guardian_cluster.storage.database import memory_database
from guardian_cluster.storage.retention import CHUNK_ROWS, steps

DAY_S = 86_400
POLICY = RecordPolicy(bodies="all", bodies_days=7, requests_days=30, rollups_days=400)
EXACT = {"request", "attempt", "candidate", "assessment", "part", "score"}
ATTEMPT = AttemptRecord(specialist="s", endpoint="s/1", outcome="ok", duration_ms=1.0)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = memory_database()
    yield engine
    engine.dispose()


def sweep(engine: Engine, now: float, policy: RecordPolicy = POLICY) -> None:
    with engine.begin() as connection:
        for step in steps(policy, now):
            while step(connection):
                pass


def counts(engine: Engine) -> dict[str, int]:
    with engine.begin() as connection:
        return queries.counts(connection)


def fill(engine: Engine) -> None:
    record = routed(attempts=(ATTEMPT,), first_token_ms=5.0)
    said = (feedback(), feedback("r0"))
    write(engine, batch(record, payloads=(payload(),), feedback=said, events=(event(),)))


def used(engine: Engine) -> set[str]:
    """Return the tables that hold something; emptied feedback is nothing."""
    with engine.begin() as connection:
        said = connection.execute(select(tables.feedback).where(tables.feedback.c.request_id != "")).all()
    return {name for name, n in counts(engine).items() if (said if name == "feedback" else n)}


@pytest.mark.parametrize(
    ("age_days", "gone"),
    [
        (6.9, set[str]()),
        (7.1, {"payload"}),
        (30.1, {"payload", "feedback", "gateway_event"} | EXACT),
        (
            401,
            {"payload", "feedback", "gateway_event", "batch", "rollup"} | EXACT,
        ),
    ],
)
def test_each_table_is_kept_as_long_as_the_policy_says(
    engine: Engine, age_days: float, gone: set[str]
) -> None:
    fill(engine)
    before = used(engine)

    sweep(engine, NOON + age_days * DAY_S)

    assert before - used(engine) == gone


def test_a_shorter_promise_for_bodies_holds_for_those_recorded_before(engine: Engine) -> None:
    fill(engine)

    sweep(engine, NOON + 2 * DAY_S, RecordPolicy(bodies="all", bodies_days=1))

    assert counts(engine)["payload"] == 0


def test_a_longer_one_does_not(engine: Engine) -> None:
    fill(engine)

    sweep(engine, NOON + 8 * DAY_S, RecordPolicy(bodies="all", bodies_days=90))

    assert counts(engine)["payload"] == 0


def test_the_newest_feedback_loses_its_words_and_keeps_its_number(engine: Engine) -> None:
    secret = Feedback(request_id="r1", tenant="acme", received=NOON, score=0.0, label="bad", comment="words")
    write(engine, batch(feedback=(feedback("r0"), secret)))

    sweep(engine, NOON + 31 * DAY_S)
    write(engine, batch(feedback=(feedback("r2", NOON + 31 * DAY_S),), sequence=2))

    with engine.begin() as connection:
        rows = connection.execute(select(tables.feedback).order_by(tables.feedback.c.id)).all()
    assert tuple(rows[0]) == (2, "", "", NOON, None, None, None)
    assert [(row.id, row.request_id) for row in rows] == [(2, ""), (3, "r2")]


def test_a_step_deletes_no_more_than_a_chunk(engine: Engine) -> None:
    write(engine, batch(*(request(f"r{number}") for number in range(CHUNK_ROWS + 5))), ALL_BODIES)

    with engine.begin() as connection:
        deleted = [step(connection) for step in steps(POLICY, NOON + 31 * DAY_S)]

    assert CHUNK_ROWS in deleted
    assert counts(engine)["request"] == 5


def starts(connection: Connection) -> set[int]:
    return {int(start - NOON) for start in connection.scalars(select(tables.rollup.c.start))}


@pytest.mark.parametrize(("age_days", "expected"), [(0.5, {0, 60, 240, 300}), (2, {0, 300}), (32, {0})])
def test_roll_ups_grow_coarser_with_age(engine: Engine, age_days: float, expected: set[int]) -> None:
    records = [request(f"r{offset}", started=NOON + offset) for offset in (0, 61, 299, 300)]
    write(engine, batch(*records))

    sweep(engine, NOON + age_days * DAY_S)

    with engine.begin() as connection:
        assert starts(connection) == expected


SEEN = st.lists(
    st.tuples(st.floats(0, 7_199), st.floats(1, 1e5), st.sampled_from("ab")), min_size=1, max_size=20
)


def answers(engine: Engine) -> tuple[dict[queries.Group, dict[str, float]], object]:
    window = queries.Window(NOON, NOON + 7_200)
    with engine.begin() as connection:
        totals = queries.totals(connection, window, by=["specialist"])
        return totals, queries.percentiles(connection, window, "duration", [0.5, 0.99], by=["specialist"])


@settings(max_examples=15)  # Each makes a database.
@given(SEEN)
def test_coarser_roll_ups_hold_the_same_sums_and_percentiles(seen: list[tuple[float, float, str]]) -> None:
    engine = memory_database()
    records = [
        request(f"r{number}", started=NOON + offset, duration_ms=duration, specialist=specialist)
        for number, (offset, duration, specialist) in enumerate(seen)
    ]
    write(engine, batch(*records))
    first_totals, first_percentiles = answers(engine)

    for age_days in (2, 32):
        sweep(engine, NOON + age_days * DAY_S)
        totals, percentiles = answers(engine)
        assert totals == {group: pytest.approx(sums) for group, sums in first_totals.items()}
        assert percentiles == first_percentiles
    engine.dispose()


def test_reports_that_come_late_join_the_coarse_roll_up(engine: Engine) -> None:
    write(engine, batch(request("r1", started=NOON + 60), sequence=1))
    sweep(engine, NOON + 2 * DAY_S)
    write(engine, batch(request("r2", started=NOON + 120), sequence=2))

    sweep(engine, NOON + 2 * DAY_S)

    with engine.begin() as connection:
        assert starts(connection) == {0}
        assert queries.totals(connection, queries.Window(NOON, NOON + 300))[()]["n"] == 2
