"""Which attempts went on with an answer that had broken off, and which were asked while another was late."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; attempts from before them all began anew, and none was asked beside another."""
    op.add_column("attempt", sa.Column("continues_at", sa.BigInteger))
    op.add_column("attempt", sa.Column("hedges", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take them away again; attempts keep what they had before."""
    for name in ("hedges", "continues_at"):
        op.drop_column("attempt", name)
