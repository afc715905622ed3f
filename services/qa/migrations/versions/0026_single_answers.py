"""Agreement counts single due answers from now on, in the shares of the classes: every record is counted again."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM annotations"
    )
