"""The kit's tables, seventh version."""

from alembic import op

from shared.kit.migrations import kit_0007

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0007.UPGRADE:
        op.execute(statement)
