"""Records in their order from the index by state: each record has an index entry less.

The lists of the previous release without a state sort the project's records as long as its replicas run.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UPGRADE = ("DROP INDEX records_of_project",)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
