"""Leases in the order in which they run out."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX slots_next_expiry ON slots (until) WHERE state = 'leased'")
