"""Gold is scored as what it stands among, so that it can show the champion's predictions, too."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX records_due")
    op.execute("""
        CREATE INDEX records_due ON records (project_id, held_out, scored_epoch)
        WHERE state IN ('open', 'unlabelable', 'gold') OR (held_out AND state = 'finalized')
    """)
