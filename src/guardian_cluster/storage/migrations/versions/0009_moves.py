"""Which actions changed the way of a request, and an index of what was asked for by name."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; no action changed the way of requests from before it."""
    op.add_column("request", sa.Column("moves", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_request_requested_model_started", "request", ["requested_model", "started"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_request_requested_model_started", "request")
    op.drop_column("request", "moves")
