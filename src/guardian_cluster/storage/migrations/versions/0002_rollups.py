"""The roll-ups, from which every number over a window comes, and what each key has spent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; requests from before them enter no roll-up."""
    op.create_table(
        "series",
        sa.Column("id", _number, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("specialist", "endpoint", "variant", "tenant", "outcome")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint(
            "specialist",
            "endpoint",
            "variant",
            "tenant",
            "outcome",
            name="uq_series_specialist_endpoint_variant_tenant_outcome",
        ),
    )
    _make_rollup()
    op.create_table(
        "rollup_histogram",
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("series_id", _number, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("bucket", sa.Integer, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("start", "series_id", "measure", "bucket", name="pk_rollup_histogram"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spend",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", "month", name="pk_spend"),
    )


def _make_rollup() -> None:
    op.create_table(
        "rollup",
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("series_id", _number, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("first_token_n", sa.BigInteger, nullable=False),
        sa.Column("quality_n", sa.BigInteger, nullable=False),
        sa.Column("alignment_n", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("verdicts", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.Double, nullable=False),
        sa.Column("duration_ms_squares", sa.Double, nullable=False),
        sa.Column("overhead_ms", sa.Double, nullable=False),
        sa.Column("first_token_ms", sa.Double, nullable=False),
        sa.Column("first_token_ms_squares", sa.Double, nullable=False),
        sa.Column("quality", sa.Double, nullable=False),
        sa.Column("quality_squares", sa.Double, nullable=False),
        sa.Column("alignment", sa.Double, nullable=False),
        sa.Column("alignment_squares", sa.Double, nullable=False),
        sa.Column("cost_usd", sa.Double, nullable=False),
        sa.Column("cost_usd_squares", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("start", "series_id", name="pk_rollup"),
        sqlite_with_rowid=False,
    )
