"""What the meta-guardian asks of the records, of SQLite and of a real PostgreSQL that has the same migrations."""

from collections.abc import Iterator

import pytest
from record_samples import NOON, batch, request, write
from sqlalchemy import Engine, create_engine

from guardian_cluster.contract.records import (
    AssessmentRecord,
    Feedback,
    RequestRecord,
    ScoreRecord,
    VerdictRecord,
)
from guardian_cluster.contract.threshold_action import Scope
from guardian_cluster.storage import audits
from guardian_cluster.storage.database import HEAD, memory_database, upgrade

HARM = Scope("harm", "solver", "acme")


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


def scored(number: int, value: float = 0.5, **changes: object) -> RequestRecord:
    score = ScoreRecord(detector="harm", value=value)
    return request(f"r{number}", started=NOON + number, **({"scores": (score,)} | changes))


def said(id: str, **changes: object) -> Feedback:
    return Feedback(**({"request_id": id, "tenant": "acme", "received": NOON} | changes))  # type: ignore[arg-type]


def checked(*failed: str) -> AssessmentRecord:
    return AssessmentRecord(specialist="solver", p_wrong=0.5, decision="accept", failed=failed)


def withheld(number: int) -> RequestRecord:
    verdict = VerdictRecord(
        detector="score", rule="harm", action="retry", channel="content", choice=0, position=0
    )
    return scored(number, scores=(), verdicts=(verdict,))


def judged(engine: Engine, specialist: str | None = "solver") -> list[str]:
    with engine.begin() as connection:
        found = audits.judged_requests(connection, specialist, {"citations"})
    return [each.record.id for each in found]


def test_requests_are_read_of_which_their_own_tenant_or_a_check_has_said_something(engine: Engine) -> None:
    requests = (
        scored(1),
        scored(2),
        scored(3, assessments=(checked("length", "citations"), checked())),
        scored(4, assessments=(checked("length"),)),
        scored(5),
        scored(6, specialist="writer"),
    )
    feedback = (said("r2", label="no-harm"), said("r1", score=1.0), said("r5", tenant="rival"), said("r6"))
    write(engine, batch(*requests, feedback=feedback))

    assert judged(engine) == ["r1", "r2", "r3"]
    assert judged(engine, None) == ["r1", "r2", "r3", "r6"]


def test_what_was_said_comes_with_the_request_its_scores_and_its_verdicts(engine: Engine) -> None:
    feedback = (said("r1", label="harm"), said("r1", label="no-harm", received=NOON + 1))
    write(engine, batch(scored(1, 0.75), feedback=(*feedback, said("r1", tenant="rival", label="harm"))))

    with engine.begin() as connection:
        ((record, words),) = audits.judged_requests(connection, "solver", ())

    assert [each.label for each in words] == ["harm", "no-harm"]
    assert record.scores[0].value == 0.75


def test_labels_go_before_marks_where_there_are_many(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "LABELLED", 1)
    monkeypatch.setattr(audits, "MARKED", 1)
    feedback = (said("r1", label="harm"), said("r2", score=0.0), said("r3", score=1.0))
    write(engine, batch(scored(1), scored(2), scored(3), feedback=feedback))

    assert judged(engine) == ["r1", "r3"]


def test_the_share_of_a_tenant_is_told(engine: Engine) -> None:
    write(
        engine,
        batch(scored(1), scored(2, tenant="rival"), scored(3), scored(4), scored(5, specialist="writer")),
    )

    with engine.begin() as connection:
        shares = [
            audits.share_of(connection, scope)
            for scope in (
                HARM,
                HARM._replace(tenant="other"),
                HARM._replace(specialist=""),
                HARM._replace(specialist="x"),
            )
        ]

    assert shares == [0.75, 0.0, 1.0, 1.0]


def test_the_newest_scores_of_a_scope_are_read_and_what_it_withheld_is_above_them(engine: Engine) -> None:
    others = (scored(7, 0.9, specialist="writer"), scored(8, 0.9, tenant="rival"), withheld(0))
    write(engine, batch(*(scored(n, n / 10) for n in range(1, 5)), withheld(5), *others))

    with engine.begin() as connection:
        found = audits.scores_in(connection, HARM, 3)
        of_all = audits.scores_in(connection, HARM._replace(specialist=""), 10)
        nothing = audits.scores_in(connection, HARM._replace(detector="injection"), 10)

    assert sorted(found) == [0.2, 0.3, 0.4, float("inf")]
    assert sorted(of_all) == [0.1, 0.2, 0.3, 0.4, 0.9, float("inf")]
    assert nothing == []


def test_who_says_much_takes_nothing_from_what_others_said(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "LABELLED", 4)
    quiet = [scored(n) for n in range(3)]
    loud = [scored(n, tenant="loud") for n in range(100, 140)]
    write(engine, batch(*quiet, *loud, feedback=tuple(said(each.id, label="harm") for each in quiet)))
    flood = [said(each.id, tenant="loud", label="no-harm", received=NOON + 9) for each in (*loud, *loud)]
    write(engine, batch(feedback=tuple(flood), sequence=2))

    assert judged(engine) == ["r1", "r2", "r138", "r139"]
