import math
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import ALL_BODIES, NOON, batch, event, feedback, payload, request, requests, routed, write
from sample_records import noted_events
from sqlalchemy import Engine

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import (
    AssessmentRecord,
    AttemptRecord,
    CandidateRecord,
    ContextRecord,
    GatewayEvent,
    PartRecord,
    RequestRecord,
    RoutingRecord,
    ScoreRecord,
    Spend,
)
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.storage import queries
from guardian_cluster.storage.database import memory_database
from guardian_cluster.storage.records import Written, month_of, refuse_batch, write_batch
from guardian_cluster.storage.rollups import series_of

IMPOSSIBLE = CandidateRecord(
    specialist="s", success=math.nan, trust=0.0, cost_usd=0.0, latency_s=0.0, probability=1.0
)
BEYOND = AttemptRecord(specialist="s", endpoint="s/1", outcome="ok", duration_ms=1.0, continues_at=10**18)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = memory_database()
    yield engine
    engine.dispose()


def counts(engine: Engine) -> dict[str, int]:
    with engine.begin() as connection:
        return queries.counts(connection)


def everything(sequence: int = 1) -> Batch:
    return batch(
        request(), sequence=sequence, payloads=(payload(),), feedback=(feedback(),), events=(event(),)
    )


@settings(max_examples=30)  # Each makes a database.
@given(st.lists(requests, max_size=6), st.lists(requests, max_size=6))
def test_what_is_read_is_what_was_reported_and_an_id_counts_once(
    first: list[RequestRecord], second: list[RequestRecord]
) -> None:
    engine = memory_database()
    kept = {record.id: record for record in reversed(first + second)}
    write(engine, batch(*first, sequence=1))
    write(engine, batch(*second, sequence=2))

    with engine.begin() as connection:
        assert {id: queries.request_by_id(connection, id) for id in kept} == kept
        spent = {spend.key: spend.usd for spend in queries.spend_of(connection, "2025-11")}
        totals = queries.totals(
            connection,
            queries.Window(NOON, NOON + 700),
            by=["specialist", "endpoint", "variant", "tenant", "outcome"],
        )
    engine.dispose()

    for key in "abc":
        cost = sum(record.cost_usd for record in kept.values() if record.key == key)
        assert spent.get(key, 0.0) == pytest.approx(cost)
    for series, sums in totals.items():
        alike = [record for record in kept.values() if series_of(record) == series]
        assert sums["n"] == len(alike)
        assert sums["duration_ms"] == pytest.approx(sum(record.duration_ms for record in alike))
        assert sums["quality_n"] == sum(record.quality is not None for record in alike)
        assert sums["verdicts"] == sum(len(record.verdicts) for record in alike)
    assert sum(sums["n"] for sums in totals.values()) == len(kept)


def test_a_batch_sent_again_changes_nothing(engine: Engine) -> None:
    write(engine, everything())
    before = counts(engine)

    assert write(engine, everything()) == Written(duplicate=True)
    assert counts(engine) == before
    assert before["request"] == before["payload"] == before["feedback"] == before["gateway_event"] == 1


def test_a_batch_below_the_highest_of_its_stream_was_taken_before(engine: Engine) -> None:
    write(engine, batch(request("r5"), sequence=5))

    assert write(engine, batch(request("r4"), sequence=4)).duplicate
    assert not write(engine, batch(request("r6"), sequence=6)).duplicate


def test_boots_and_spools_are_numbered_apart(engine: Engine) -> None:
    write(engine, batch(request("r1"), sequence=9))

    assert not write(engine, batch(request("r2"), sequence=1, boot_id="other")).duplicate
    spooled = Batch(id=BatchId("boot", 1, spooled=True), requests=(request("r3"),))
    assert not write(engine, spooled).duplicate


def test_a_failed_batch_leaves_nothing_and_can_be_sent_again(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = connection.begin()
        write_batch(connection, everything(), now=NOON, policy=ALL_BODIES)
        transaction.rollback()

    assert set(counts(engine).values()) == {0}
    assert not write(engine, everything()).duplicate


@pytest.mark.parametrize(
    "impossible",
    [
        request("bad", duration_ms=math.nan),
        request("bad", cost_usd=math.inf),
        request("bad", input_tokens=10**18),
        request("bad", started=-math.inf),
        routed("bad", context=ContextRecord(left_out_tokens=10**18)),
        routed("bad", routing=RoutingRecord(policy="auto", reason="", price=math.nan)),
        routed("bad", routing=RoutingRecord(policy="auto", reason="", candidates=(IMPOSSIBLE,))),
        request("bad", attempts=(BEYOND,)),
        routed("bad", scores=(ScoreRecord(detector="harm", value=math.nan),)),
        routed("bad", assessments=(AssessmentRecord(specialist="s", p_wrong=math.inf, decision="accept"),)),
    ],
)
def test_a_report_with_an_impossible_number_is_refused_alone(
    engine: Engine, impossible: RequestRecord
) -> None:
    written = write(engine, batch(request("good"), impossible))

    with engine.begin() as connection:
        assert queries.request_by_id(connection, "bad") is None
        assert queries.request_by_id(connection, "good") == request("good")
        assert noted_events(connection) == [GatewayEvent(kind="dropped", at=NOON, subject="refused", count=1)]
    assert written.refused == 1


def test_reports_that_could_not_be_read_are_counted(engine: Engine) -> None:
    write(engine, msgspec.structs.replace(batch(request()), unreadable=3))

    with engine.begin() as connection:
        assert [event.count for event in noted_events(connection)] == [3]


def test_a_refused_batch_counts_its_reports_and_is_not_sent_again(engine: Engine) -> None:
    with engine.begin() as connection:
        assert refuse_batch(connection, everything(), now=NOON).refused == 4

    assert counts(engine)["request"] == 0
    assert write(engine, everything()).duplicate


def test_payloads_are_kept_until_they_expire_and_only_while_bodies_are(engine: Engine) -> None:
    write(engine, batch(sequence=1, payloads=(payload("off"),)), RecordPolicy(bodies="off"))
    write(engine, batch(sequence=2, payloads=(payload("on"),)), RecordPolicy(bodies="sampled"))

    with engine.begin() as connection:
        assert queries.payload_of(connection, "off") is None
        assert queries.payload_of(connection, "on") == payload("on")


def test_spending_adds_up_by_key_and_month_and_is_told(engine: Engine) -> None:
    december = NOON + 10 * 86_400
    write(engine, batch(request("r1", cost_usd=1.5), request("r2", cost_usd=2.0), sequence=1))

    written = write(
        engine,
        batch(
            request("r3", cost_usd=0.5),
            request("r4", cost_usd=4.0, started=december),
            request("r5", cost_usd=9.0, key=None),
            sequence=2,
        ),
    )

    assert set(written.spend) == {
        Spend(key="k1", month="2025-11", usd=4.0),
        Spend(key="k1", month="2025-12", usd=4.0),
    }


def test_text_is_kept_without_nul(engine: Engine) -> None:
    hostile = msgspec.structs.replace(payload(), response_text="a\0b")
    write(engine, batch(payloads=(hostile,)))

    with engine.begin() as connection:
        found = queries.payload_of(connection, "r1")
    assert found is not None
    assert found.response_text == "a\ufffdb"


def test_months_are_those_of_utc() -> None:
    assert month_of(1_764_547_199.9) == "2025-11"
    assert month_of(1_764_547_200.0) == "2025-12"


def test_what_was_written_is_told_for_whoever_learns_from_it(engine: Engine) -> None:
    write(engine, batch(routed("known"), sequence=1))

    written = write(
        engine,
        batch(
            routed("known"),
            routed("new"),
            request("bad", cost_usd=math.nan),
            feedback=(feedback(),),
            sequence=2,
        ),
    )

    assert written.requests == [routed("new")]
    assert written.feedback == [feedback()]


def test_a_name_cannot_pass_for_two(engine: Engine) -> None:
    shared = PartRecord(number=1, requirement="code", specialist=None, outcome="late", shared=("a, b", "c"))
    write(engine, batch(routed(parts=(shared,), session="s\0t")))

    with engine.begin() as connection:
        found = queries.request_by_id(connection, "r1")
    assert found is not None
    assert found.parts[0].shared == ("a; b", "c")
    assert found.session == "s\ufffdt"
