"""The kit's tables, third version."""

from alembic import op

from shared.kit.migrations import kit_0003

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0003.UPGRADE:
        op.execute(statement)
