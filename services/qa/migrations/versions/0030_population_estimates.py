"""Estimates of what a project's records hold, with the counts that they are made of: every project is counted."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

UPGRADE = (
    # One row of the whole project, with an empty slice, and one of each slice. `cells`: counts of alike records.
    """
    CREATE TABLE population_estimates (
        project_id uuid NOT NULL,
        schema_version integer NOT NULL,
        question text NOT NULL,
        slice_key text NOT NULL,
        slice_value text NOT NULL,
        cells jsonb NOT NULL,
        content jsonb NOT NULL,
        counted_at timestamptz NOT NULL,
        PRIMARY KEY (project_id, schema_version, question, slice_key, slice_value)
    )
    """,
    "INSERT INTO marks (project_id, kind, weight) SELECT project_id, 'population', 1 FROM projects",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
