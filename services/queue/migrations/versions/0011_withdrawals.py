"""Who may not work in a project gives back what they hold, and who was removed from one stays so until they are invited."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Annotators who were paused, retired or removed, in one project or, where that is null, in all of theirs: what they hold is
# to be taken back. `looks`: how often that was done; a lease may have been granted in the moment of the change.
WITHDRAWALS = """
CREATE TABLE withdrawals (
    withdrawal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    annotator_id uuid NOT NULL,
    project_id uuid,
    due_at timestamptz NOT NULL,
    looks integer NOT NULL DEFAULT 0
)
"""


def upgrade() -> None:
    op.execute(WITHDRAWALS)
    op.execute("CREATE INDEX withdrawals_due ON withdrawals (due_at)")
    op.execute("ALTER TABLE memberships ADD COLUMN removed boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX memberships_of_project ON memberships (project_id, annotator_id)")
