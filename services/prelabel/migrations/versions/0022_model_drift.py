"""How far models are watched for drift, and what was found."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UPGRADE = (
    # Held-out records up to `boundary` are what was before the model, null while they are too few; those up to `after`, and
    # the labels up to `label_seq`, have been looked at. `labels_before`: how often each class was labelled before. `confirmed` and `corrected`: reports
    # before the current period of the live error; `reports`: those that were looked at.
    """
    CREATE TABLE drift_watches (
        model_id uuid PRIMARY KEY,
        boundary uuid,
        after uuid,
        label_seq bigint NOT NULL DEFAULT 0,
        labels_before jsonb,
        confirmed bigint NOT NULL DEFAULT 0,
        corrected bigint NOT NULL DEFAULT 0,
        reports bigint NOT NULL DEFAULT 0,
        period_began_at timestamptz NOT NULL
    )
    """,
    # `newest`: what the newest look saw. `alarm`: what the look saw that gave the alarm, the only one of its kind.
    """
    CREATE TABLE drift_findings (
        model_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('input', 'prediction', 'label', 'live_error')),
        looks integer NOT NULL,
        newest jsonb NOT NULL,
        alarm jsonb,
        PRIMARY KEY (model_id, kind)
    )
    """,
    "CREATE INDEX records_held_out ON records (project_id, record_id) WHERE held_out AND state <> 'erased'",
    """
    CREATE INDEX records_measured ON records (project_id, label_schema_version, label_seq)
    WHERE held_out AND state = 'finalized' AND label_by_people AND NOT gold_ever AND label IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
