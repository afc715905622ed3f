"""The kit's tables and one of the service's own, whose constraint is checked at the commit only."""

from alembic import op

from shared.kit.migrations import kit_0001

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in kit_0001.UPGRADE:
        op.execute(statement)
    op.execute("""
        CREATE TABLE things (
            id uuid PRIMARY KEY,
            project_id uuid NOT NULL,
            name text NOT NULL,
            number bigint NOT NULL DEFAULT 0,
            content jsonb NOT NULL DEFAULT '{}',
            CONSTRAINT one_name UNIQUE (project_id, name) DEFERRABLE INITIALLY DEFERRED
        )
    """)
