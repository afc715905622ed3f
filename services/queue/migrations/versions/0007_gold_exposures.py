"""Gold tasks that have yet to get slots, so that those of thousands of annotators are added bit by bit.

A replica of before adds all slots of a task at once, and leaves nothing here.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE gold_exposures (task_id uuid PRIMARY KEY, record_id uuid NOT NULL, exposures integer NOT NULL)"
    )
