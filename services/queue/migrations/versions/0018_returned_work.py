"""Returned work in the words of the code: `returned_work` for `given_back`, `has_returned_work` for a membership's `owed`.

The rows move. The table and the column of before are used no more, and stay until no release needs them.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# What annotators returned or let run out: they get it again, as long as nobody else took it. Nobody takes gold away, so it
# is gone when the ordinary slot is taken that stood in front when it was returned, and whose place it would take.
UPGRADE = (
    """
    CREATE TABLE returned_work (
        annotator_id uuid NOT NULL,
        project_id uuid NOT NULL,
        task_id uuid NOT NULL,
        kind text NOT NULL,
        guideline_version integer,
        ordinary_task_id uuid,
        ordinary_slot integer,
        ordinary_guideline_version integer,
        showed_prediction boolean NOT NULL DEFAULT false,
        PRIMARY KEY (annotator_id, project_id, task_id)
    )
    """,
    """
    WITH moved AS (DELETE FROM given_back RETURNING *)
    INSERT INTO returned_work (annotator_id, project_id, task_id, kind, guideline_version, ordinary_task_id, ordinary_slot,
        ordinary_guideline_version, showed_prediction)
    SELECT annotator_id, project_id, task_id, kind, guideline_version, witness_task, witness_slot, witness_guideline, shown
    FROM moved
    """,
    "ALTER TABLE memberships ADD COLUMN has_returned_work boolean NOT NULL DEFAULT false",
    "UPDATE memberships SET has_returned_work = true WHERE owed",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
