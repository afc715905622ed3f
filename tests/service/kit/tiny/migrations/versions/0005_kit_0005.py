"""The kit's tables, fifth version."""

from alembic import op

from shared.kit.migrations import kit_0005

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0005.UPGRADE:
        op.execute(statement)
