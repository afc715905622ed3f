"""Which predictions a newer one has followed, and since when, so that they are pruned without a look at the others."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE superseded_predictions (
            record_id uuid NOT NULL,
            revision integer NOT NULL,
            superseded_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        INSERT INTO superseded_predictions (record_id, revision)
        SELECT p.record_id, p.revision FROM predictions p JOIN records r USING (record_id)
        WHERE p.revision < r.prediction_revision
    """)
    op.execute("CREATE INDEX superseded_predictions_oldest ON superseded_predictions (superseded_at)")
