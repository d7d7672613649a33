"""What the meta-guardian asks of `telemetry.db`: requests of which somebody has said what they were, and scores.

Each question looks at no more than so many of the newest rows, so that a cycle takes as long in a year as it does now.
"""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, func, select

from guardian_cluster.contract.threshold_action import Scope
from guardian_cluster.storage import queries, tables
from guardian_cluster.storage.detections import Judged, feedback_on

LABELLED, MARKED, CHECKED = 1_000, 500, 500
"""Requests that are read: those whose caller named a detector first, for these are few and tell most."""

FEEDBACK_LOOKED_AT = 100_000
"""The newest; each word counts as a request of its tenant, so that nobody fills them without limit."""

REQUESTS_LOOKED_AT = 5_000

_READ = (tables.verdict, tables.score, tables.assessment)


def judged_requests(connection: Connection, specialist: str | None, checks: Iterable[str]) -> list[Judged]:
    """Return the newest requests of which their own tenant, or one of these checks, has said what they were.

    They are those of one specialist, or of all where it is `None`, in the order in which they began.
    """
    labelled, marked = _spoken_of(connection, specialist)
    chosen = dict.fromkeys([*labelled[:LABELLED], *marked[:MARKED], *_failed(connection, specialist, checks)])
    records = queries.requests_by_id(connection, list(chosen), only=_READ) if chosen else []
    said = feedback_on(connection, list(chosen)) if chosen else {}
    return [Judged(record, tuple(said.get((record.id, record.tenant), ()))) for record in records]


def scores_in(connection: Connection, scope: Scope, limit: int) -> list[float]:
    """Return the newest scores of a scope; one that was withheld is infinite: it is not kept, and was high."""
    request, score = tables.request.c, tables.score.c
    query = select(score.value, request.started).join_from(tables.request, tables.score)
    query = query.where(_in_scope(scope), score.detector == scope.detector)
    rows = connection.execute(query.order_by(request.started.desc()).limit(limit)).all()
    if not rows:
        return []
    verdict = tables.verdict.c
    withheld = select(func.count(request.id.distinct())).join_from(tables.request, tables.verdict)
    found = and_(verdict.detector == "score", verdict.rule == scope.detector)
    found = and_(found, verdict.action.not_in(["observe", "mark"]), request.started >= rows[-1].started)
    count = connection.scalar(withheld.where(_in_scope(scope), found)) or 0
    return [*(row.value for row in rows), *[float("inf")] * count]


def share_of(connection: Connection, scope: Scope) -> float:
    """Return which share of its specialist's newest requests are in a scope; all where it is of all specialists."""
    if not scope.specialist:
        return 1.0
    request = tables.request.c
    newest = select(request.tenant).where(request.specialist == scope.specialist)
    tenants = connection.scalars(newest.order_by(request.started.desc()).limit(REQUESTS_LOOKED_AT)).all()
    return tenants.count(scope.tenant) / len(tenants) if tenants else 1.0


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    request = tables.request.c
    is_tenants = request.tenant == scope.tenant
    return and_(request.specialist == scope.specialist, is_tenants) if scope.specialist else is_tenants


def _spoken_of(connection: Connection, specialist: str | None) -> tuple[list[str], list[str]]:
    """Return the requests that were labelled, and those that were marked only: each once, newest first.

    Tenants take turns, so that who says more does not take from others what they said.
    """
    said, request = tables.feedback.c, tables.request.c
    newest = connection.scalar(select(func.max(said.id))) or 0
    own = and_(request.id == said.request_id, request.tenant == said.tenant)
    query = select(
        said.request_id, request.tenant, func.max(said.label).label("label"), func.max(said.id).label("id")
    )
    query = query.join_from(tables.feedback, tables.request, own).where(said.id > newest - FEEDBACK_LOOKED_AT)
    if specialist is not None:
        query = query.where(request.specialist == specialist)
    rows = connection.execute(query.group_by(said.request_id, request.tenant)).all()
    in_turns = _in_turns([(row.tenant, row.id, row.request_id, bool(row.label)) for row in rows])
    return [id for id, is_labelled in in_turns if is_labelled], [
        id for id, is_labelled in in_turns if not is_labelled
    ]


def _in_turns(spoken_of: Iterable[tuple[str, int, str, bool]]) -> list[tuple[str, bool]]:
    """Return requests so that the newest of each tenant comes first, then the second of each, and so on."""
    turns: dict[tuple[str, bool], int] = defaultdict(int)
    found: list[tuple[int, int, str, bool]] = []
    for tenant, number, id, is_labelled in sorted(spoken_of, key=lambda each: -each[1]):
        turns[tenant, is_labelled] += 1
        found.append((turns[tenant, is_labelled], -number, id, is_labelled))
    return [(id, is_labelled) for _, _, id, is_labelled in sorted(found)]


def _failed(connection: Connection, specialist: str | None, checks: Iterable[str]) -> list[str]:
    """Return the newest requests whose answer one of these checks refuted."""
    request, assessment = tables.request.c, tables.assessment.c
    newest = select(request.id, request.started)
    if specialist is not None:
        newest = newest.where(request.specialist == specialist)
    recent = newest.order_by(request.started.desc()).limit(REQUESTS_LOOKED_AT).subquery()
    query = select(assessment.request_id, assessment.failed).join(
        recent, recent.c.id == assessment.request_id
    )
    query = query.where(assessment.failed != "").order_by(recent.c.started.desc())
    sought = set(checks)
    found = [
        row.request_id for row in connection.execute(query) if sought.intersection(row.failed.split(","))
    ]
    return list(dict.fromkeys(found))[:CHECKED]
