"""Which records' predictions a newer one has followed, and since when, so that they are pruned without a look at the others.

What a replica of the previous release supersedes has no row here: it goes with what is superseded of its record next.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE superseded_predictions (
        record_id uuid NOT NULL,
        revision integer NOT NULL,
        superseded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    INSERT INTO superseded_predictions (record_id, revision)
    SELECT record_id, max(revision) FROM predictions GROUP BY record_id HAVING count(*) > 1
    """,
    "CREATE INDEX superseded_predictions_oldest ON superseded_predictions (superseded_at)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
