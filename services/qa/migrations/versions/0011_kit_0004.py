"""The kit's tables, fourth version."""

from alembic import op

from shared.kit.migrations import kit_0004

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0004.UPGRADE:
        op.execute(statement)
