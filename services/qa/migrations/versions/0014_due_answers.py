"""How many answers to each record were due before anything was known about it: agreement counts no others from now on.

Of records that are here, that is what the newest route of the first round said before anybody answered. What a replica of
the previous release routes meanwhile has none due, so its answers are left out.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    ALTER TABLE records ADD COLUMN due_total integer NOT NULL DEFAULT 0,
        ADD COLUMN due_without_model boolean NOT NULL DEFAULT false
    """,
    # The first route of a record that nothing else has changed is read from the table of routes. Rows of early releases have
    # their route in `content`.
    """
    WITH began AS (
        SELECT record_id, min(submitted_at) AS at FROM annotations GROUP BY record_id
    ), due AS (
        SELECT DISTINCT ON (record_id) record_id,
            coalesce(routes.slots_total, (content->>'slots_total')::integer) AS slots_total,
            routes.model_id IS NULL AND content->>'model_id' IS NULL AS without_model
        FROM routes LEFT JOIN began USING (record_id)
        WHERE coalesce(routes.round, (content->>'round')::integer) = 1
            AND coalesce(routes.task_kind, content->>'task_kind') = 'annotation'
            AND (began.at IS NULL OR routed_at <= began.at)
        ORDER BY record_id, revision DESC
    )
    UPDATE records SET due_total = due.slots_total, due_without_model = due.without_model
    FROM due WHERE records.record_id = due.record_id AND records.routed_revision > 0 AND records.state <> 'erased'
    """,
    "INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM annotations",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
