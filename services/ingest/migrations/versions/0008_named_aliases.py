"""The external ids behind the hashes of aliases, so that a record lists them. Those of before have none."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UPGRADE = (
    "ALTER TABLE external_aliases ADD COLUMN external_id text",
    "CREATE INDEX external_aliases_of_record ON external_aliases (record_id)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
