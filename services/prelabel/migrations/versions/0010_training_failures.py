"""Why a training run failed, as one of a closed set."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE training_runs ADD COLUMN failure_reason text")
