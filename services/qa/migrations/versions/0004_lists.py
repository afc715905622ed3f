"""An index for each filter of a list, in the order that its pages have."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE INDEX labels_by_method_and_split ON labels (project_id, method, split, label_id) WHERE current",
    "CREATE INDEX records_under_review ON records (project_id, record_id) WHERE under_review",
    "CREATE INDEX disputes_by_status ON disputes (project_id, status, dispute_id)",
    """
    CREATE INDEX annotations_not_votes ON annotations (project_id, role, annotation_id, annotation_revision)
    WHERE role <> 'vote'
    """,
    "CREATE INDEX assessments_by_status ON assessments (project_id, status, annotator_id)",
    "CREATE INDEX thresholds_newest ON thresholds (project_id, set_at DESC, model_id, threshold_revision DESC)",
    # What these served, `thresholds_newest` and `records_in_order` serve.
    "DROP INDEX thresholds_by_project",
    "DROP INDEX records_by_project",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
