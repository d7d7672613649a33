"""What guardians inside a program remember of requests, and how little that is whatever comes."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import NOON, request_record

from guardian_cluster.contract.records import (
    AssessmentRecord,
    AttemptRecord,
    Feedback,
    GatewayEvent,
    RequestRecord,
    RoutingRecord,
)
from guardian_cluster.recent_records import EARLY, MARKS, RecentRecords
from guardian_cluster.request.sinks import Inbox


def asked(id: str, specialist: str | None = "writer", **changes: object) -> RequestRecord:
    return request_record(id, specialist=specialist, **changes)


def mark(id: str, score: float = 1.0, tenant: str = "acme", **changes: object) -> Feedback:
    values: dict[str, object] = {"request_id": id, "tenant": tenant, "received": NOON, "score": score}
    return Feedback(**(values | changes))  # type: ignore[arg-type]


async def ids(records: RecentRecords, specialist: str = "writer") -> list[str]:
    return [judged.record.id for judged in await records.newest(specialist, 100)]


async def test_of_many_requests_the_newest_are_remembered_oldest_first() -> None:
    records = RecentRecords(each=3)
    for number in (1, 2, 4, 3, 5):
        records.take(asked(f"r{number}", started=NOON + number))

    assert await ids(records) == ["r3", "r4", "r5"]
    assert [judged.record.id for judged in await records.newest("writer", 2)] == ["r3", "r5"]


async def test_who_has_most_gives_where_there_is_no_room() -> None:
    records = RecentRecords(each=10, total=4)
    records.take(asked("quiet", "poet"))
    for number in range(6):
        records.take(asked(f"r{number}"))

    assert await ids(records, "poet") == ["quiet"]
    assert await ids(records) == ["r3", "r4", "r5"]


async def test_a_request_that_nobody_was_asked_to_answer_is_not_remembered() -> None:
    records = RecentRecords()
    records.take(asked("refused", None))

    assert await ids(records) == []


async def test_a_request_is_in_the_past_of_each_who_failed_it_too() -> None:
    records = RecentRecords(each=2)
    failed = AttemptRecord(specialist="writer", endpoint="writer/1", outcome="failed", duration_ms=1.0)
    records.take(asked("r1", "poet", attempts=(failed,)))
    records.take(asked("r2", None, attempts=(failed,)))
    records.hear(mark("r1", 0.0))

    assert (await ids(records), await ids(records, "poet")) == (["r1", "r2"], ["r1"])
    assert [judged.record.id for judged in records.judged("poet", set())] == ["r1"]
    assert records.judged("writer", set()) == []


async def test_only_the_requests_own_tenant_is_heard() -> None:
    records = RecentRecords()
    records.take(asked("r1"))
    records.hear(mark("r1", 0.0, tenant="other"))
    records.hear(mark("r1", 1.0))
    (judged,) = await records.newest("writer", 10)

    assert [said.tenant for said in judged.feedback] == ["acme"]
    assert len(records.marked) == 1


async def test_a_mark_that_comes_before_its_request_is_heard_with_it() -> None:
    records = RecentRecords()
    records.hear(mark("r1", 0.0))
    records.take(asked("r1"))
    (judged,) = await records.newest("writer", 10)

    assert [said.score for said in judged.feedback] == [0.0]
    assert [each.record.id for each in records.marked] == ["r1"]


async def test_of_many_marks_the_last_ones_count_and_no_words_are_kept() -> None:
    records = RecentRecords()
    records.take(asked("r1"))
    for number in range(MARKS + 2):
        records.hear(mark("r1", number / 100, comment="x" * 4_000))
    (judged,) = await records.newest("writer", 10)

    assert [said.score for said in judged.feedback] == [n / 100 for n in range(2, MARKS + 2)]
    assert {said.comment for said in judged.feedback} == {None}


async def test_marks_of_unknown_requests_drive_nothing_out() -> None:
    records = RecentRecords()
    records.take(asked("r1"))
    records.hear(mark("r1"))
    for number in range(2 * EARLY):
        records.hear(mark(f"unknown-{number}"))
    (judged,) = await records.newest("writer", 10)

    assert len(judged.feedback) == 1


def test_judged_are_requests_of_which_a_caller_or_a_check_has_said_something() -> None:
    records = RecentRecords()
    refuted = AssessmentRecord(specialist="writer", p_wrong=0.9, decision="accept", failed=("citations",))
    for record in (asked("r1"), asked("r2"), asked("r3", assessments=(refuted,))):
        records.take(record)
    records.hear(mark("r1", label="no-harm"))

    assert [judged.record.id for judged in records.judged("writer", {"citations"})] == ["r1", "r3"]


async def test_specialists_that_are_gone_are_forgotten() -> None:
    records = RecentRecords()
    records.take(asked("r1"))
    records.take(asked("r2", "poet"))
    records.forget_all_but(["poet"])
    records.hear(mark("r1"))

    assert (await ids(records), await ids(records, "poet")) == ([], ["r2"])
    assert not records.marked


async def test_what_only_the_router_learns_from_is_not_kept() -> None:
    records = RecentRecords()
    routing = RoutingRecord(policy="auto", reason="one", features=b"x" * 4_000)
    assessed = AssessmentRecord(specialist="writer", p_wrong=0.1, decision="accept", features=b"x" * 4_000)
    records.take(asked("r1", routing=routing, assessments=(assessed,)))
    (judged,) = await records.newest("writer", 10)

    assert judged.record.routing is None
    assert judged.record.assessments[0].features == b""


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(" abc"), st.sampled_from(" abc"), st.integers(0, 12)), max_size=60))
def test_there_is_never_more_than_there_is_room_for(steps: list[tuple[str, str, int]]) -> None:
    records = RecentRecords(each=4, total=6)
    for name, failing, number in steps:
        failed = AttemptRecord(specialist=failing, endpoint="e", outcome="failed", duration_ms=1.0)
        attempts = (failed,) if failing.strip() else ()
        records.take(asked(f"r{number}", name.strip() or None, attempts=attempts))
        records.hear(mark(f"r{12 - number}"))
    held = {name: records.judged(name, set()) for name in "abc"}
    kept = {name: [*records._of(name)] for name in "abc"}

    assert all(len(found) <= 4 for found in kept.values())
    assert len(records._records) <= 6
    assert {each.id for found in kept.values() for each in found} == records._records.keys()
    assert records._records.keys() == records._whose.keys()
    assert set(records._said) <= set(records._whose)
    assert all(judged.feedback for found in held.values() for judged in found)


def test_an_inbox_that_is_full_keeps_the_newest_and_counts_the_rest() -> None:
    inbox = Inbox(kept=2)
    for number in range(5):
        inbox.report(GatewayEvent(kind="started", at=float(number)))

    assert [report.at for report in inbox.take(10) if isinstance(report, GatewayEvent)] == [3.0, 4.0]
    assert (inbox.left_out, len(inbox)) == (3, 0)
