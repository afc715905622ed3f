"""The kit's tables, sixth version."""

from alembic import op

from shared.kit.migrations import kit_0006

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0006.UPGRADE:
        op.execute(statement)
