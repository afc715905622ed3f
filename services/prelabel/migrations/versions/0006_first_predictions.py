"""Keep the first prediction of a record that no model was asked about in the record's row: it says nothing but the draw.

A replica of the previous release doesn't publish those again that were made since: replace prelabel's replicas before
`touchstone republish prelabel`.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE records ADD COLUMN first_prediction_id uuid, ADD COLUMN first_schema_version integer")
