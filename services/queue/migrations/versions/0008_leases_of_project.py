"""Leases by project, too: an annotator's in a project, and whether anybody has any."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX slots_leased_in_project ON slots (project_id, annotator_id) WHERE state = 'leased'")
    op.execute("DROP INDEX slots_leased")
