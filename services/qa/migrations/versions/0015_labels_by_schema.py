"""Count the labels that stand by schema version, so that a release knows how many it leaves out.

What a replica of the previous release finalizes or ends meanwhile is not counted by its version.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    INSERT INTO counters (project_id, name, value)
    SELECT project_id, 'labels.schema.' || schema_version, count(*) FROM labels WHERE current
    GROUP BY project_id, schema_version
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
