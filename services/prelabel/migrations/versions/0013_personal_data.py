"""Which projects hold personal data, as they were published."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE projects ADD COLUMN holds_personal_data boolean NOT NULL
        GENERATED ALWAYS AS (coalesce((state ->> 'holds_personal_data')::boolean, false)) STORED
    """)
