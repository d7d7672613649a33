"""How much each detector that scores suspected: what thresholds are learned from."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; of requests from before it no score is known."""
    op.create_table(
        "score",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("detector", sa.Text, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "number", name="pk_score"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["request.id"], name="fk_score_request_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("score")
