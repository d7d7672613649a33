"""The tables of `telemetry.db`, as the newest migration leaves them; times in Unix seconds, durations in ms.

Exact rows (`request` and what hangs on it) are for looking at single requests and live for days; roll-ups are
for every number over a window and live for a year (docs/design/storage.md).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Number: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""A key that the database counts up; SQLite does so for INTEGER alone, which has 64 bits there."""


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _real(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


request = Table(
    "request",
    metadata,
    Column("id", Text, primary_key=True),
    _real("started"),
    _text("tenant"),
    _text("key", nullable=True),
    _text("requested_model"),
    _text("operation"),
    Column("streamed", Boolean, nullable=False),
    _text("specialist", nullable=True),
    _text("endpoint", nullable=True),
    _text("variant", nullable=True),
    _real("propensity"),
    _real("quality", nullable=True),
    _real("intent_alignment", nullable=True),
    _text("outcome"),
    _integer("status"),
    _text("error", nullable=True),
    _text("finish_reason", nullable=True),
    _integer("input_tokens"),
    _integer("output_tokens"),
    Column("tokens_estimated", Boolean, nullable=False),
    _real("cost_usd"),
    _real("duration_ms"),
    _real("overhead_ms"),
    _real("first_token_ms", nullable=True),
    _integer("chunks"),
    _integer("rev"),
    _text("session", nullable=True),
    # Of the router's choice; all empty where there was nothing to choose. Names are joined by commas.
    _text("policy", nullable=True),
    _text("reason", nullable=True),
    Column("explored", Boolean),
    _real("complexity", nullable=True),
    _text("requirements", nullable=True),
    _real("price", nullable=True),
    _bytes("features", nullable=True),
    # Of the conversation; all empty where nobody looked for one.
    _integer("history", nullable=True),
    _integer("left_out", nullable=True),
    _integer("left_out_tokens", nullable=True),
    Column("remembered", Boolean),
    _text("context_problem", nullable=True),
    # What the guardians tell requests apart by.
    _text("model", nullable=True),
    _text("language"),
    _text("template"),
    _bytes("words"),
    _bytes("fingerprint"),
    # In which order requests were written, counted up: whoever reads on begins after the last one.
    _integer("arrival"),
    _text("moves"),
    Index(None, "requested_model", "started"),
    Index(None, "arrival"),
    Index(None, "started"),
    Index(None, "specialist", "started"),
    Index(None, "tenant", "started"),
)


def _of_request() -> Column[str]:
    return Column("request_id", Text, ForeignKey("request.id", ondelete="CASCADE"), primary_key=True)


_FAILED = text("outcome = 'failed'")

attempt = Table(
    "attempt",
    metadata,
    _of_request(),
    Column("number", Integer, primary_key=True),
    _text("specialist"),
    _text("endpoint"),
    _text("outcome"),
    _text("error", nullable=True),
    _real("duration_ms"),
    _real("first_token_ms", nullable=True),
    _integer("input_tokens"),
    _integer("output_tokens"),
    Column("tokens_estimated", Boolean, nullable=False),
    _real("cost_usd"),
    _integer("continues_at", nullable=True),
    Column("hedges", Boolean, nullable=False),
    _text("said"),
    # Of the few that failed: whom a request was asked of that another one answered.
    Index("ix_attempt_failed", "specialist", sqlite_where=_FAILED, postgresql_where=_FAILED),
    sqlite_with_rowid=False,
)

verdict = Table(
    "verdict",
    metadata,
    _of_request(),
    Column("number", Integer, primary_key=True),
    _text("detector"),
    _text("rule"),
    _text("action"),
    _text("channel"),
    _integer("choice"),
    _integer("position"),
    _text("endpoint"),
    sqlite_with_rowid=False,
)

score = Table(
    "score",
    metadata,
    _of_request(),
    Column("number", Integer, primary_key=True),
    _text("detector"),
    _real("value"),
    sqlite_with_rowid=False,
)
"""How much each detector that scores suspected: what thresholds are learned from."""

candidate = Table(
    "candidate",
    metadata,
    _of_request(),
    Column("number", Integer, primary_key=True),
    _text("specialist"),
    _real("success"),
    _real("trust"),
    _real("cost_usd"),
    _real("latency_s"),
    _real("probability"),
    sqlite_with_rowid=False,
)
"""Every specialist that the router could have chosen, as it saw them."""

assessment = Table(
    "assessment",
    metadata,
    _of_request(),
    Column("number", Integer, primary_key=True),
    _text("specialist"),
    Column("part", Integer, nullable=False),
    _real("p_wrong"),
    _text("decision"),
    _text("failed"),
    Column("agreed", Boolean),
    _bytes("features"),
    sqlite_with_rowid=False,
)
"""Every answer that was checked, in the order in which they came."""

part = Table(
    "part",
    metadata,
    _of_request(),
    Column("number", Integer, primary_key=True),
    _text("requirement"),
    _text("specialist", nullable=True),
    _text("outcome"),
    _text("error", nullable=True),
    _text("shared"),
    sqlite_with_rowid=False,
)
"""The parts of a request that was taken apart."""

# Payloads and feedback name their request without a foreign key: they may arrive before it, and outlive it.
payload = Table(
    "payload",
    metadata,
    Column("request_id", Text, primary_key=True),
    _text("tenant"),
    _real("recorded"),
    _real("expires"),
    _bytes("request_body"),
    _text("response_text"),
    Index(None, "recorded"),
    Index(None, "expires"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", _Number, primary_key=True),
    _text("request_id"),
    _text("tenant"),
    _real("received"),
    _real("score", nullable=True),
    _text("label", nullable=True),
    _text("comment", nullable=True),
    Index(None, "request_id"),
    Index(None, "received"),
)

gateway_event = Table(
    "gateway_event",
    metadata,
    Column("id", _Number, primary_key=True),
    _text("boot_id"),
    _text("kind"),
    _real("at"),
    _text("subject"),
    _text("detail"),
    _integer("count"),
    Index(None, "at"),
)

batch = Table(
    "batch",
    metadata,
    Column("boot_id", Text, primary_key=True),
    Column("spooled", Boolean, primary_key=True),
    _integer("sequence"),
    _real("received"),
)
"""The highest sequence taken of each stream of batches; what is not above it has been taken before."""

series = Table(
    "series",
    metadata,
    Column("id", _Number, primary_key=True),
    _text("specialist"),
    _text("endpoint"),
    _text("variant"),
    _text("tenant"),
    _text("outcome"),
    UniqueConstraint("specialist", "endpoint", "variant", "tenant", "outcome"),
)
"""The combinations that occurred; roll-ups name them by number. What a request did not have is an empty
text."""

COUNTS = (
    "n",
    "first_token_n",
    "quality_n",
    "alignment_n",
    "input_tokens",
    "output_tokens",
    "attempts",
    "verdicts",
)
SUMS = (
    "duration_ms",
    "duration_ms_squares",
    "overhead_ms",
    "first_token_ms",
    "first_token_ms_squares",
    "quality",
    "quality_squares",
    "alignment",
    "alignment_squares",
    "cost_usd",
    "cost_usd_squares",
)
ADDED = COUNTS + SUMS
"""The columns of a roll-up that add up. `_n` counts the requests that had the value; squares give
variances."""

HISTOGRAMS = ("duration_histogram", "first_token_histogram", "overhead_histogram")
"""Those of a roll-up, as `histogram.packed` gives them; a row for each bucket would take far longer to read."""

rollup = Table(
    "rollup",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("series_id", _Number, primary_key=True, autoincrement=False),
    *map(_integer, COUNTS),
    *map(_real, SUMS),
    *map(_bytes, HISTOGRAMS),
    sqlite_with_rowid=False,
)

spend = Table(
    "spend",
    metadata,
    Column("key", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    _real("usd"),
)
