"""What changes of a project reaches its open tasks.

`routing_policy` is the earliest version of the policies from which on records are routed as they are now. Open tasks are
walked through in the order of their records. A replica of before opens what is held by `projects.holds`.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ACTIVE = """
ALTER TABLE projects ADD COLUMN active_schema integer, ADD COLUMN active_guideline integer,
    ADD COLUMN routing_policy integer
"""
FILL_ACTIVE = """
UPDATE projects SET active_schema = (content ->> 'active_schema')::int,
    active_guideline = (content ->> 'active_guideline')::int, routing_policy = (content ->> 'active_policy')::int
"""
PROJECT_CHANGES = """
CREATE TABLE project_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL UNIQUE,
    done_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    pages_done integer NOT NULL DEFAULT 0
)
"""
# What was changed before this version, all at once.
FIRST_CHANGES = "INSERT INTO project_changes (project_id) SELECT project_id FROM projects WHERE servable"


# What the witness of gold asked for when the gold was given back.
WITNESS = "ALTER TABLE given_back ADD COLUMN witness_guideline integer"


def upgrade() -> None:
    op.execute(ACTIVE)
    op.execute(FILL_ACTIVE)
    op.execute(PROJECT_CHANGES)
    op.execute(FIRST_CHANGES)
    op.execute(WITNESS)
    op.execute(
        "CREATE INDEX tasks_open_by_record ON tasks (project_id, record_id) WHERE state = 'open' AND purpose <> 'gold'"
    )
    op.execute("DROP INDEX tasks_open")
