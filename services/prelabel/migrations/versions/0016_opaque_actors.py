"""Those who uploaded models or asked for training: their subjects, which may be names, go.

Which rows one of them made can be told still; whose the ids are can't, as the key of later ids is no database's.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UPGRADE = (
    """
CREATE TEMPORARY TABLE former_actors ON COMMIT DROP AS
SELECT subject, gen_random_uuid()::text AS actor FROM (
    SELECT created_by FROM models
    UNION SELECT started_by FROM training_runs
    UNION SELECT subject FROM jobs
    UNION SELECT subject FROM idempotency_keys
) AS found (subject)
WHERE subject <> 'labels'
""",
    "UPDATE models SET created_by = actor FROM former_actors WHERE created_by = former_actors.subject",
    "UPDATE training_runs SET started_by = actor FROM former_actors WHERE started_by = former_actors.subject",
    "UPDATE jobs SET subject = actor FROM former_actors WHERE jobs.subject = former_actors.subject",
    # A request with such a key that comes again has its effect anew.
    "UPDATE idempotency_keys k SET subject = actor FROM former_actors f WHERE k.subject = f.subject",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
