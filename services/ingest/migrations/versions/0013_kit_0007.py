"""The kit's tables, seventh version."""

from alembic import op

from shared.kit.migrations import kit_0007

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0007.UPGRADE:
        op.execute(statement)
