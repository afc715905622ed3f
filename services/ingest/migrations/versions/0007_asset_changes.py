"""How each image differs from what was sent. Of those that were kept before nothing is known, and none is listed."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UPGRADE = ("ALTER TABLE assets ADD COLUMN changes text[] NOT NULL DEFAULT '{}'",)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
