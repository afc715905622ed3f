"""A project's newest bias audit."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE bias_audits (
            project_id uuid PRIMARY KEY,
            schema_version integer NOT NULL,
            content jsonb NOT NULL,
            measured_at timestamptz NOT NULL
        )
        """
    )
