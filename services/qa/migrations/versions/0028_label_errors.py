"""Labels that look wrong to models, as prelabel found them after a training, and what was asked of people about them."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

UPGRADE = (
    # The newest look of each project and question. `review_at`: when labels of it are to be sent to people, NULL: never.
    """
    CREATE TABLE label_looks (
        project_id uuid NOT NULL,
        question text NOT NULL,
        schema_version integer NOT NULL,
        training_run_id uuid NOT NULL,
        examined integer NOT NULL,
        estimated_wrong double precision NOT NULL,
        found_at timestamptz NOT NULL,
        review_at timestamptz,
        PRIMARY KEY (project_id, question)
    )
    """,
    "CREATE INDEX label_looks_to_review ON label_looks (review_at) WHERE review_at IS NOT NULL",
    # What nobody was asked about is replaced by the next look; what people were asked about stays.
    """
    CREATE TABLE label_doubts (
        record_id uuid NOT NULL,
        question text NOT NULL,
        project_id uuid NOT NULL,
        schema_version integer NOT NULL,
        training_run_id uuid NOT NULL,
        label_revision integer NOT NULL,
        given text NOT NULL,
        suggested text NOT NULL,
        given_probability double precision NOT NULL,
        suggested_probability double precision NOT NULL,
        model_score double precision NOT NULL,
        score double precision NOT NULL,
        rank integer NOT NULL,
        reason text NOT NULL,
        event_id uuid NOT NULL,
        requested_at timestamptz,
        passed_over boolean NOT NULL DEFAULT false,
        PRIMARY KEY (record_id, question)
    )
    """,
    """
    CREATE INDEX label_doubts_open ON label_doubts (project_id, score, record_id)
    WHERE requested_at IS NULL
    """,
    """
    CREATE INDEX label_doubts_requested ON label_doubts (project_id, score, record_id)
    WHERE requested_at IS NOT NULL
    """,
    """
    CREATE INDEX label_doubts_by_day ON label_doubts (project_id, requested_at)
    WHERE requested_at IS NOT NULL
    """,
    """
    CREATE INDEX label_doubts_by_run ON label_doubts (project_id, question, training_run_id)
    WHERE requested_at IS NULL
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
