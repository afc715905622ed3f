"""Indexes for what waits to be superseded, and for the experts."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE INDEX releases_without_successor ON releases (release_id)
        WHERE status = 'superseded' AND superseded_by IS NULL
        """
    )
    op.execute("CREATE INDEX annotators_by_pool ON annotators (pool, annotator_id)")
