"""The kit's tables, second version."""

from alembic import op

from shared.kit.migrations import kit_0002

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0002.UPGRADE:
        op.execute(statement)
