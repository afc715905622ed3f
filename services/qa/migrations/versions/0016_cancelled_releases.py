"""Releases whose job was cancelled, until what it has written is deleted."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UPGRADE = (
    "ALTER TABLE releases ADD COLUMN cancelled_at timestamptz",
    "CREATE INDEX releases_cancelled ON releases (cancelled_at) WHERE cancelled_at IS NOT NULL",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
