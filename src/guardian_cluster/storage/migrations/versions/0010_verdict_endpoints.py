"""In whose answer a finding was made."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; of findings from before it, it is not known."""
    op.add_column("verdict", sa.Column("endpoint", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("verdict", "endpoint")
