"""Why a model is asked no more, and which replica scores a project."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE models ADD COLUMN set_aside text")
    op.execute(
        "CREATE TABLE scoring_leases (project_id uuid PRIMARY KEY, holder uuid NOT NULL, until timestamptz NOT NULL)"
    )
