"""The label's own revision beside that of the record's state, and an index for each filter of the list of records.

`label_revision` goes on holding the revision of the newest event on `labels` that was applied, which counts other changes
of the record, too. A record that was labelled before has 0 as its label's revision until `touchstone republish qa`.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = (
    "ALTER TABLE records ADD COLUMN newest_label_revision integer NOT NULL DEFAULT 0",
    "COMMENT ON COLUMN records.label_revision IS 'of the newest event on the topic labels that was applied'",
    "COMMENT ON COLUMN records.newest_label_revision IS 'how many revisions of a label the record has had'",
    "CREATE INDEX records_by_state ON records (project_id, state, record_id)",
    # The values without an index of their own are those that most records have.
    "CREATE INDEX records_held_out ON records (project_id, split, record_id) WHERE split <> 'train'",
    "CREATE INDEX records_not_collected ON records (project_id, origin, record_id) WHERE origin <> 'collected'",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
