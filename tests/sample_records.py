"""The record of a request, for the tests of whatever takes one up."""

from sqlalchemy import Connection, select

from guardian_cluster.contract.records import GatewayEvent, RequestRecord
from guardian_cluster.storage.tables import gateway_event

NOON = 1_763_812_800.0
"""22 November 2025, 12:00 UTC."""


def request_record(id: str = "r1", **changes: object) -> RequestRecord:
    """Return the record of a request that went well; `changes` are what a test looks at."""
    values: dict[str, object] = {
        "id": id,
        "started": NOON,
        "tenant": "acme",
        "key": "k1",
        "requested_model": "auto",
        "streamed": False,
        "specialist": "solver",
        "endpoint": "solver/1",
        "variant": "v1",
        "outcome": "ok",
        "status": 200,
        "duration_ms": 100.0,
        "overhead_ms": 1.0,
        "rev": 1,
    }
    return RequestRecord(**(values | changes))  # type: ignore[arg-type]


def noted_events(connection: Connection) -> list[GatewayEvent]:
    """Return what gateways and the control process noticed, newest first."""
    columns = [gateway_event.c[name] for name in GatewayEvent.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(gateway_event.c.at.desc(), gateway_event.c.id.desc()))
    return [GatewayEvent(**row) for row in rows.mappings()]
