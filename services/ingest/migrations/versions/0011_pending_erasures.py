"""What is left of erased records, and since when, can be counted: a service that never reports is pending from the start."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LEFT = """'$[*] ? (@.state == "pending").place'"""

UPGRADE = (
    # Generated: a replica of an older release writes the places alone.
    f"""
ALTER TABLE erasure_reports
    ADD COLUMN pending jsonb NOT NULL GENERATED ALWAYS AS (jsonb_path_query_array(places, {_LEFT})) STORED
""",
    "CREATE INDEX erasure_reports_pending ON erasure_reports (service, pending, erased_at) WHERE pending <> '[]'",
    """
INSERT INTO erasure_reports (record_id, service, revision, erased_at, places)
SELECT record_id, 'ingest', revision, erased_at, report FROM erasures WHERE revision > 0 AND report IS NOT NULL
""",
    """
INSERT INTO erasure_reports (record_id, service, revision, erased_at, places)
SELECT record_id, service, 0, erased_at, '[{"place": "service", "state": "pending", "reason": "not_reported_yet"}]'
FROM erasures, unnest(ARRAY['ingest', 'prelabel', 'queue', 'qa']) AS service ON CONFLICT DO NOTHING
""",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
