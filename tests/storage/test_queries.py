from collections.abc import Iterator

import msgspec
import pytest
from record_samples import NOON, batch, feedback, payload, request, routed, write
from sqlalchemy import Engine

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.storage import queries
from guardian_cluster.storage.database import memory_database
from guardian_cluster.storage.histogram import RELATIVE_ERROR
from guardian_cluster.storage.queries import Page, Window


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = memory_database()
    yield engine
    engine.dispose()


def test_percentiles_of_a_window_are_those_of_its_requests(engine: Engine) -> None:
    inside = [request(f"r{n}", started=NOON + n, duration_ms=float(n)) for n in range(1, 101)]
    outside = [request(f"o{n}", started=NOON - 60 - n, duration_ms=1e6) for n in range(50)]
    write(engine, batch(*inside, *outside))

    with engine.begin() as connection:
        found = queries.percentiles(connection, Window(NOON, NOON + 120), "duration", [0.5, 0.95, 0.99])

    assert found[()] == pytest.approx([50, 95, 99], rel=RELATIVE_ERROR)


def test_percentiles_are_the_same_however_many_batches_the_requests_came_in(engine: Engine) -> None:
    alone = [request(f"r{n}", started=NOON, duration_ms=1.5**n, first_token_ms=n or None) for n in range(30)]
    for sequence, record in enumerate(alone, 1):
        write(engine, batch(record, sequence=sequence))
    together = [msgspec.structs.replace(record, id=f"t-{record.id}", tenant="other") for record in alone]
    write(engine, batch(*together, boot_id="other"))

    wanted = [rank / 30 for rank in range(31)]
    with engine.begin() as connection:
        for measure in ("duration", "first_token", "overhead"):
            found = queries.percentiles(connection, Window(NOON, NOON + 60), measure, wanted, by=["tenant"])
            assert found["acme",] == found["other",]


def test_percentiles_can_be_asked_by_group_and_of_some_only(engine: Engine) -> None:
    write(
        engine,
        batch(
            request("a", specialist="a", first_token_ms=10.0),
            request("b", specialist="b", first_token_ms=1000.0),
            request("c", specialist="b", first_token_ms=9.0, tenant="other"),
            request("d", specialist="b"),
        ),
    )

    with engine.begin() as connection:
        found = queries.percentiles(
            connection,
            Window(NOON, NOON + 60),
            "first_token",
            [0.5],
            by=["specialist"],
            where={"tenant": "acme"},
        )

    assert set(found) == {("a",), ("b",)}
    assert found["a",] == pytest.approx([10.0], rel=RELATIVE_ERROR)
    assert found["b",] == pytest.approx([1000.0], rel=RELATIVE_ERROR)


def test_totals_tell_requests_without_a_specialist_apart(engine: Engine) -> None:
    refused = request("r", specialist=None, endpoint=None, variant=None, outcome="refused", status=503)
    write(engine, batch(request("a", quality=0.5), request("b", quality=1.0), refused))

    with engine.begin() as connection:
        found = queries.totals(connection, Window(NOON, NOON + 60), by=["specialist", "outcome"])

    assert {group: sums["n"] for group, sums in found.items()} == {("solver", "ok"): 2, ("", "refused"): 1}
    assert found["solver", "ok"]["quality"] == 1.5
    assert found["solver", "ok"]["quality_squares"] == 1.25


def test_an_empty_window_has_neither_totals_nor_percentiles(engine: Engine) -> None:
    with engine.begin() as connection:
        assert queries.totals(connection, Window(NOON, NOON + 60)) == {}
        assert queries.percentiles(connection, Window(NOON, NOON + 60), "overhead", [0.5]) == {}


def test_pages_of_requests_follow_each_other_without_gap_or_overlap(engine: Engine) -> None:
    records = [request(f"r{n}", started=NOON + n // 3) for n in range(10)]
    write(engine, batch(*records))

    pages: list[str] = []
    before = None
    with engine.begin() as connection:
        while page := queries.recent_requests(connection, Page(limit=4, before=before)):
            pages += [record.id for record in page]
            before = page[-1].started, page[-1].id

    assert pages == [f"r{n}" for n in reversed(range(10))]


def test_a_tenant_sees_its_own_alone(engine: Engine) -> None:
    write(engine, batch(request("r1"), payloads=(payload(),)))

    with engine.begin() as connection:
        for tenant, seen in (("acme", True), ("rival", False), (None, True)):
            assert bool(queries.request_by_id(connection, "r1", tenant=tenant)) is seen
            assert bool(queries.payload_of(connection, "r1", tenant=tenant)) is seen
            assert bool(queries.recent_requests(connection, Page(tenant=tenant))) is seen


def test_what_is_not_there_is_none(engine: Engine) -> None:
    with engine.begin() as connection:
        assert queries.request_by_id(connection, "r1' OR 1=1 --") is None
        assert queries.payload_of(connection, "r1") is None


def test_a_request_can_be_learned_from_again_with_how_often_it_was_judged(engine: Engine) -> None:
    said = [feedback(received=NOON + n) for n in range(3)]
    strangers = msgspec.structs.replace(said[0], tenant="rival")
    silent = msgspec.structs.replace(said[0], score=None, label="thanks")
    write(engine, batch(routed(), feedback=(*said, strangers, silent)))

    with engine.begin() as connection:
        found = [queries.routing_of(connection, "r1", before=NOON + n) for n in range(3)]
        assert queries.routing_of(connection, "unknown", before=NOON) is None

    assert found == [queries.Routing(routed(), marks) for marks in range(3)]


def test_decisions_come_in_order_page_by_page_with_the_last_mark_of_their_own_tenant(engine: Engine) -> None:
    records = [routed(f"r{n}", started=NOON + n // 2) for n in range(5)]
    last = msgspec.structs.replace(feedback("r3", NOON + 9), score=0.25)
    rival = msgspec.structs.replace(feedback("r2", NOON + 9), tenant="rival")
    write(engine, batch(*records, request("by name"), feedback=(last, feedback("r3", NOON), rival)))

    pages: list[tuple[RequestRecord, float | None]] = []
    since, after = NOON, "r0"
    with engine.begin() as connection:
        while page := queries.decisions_since(connection, since, after=after, limit=2):
            pages += page
            since, after = page[-1][0].started, page[-1][0].id

    assert [(record.id, score) for record, score in pages] == [
        ("r1", None), ("r2", None), ("r3", 0.25), ("r4", None),
    ]  # fmt: skip
    assert [record for record, _ in pages] == records[1:]
