"""Models are chosen on the validation split, and tested once on the test split."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE models ADD COLUMN test jsonb")
    op.execute("CREATE INDEX models_untested ON models (project_id) WHERE stage = 'champion' AND test IS NULL")
    op.execute("""
    CREATE INDEX records_measuring_split ON records (project_id, split, label_schema_version, label_seq)
    WHERE held_out AND state = 'finalized' AND label_by_people AND NOT gold_ever AND label IS NOT NULL
    """)
    op.execute("DROP INDEX records_measuring")
    op.execute("""
    CREATE INDEX records_open_validation ON records (project_id) WHERE state = 'open' AND split = 'validation'
    """)
