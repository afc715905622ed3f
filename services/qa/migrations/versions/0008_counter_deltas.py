"""The deltas of a project's counters, as a summary reads them."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX counter_deltas_by_project ON counter_deltas (project_id)")
