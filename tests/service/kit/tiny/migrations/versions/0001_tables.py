"""The kit's tables and one of the service's own, whose constraint is checked at the commit only."""

from alembic import op

from shared.kit import schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create(op)
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


def downgrade() -> None:
    op.execute("DROP TABLE things")
    schema.drop(op)
