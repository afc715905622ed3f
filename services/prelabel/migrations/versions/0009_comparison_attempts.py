"""Attempts at comparing a challenger: how many, why the newest failed, and when the next one is due."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COMPARISON_ATTEMPTS = """
CREATE TABLE comparison_attempts (
    model_id uuid PRIMARY KEY,
    attempts integer NOT NULL,
    failure text,
    retry_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    op.execute(COMPARISON_ATTEMPTS)
