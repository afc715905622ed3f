"""Open records that have answers and wait for more, which are decided again when estimates change much."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE INDEX records_waiting ON records (project_id, record_id)
    WHERE known AND state = 'open' AND annotated AND round = 1 AND requested_total > due_total
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
