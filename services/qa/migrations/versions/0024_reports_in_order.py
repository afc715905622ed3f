"""A record's reports in their order: some of them are read without the others, of those without an effect and of all.

Both indexes serve the statements of the previous release as well.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE INDEX feedback_pending_in_order ON feedback (record_id, observed_at, feedback_id) WHERE effect = 'pending'",
    "DROP INDEX feedback_pending",
    "CREATE INDEX feedback_in_order ON feedback (record_id, observed_at, feedback_id)",
    "DROP INDEX feedback_by_record",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
