"""What each attempt used: failed and withheld ones are paid for too."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; of attempts from before them nothing is known, and they count as nothing."""
    nothing = sa.text("0")
    for name, kind, before in (
        ("input_tokens", sa.BigInteger, nothing),
        ("output_tokens", sa.BigInteger, nothing),
        ("tokens_estimated", sa.Boolean, sa.false()),
        ("cost_usd", sa.Double, nothing),
    ):
        op.add_column("attempt", sa.Column(name, kind, nullable=False, server_default=before))
