"""Facts that say which statements a record needs, weights of marks, verdicts that are computed in the background."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UPGRADE = (
    # Of the records that are here, and of those that the previous release adds, it is not known whether they have
    # annotations or reports: they may.
    """
    ALTER TABLE records ADD COLUMN annotated boolean NOT NULL DEFAULT true,
        ADD COLUMN reported boolean NOT NULL DEFAULT true,
        ADD COLUMN verdict_pending boolean NOT NULL DEFAULT false
    """,
    "ALTER TABLE marks ADD COLUMN weight integer NOT NULL DEFAULT 1",
    "CREATE INDEX feedback_pending ON feedback (record_id) WHERE effect = 'pending'",
    # `facts_seq` changes with each new fact of the record; `attempts` is counted before each begins.
    """
    CREATE TABLE pending_verdicts (
        record_id uuid PRIMARY KEY,
        project_id uuid NOT NULL,
        facts_seq bigint GENERATED ALWAYS AS IDENTITY,
        attempts integer NOT NULL DEFAULT 0,
        failure text
    )
    """,
    "CREATE INDEX pending_verdicts_by_project ON pending_verdicts (project_id, attempts, facts_seq)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
