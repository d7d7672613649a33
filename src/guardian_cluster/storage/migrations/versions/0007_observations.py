"""By what the guardians tell requests apart, and what endpoints said of their failures."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; of requests from before them none of it is known."""
    op.add_column("request", sa.Column("model", sa.Text))
    for name in ("language", "template"):
        op.add_column("request", sa.Column(name, sa.Text, nullable=False, server_default=""))
    # An empty text is no empty bytes to SQLite, which keeps whatever it is given.
    nothing = sa.text("x''" if op.get_bind().dialect.name == "sqlite" else "''")
    for name in ("words", "fingerprint"):
        op.add_column("request", sa.Column(name, sa.LargeBinary, nullable=False, server_default=nothing))
    op.add_column("request", sa.Column("arrival", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_request_arrival", "request", ["arrival"])
    op.add_column("attempt", sa.Column("said", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_request_specialist_started", "request", ["specialist", "started"])
    failed = sa.text("outcome = 'failed'")
    op.create_index(
        "ix_attempt_failed", "attempt", ["specialist"], sqlite_where=failed, postgresql_where=failed
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_attempt_failed", "attempt")
    op.drop_index("ix_request_specialist_started", "request")
    op.drop_column("attempt", "said")
    op.drop_index("ix_request_arrival", "request")
    for name in ("arrival", "fingerprint", "words", "template", "language", "model"):
        op.drop_column("request", name)
