"""Erased records, and how far what was published of them is taken back."""

from alembic import op

from shared.kit.migrations import kit_0005

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in kit_0005.UPGRADE:
        op.execute(statement)
    op.execute(kit_0005.TOMBSTONES.format(erased_at="state_at"))
    op.execute("UPDATE records SET state_reason = NULL WHERE state = 'erased'")  # it was free text
