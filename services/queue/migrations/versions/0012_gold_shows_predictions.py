"""Gold shows a prediction where the task whose place it takes shows one, and still does when it comes again.

A replica of before shows one wherever gold has one.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE given_back ADD COLUMN shown boolean NOT NULL DEFAULT false")
    op.execute("UPDATE tasks SET blind = false WHERE purpose = 'gold' AND state = 'open'")
    op.execute("UPDATE slots SET blind = false WHERE lane = 'gold' AND state IN ('held', 'free')")
