"""Subjects, which may be names, go from the answers that were kept for requests sent again, and from jobs."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UPGRADE = (
    """
CREATE TEMPORARY TABLE former_actors ON COMMIT DROP AS
SELECT subject, gen_random_uuid()::text AS actor
FROM (SELECT subject FROM jobs UNION SELECT subject FROM idempotency_keys) AS found
""",
    "UPDATE jobs SET subject = actor FROM former_actors WHERE jobs.subject = former_actors.subject",
    # A request with such a key that comes again has its effect anew.
    "UPDATE idempotency_keys k SET subject = actor FROM former_actors f WHERE k.subject = f.subject",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
