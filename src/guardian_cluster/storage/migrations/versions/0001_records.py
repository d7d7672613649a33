"""The exact rows: requests with attempts and verdicts, payloads, feedback, events, and the batches taken."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _make_requests()
    _make_words()
    _make_gateways()


def _make_requests() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("requested_model", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("specialist", sa.Text),
        sa.Column("endpoint", sa.Text),
        sa.Column("variant", sa.Text),
        sa.Column("propensity", sa.Double, nullable=False),
        sa.Column("quality", sa.Double),
        sa.Column("intent_alignment", sa.Double),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("finish_reason", sa.Text),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("tokens_estimated", sa.Boolean, nullable=False),
        sa.Column("cost_usd", sa.Double, nullable=False),
        sa.Column("duration_ms", sa.Double, nullable=False),
        sa.Column("overhead_ms", sa.Double, nullable=False),
        sa.Column("first_token_ms", sa.Double),
        sa.Column("chunks", sa.BigInteger, nullable=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_request"),
    )
    op.create_index("ix_request_started", "request", ["started"])
    op.create_index("ix_request_tenant_started", "request", ["tenant", "started"])
    op.create_table(
        "attempt",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("specialist", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("duration_ms", sa.Double, nullable=False),
        sa.Column("first_token_ms", sa.Double),
        *_part_of_request("attempt"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "verdict",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("detector", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("choice", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        *_part_of_request("verdict"),
        sqlite_with_rowid=False,
    )


def _part_of_request(table: str) -> tuple[sa.PrimaryKeyConstraint, sa.ForeignKeyConstraint]:
    name = f"fk_{table}_request_id"
    return (
        sa.PrimaryKeyConstraint("request_id", "number", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=name, ondelete="CASCADE"),
    )


def _make_words() -> None:
    op.create_table(
        "payload",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("recorded", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("request_body", sa.LargeBinary, nullable=False),
        sa.Column("response_text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_payload"),
    )
    op.create_index("ix_payload_recorded", "payload", ["recorded"])
    op.create_index("ix_payload_expires", "payload", ["expires"])
    op.create_table(
        "feedback",
        sa.Column("id", _number, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("received", sa.Double, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("label", sa.Text),
        sa.Column("comment", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_request_id", "feedback", ["request_id"])
    op.create_index("ix_feedback_received", "feedback", ["received"])


def _make_gateways() -> None:
    op.create_table(
        "gateway_event",
        sa.Column("id", _number, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateway_event"),
    )
    op.create_index("ix_gateway_event_at", "gateway_event", ["at"])
    op.create_table(
        "batch",
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("spooled", sa.Boolean, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("received", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("boot_id", "spooled", name="pk_batch"),
    )
