"""Records in their order from the index by state: each record has an index entry less.

The lists of the previous release without a state, and its recounts of agreement, sort the project's records as long as its
replicas run.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE INDEX records_unknown ON records (project_id, record_id) WHERE NOT known",
    "DROP INDEX records_in_order",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
