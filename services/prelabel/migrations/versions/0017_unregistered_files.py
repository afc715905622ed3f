"""Files of models that are written before their models are registered: what a killed process left of them is deleted."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE unregistered_files (
        model_id uuid PRIMARY KEY,
        due_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX unregistered_files_due ON unregistered_files (due_at)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
