"""A change of thresholds names the classes that it concerns, each with its own range of confidences.

A replica of before goes by the range of all of them together: it looks at more records than it need.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE threshold_changes ADD COLUMN question text, ADD COLUMN classes jsonb")
