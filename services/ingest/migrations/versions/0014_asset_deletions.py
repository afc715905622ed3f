"""`asset_deletions` for `doomed_assets`: objects to delete at `due_at`, unless a record holds them by then.

The rows move. The table of before is used no more, and stays until no release needs it.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UPGRADE = (
    # A row is written before its object is.
    "CREATE TABLE asset_deletions (asset_id uuid PRIMARY KEY, due_at timestamptz NOT NULL)",
    """
    WITH moved AS (DELETE FROM doomed_assets RETURNING *)
    INSERT INTO asset_deletions (asset_id, due_at) SELECT asset_id, due_at FROM moved
    """,
    "CREATE INDEX asset_deletions_due ON asset_deletions (due_at)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
