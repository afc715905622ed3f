"""Those who placed gold, asked for releases or reinstated annotators: their subjects, which may be names, go.

Which rows one of them made can be told still; whose the ids are can't, as the key of later ids is no database's.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UPGRADE = (
    """
CREATE TEMPORARY TABLE former_actors ON COMMIT DROP AS
SELECT subject, gen_random_uuid()::text AS actor FROM (
    SELECT placed_by FROM gold
    UNION SELECT requested_by FROM releases
    UNION SELECT subject FROM jobs
    UNION SELECT subject FROM idempotency_keys
    UNION SELECT details->>'reinstated_by' FROM assessments WHERE details ? 'reinstated_by'
) AS found (subject)
""",
    "UPDATE gold SET placed_by = actor FROM former_actors WHERE placed_by = former_actors.subject",
    "UPDATE releases SET requested_by = actor FROM former_actors WHERE requested_by = former_actors.subject",
    "UPDATE jobs SET subject = actor FROM former_actors WHERE jobs.subject = former_actors.subject",
    """
UPDATE assessments SET details = details || jsonb_build_object('reinstated_by', actor)
FROM former_actors WHERE details->>'reinstated_by' = former_actors.subject
""",
    # A request with such a key that comes again has its effect anew.
    "UPDATE idempotency_keys k SET subject = actor FROM former_actors f WHERE k.subject = f.subject",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
