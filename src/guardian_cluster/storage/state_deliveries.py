"""The outbox in `state.db`: alerts that are kept before anybody is called, and until they got there."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, select, update

from guardian_cluster.domain.alert import Delivery, is_untried
from guardian_cluster.storage import state_tables as tables
from guardian_cluster.storage.state_effects import once
from guardian_cluster.storage.state_values import MOST, Values
from guardian_cluster.storage.upsert import Row, insert_new

_deliveries = Values(tables.delivery, Delivery)


def put_deliveries(connection: Connection, deliveries: Iterable[Delivery], *, key: str, at: float) -> None:
    """Keep deliveries that are to be made, once under this key; those with known ids change nothing."""
    if once(connection, key, at=at):
        # In one order: two processes that put the same ones would otherwise wait for each other on PostgreSQL.
        in_one_order = sorted(deliveries, key=lambda delivery: delivery.id)
        insert_new(connection, tables.delivery, list(map(_row, in_one_order)))


def due(connection: Connection, now: float, *, limit: int) -> Sequence[Delivery]:
    """Return deliveries whose time has come, those that wait longest first."""
    row = tables.delivery.c
    query = select(row.value).where(row.state == "waiting", row.due <= now).order_by(row.due, row.id)
    return _deliveries.of(connection.scalars(query.limit(max(0, min(limit, MOST)))))


def settle(connection: Connection, delivery: Delivery) -> None:
    """Note what came of a try; what was delivered stays so, whatever another process that tried it says later."""
    row = tables.delivery.c
    statement = update(tables.delivery).where(row.id == delivery.id, row.state != "delivered")
    connection.execute(statement.values(_row(delivery)))


def withdraw(connection: Connection, ids: Sequence[str]) -> None:
    """Forget those of these deliveries that wait and were never tried."""
    row = tables.delivery.c
    # For changing them: whoever claims one to try it goes first, or finds it gone.
    found = connection.scalars(select(row.value).where(row.id.in_(ids)).order_by(row.id).with_for_update())
    untried = [each.id for each in _deliveries.of(found) if is_untried(each)]
    connection.execute(delete(tables.delivery).where(row.id.in_(untried)))


def deliveries(
    connection: Connection, *, incident_id: str, undelivered_only: bool, limit: int
) -> Sequence[Delivery]:
    """Return deliveries, newest first by when their alert was raised."""
    row = tables.delivery.c
    where = [row.incident_id == incident_id] if incident_id else []
    where += [row.state != "delivered"] if undelivered_only else []
    return _deliveries.newest(connection, "at", where=where, limit=limit)


def _row(delivery: Delivery) -> Row:
    of = {"incident_id": delivery.incident_id, "state": delivery.state}
    times = {"at": delivery.alert.at, "due": delivery.due, "settled": delivery.settled}
    return _deliveries.row(delivery, id=delivery.id, **of, **times)
