"""How a request was routed, checked, taken apart and given its history: what the router learns from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ADDED = (
    ("session", sa.Text),
    ("policy", sa.Text),
    ("reason", sa.Text),
    ("explored", sa.Boolean),
    ("complexity", sa.Double),
    ("requirements", sa.Text),
    ("price", sa.Double),
    ("features", sa.LargeBinary),
    ("history", sa.BigInteger),
    ("left_out", sa.BigInteger),
    ("left_out_tokens", sa.BigInteger),
    ("remembered", sa.Boolean),
    ("context_problem", sa.Text),
)


def upgrade() -> None:
    """Add the columns, empty for requests from before them, and the tables."""
    for name, kind in _ADDED:
        op.add_column("request", sa.Column(name, kind))
    op.create_table(
        "candidate",
        *_of_request("candidate"),
        sa.Column("specialist", sa.Text, nullable=False),
        sa.Column("success", sa.Double, nullable=False),
        sa.Column("trust", sa.Double, nullable=False),
        sa.Column("cost_usd", sa.Double, nullable=False),
        sa.Column("latency_s", sa.Double, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "assessment",
        *_of_request("assessment"),
        sa.Column("specialist", sa.Text, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("p_wrong", sa.Double, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("failed", sa.Text, nullable=False),
        sa.Column("agreed", sa.Boolean),
        sa.Column("features", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "part",
        *_of_request("part"),
        sa.Column("requirement", sa.Text, nullable=False),
        sa.Column("specialist", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("shared", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take them away again; requests keep what they had before."""
    # In place, never by copying `request`: with foreign keys on, dropping the old one would delete its attempts.
    for table in ("part", "assessment", "candidate"):
        op.drop_table(table)
    for name, _ in reversed(_ADDED):
        op.drop_column("request", name)


def _of_request(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    name = f"fk_{table}_request_id"
    return (
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "number", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=name, ondelete="CASCADE"),
    )
