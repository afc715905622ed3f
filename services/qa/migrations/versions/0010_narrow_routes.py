"""Keep of a route what is read, as columns; the first route of a record is kept here alone, not in the record's row, too.

Rows of before have their route in `content`. A replica of the previous release takes a record that was routed since, and of
which nothing else has come, for one that is not routed: replace qa's replicas in one go.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UPGRADE = (
    # The widths that need alignment first.
    """
    ALTER TABLE routes ALTER COLUMN event_id DROP NOT NULL, ALTER COLUMN content DROP NOT NULL,
        ADD COLUMN threshold double precision,
        ADD COLUMN selection_probability double precision,
        ADD COLUMN round integer,
        ADD COLUMN slots_total integer,
        ADD COLUMN schema_version integer,
        ADD COLUMN guideline_version integer,
        ADD COLUMN policy_version integer,
        ADD COLUMN task_id uuid,
        ADD COLUMN model_id uuid,
        ADD COLUMN prediction_id uuid,
        ADD COLUMN audit boolean,
        ADD COLUMN blind boolean,
        ADD COLUMN explored boolean,
        ADD COLUMN route text,
        ADD COLUMN task_kind text,
        ADD COLUMN reason text
    """,
    # A record is rewritten when a label comes, which is seldom on the page that it is on: its state is indexed.
    "ALTER TABLE records SET (fillfactor = 100)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
