"""Let contents go in without a look at their records, which are added by the same transaction and never deleted.

The look locked each record's row, and wrote that down. A record is rewritten when it is scored or labelled, which is never on
the page that it is on, since indexes have what changes: no room is left for it.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE contents DROP CONSTRAINT contents_record_id_fkey")
    op.execute("ALTER TABLE records SET (fillfactor = 100)")
