"""What an annotator submitted in a project, newest first: their speed is counted of the newest alone."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE INDEX work_submitted ON work (annotator_id, project_id, ended_at) INCLUDE (active_s)
    WHERE activity = 'submitted'
    """,
    "DROP INDEX work_by_annotator",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
