"""Looks for wrong labels, one after each training. Trainings of earlier releases are not looked after."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UPGRADE = (
    # `label_errors`: what the look found, as a whole; NULL while it is due.
    """
    ALTER TABLE training_runs ADD COLUMN label_errors jsonb, ADD COLUMN label_error_attempts integer NOT NULL DEFAULT 0,
        ADD COLUMN label_errors_retry_at timestamptz
    """,
    """
    UPDATE training_runs SET label_errors = '{"outcome": "earlier_release"}' WHERE state NOT IN ('queued', 'running')
    """,
    # Labels that models gave, which are judged and not learnt from.
    """
    CREATE INDEX records_machine_labels ON records (project_id, label_schema_version, label_seq)
    WHERE state = 'finalized' AND NOT label_by_people AND NOT trainable AND NOT held_out AND label IS NOT NULL
    """,
    """
    CREATE INDEX training_runs_unexamined ON training_runs (run_id)
    WHERE label_errors IS NULL AND state NOT IN ('queued', 'running', 'failed')
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
