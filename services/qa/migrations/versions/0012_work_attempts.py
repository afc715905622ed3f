"""Attempts at background work: how many failed, why, and when the next one is due."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# `subject` is the project itself where the work has no other.
WORK_ATTEMPTS = """
CREATE TABLE work_attempts (
    project_id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    attempts integer NOT NULL,
    failure text,
    retry_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, kind, subject)
)
"""


def upgrade() -> None:
    op.execute(WORK_ATTEMPTS)
