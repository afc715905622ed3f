"""The labels of a schema version and split in the order of their records, as releases read them."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX labels_by_split ON labels (project_id, schema_version, split, record_id)")
