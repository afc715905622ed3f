"""Records that a threshold concerns are routed again in the order of their ids.

A replica of before goes by `after_confidence` and `after_record`, and begins again where this version went on; this one
takes what that one did for its beginning. Neither leaves a record out.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE threshold_changes ADD COLUMN done_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'"
    )
    op.execute(
        "CREATE INDEX routes_of_model ON routes (project_id, model_id, record_id, confidence) WHERE model_id IS NOT NULL"
    )
    op.execute("DROP INDEX routes_by_confidence")
