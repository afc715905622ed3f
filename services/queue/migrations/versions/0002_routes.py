"""Keep what changes while a record is routed apart from its content, and what a new threshold concerns as rows."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What routing knows of a record, and what it decided: the newest prediction that was made for it, and the route that was
# published last, whose `revision` counts what queue published as RecordRouted. `waiting`: its project can't be served yet.
ROUTES = """
CREATE TABLE routes (
    record_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    prediction_id uuid,
    model_id uuid,
    prediction_revision integer NOT NULL,
    prediction_schema integer,
    confidence double precision,
    task_id uuid,
    routed_model_id uuid,
    routed_prediction_id uuid,
    threshold double precision,
    probability double precision,
    revision integer NOT NULL,
    round integer,
    slots_total integer,
    schema_version integer,
    guideline_version integer,
    policy_version integer,
    waiting boolean NOT NULL,
    audit boolean,
    blind boolean,
    explored boolean,
    route text,
    reason text,
    selection jsonb,
    prediction jsonb
) WITH (fillfactor = 90)
"""
FILL_ROUTES = """
INSERT INTO routes (record_id, project_id, prediction_id, model_id, prediction_revision, prediction_schema, confidence,
    task_id, routed_model_id, routed_prediction_id, threshold, probability, revision, round, slots_total, schema_version,
    guideline_version, policy_version, waiting, audit, blind, explored, route, reason, selection, prediction)
SELECT record_id, project_id, prediction_id, model_id, prediction_revision, prediction_schema, confidence,
    (routed ->> 'task_id')::uuid, (routed ->> 'model_id')::uuid, (routed ->> 'prediction_id')::uuid,
    (routed ->> 'threshold')::float8, (routed ->> 'selection_probability')::float8, routed_revision,
    (routed ->> 'round')::int, (routed ->> 'slots_total')::int, (routed ->> 'schema_version')::int,
    (routed ->> 'guideline_version')::int, (routed ->> 'policy_version')::int, waiting, (routed ->> 'audit')::boolean,
    (routed ->> 'blind')::boolean, (routed ->> 'explored')::boolean, routed ->> 'route', routed ->> 'reason', selection,
    prediction
FROM records WHERE prediction_id IS NOT NULL OR routed_revision > 0 OR waiting
"""
ROUTES_BY_CONFIDENCE = """
CREATE INDEX routes_by_confidence ON routes (project_id, model_id, confidence, record_id) WHERE model_id IS NOT NULL
"""
ROUTES_WAITING = "CREATE INDEX routes_waiting ON routes (project_id, record_id) WHERE waiting"

# The columns of `records` that moved are written no more. They stay until nothing reads them.
MOVED = (
    "prediction_revision",
    "waiting",
    "threshold_revision",
    "routed_revision",
)
UNUSED_INDEXES = ("records_waiting", "records_by_model", "records_open")

# Records of this model from `after_confidence` on and below `below` are routed again, in the order of (confidence, record);
# up to (after_confidence, after_record) that is done.
THRESHOLD_CHANGES = """
CREATE TABLE threshold_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL,
    model_id uuid NOT NULL,
    after_confidence double precision NOT NULL,
    after_record uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    below double precision NOT NULL
)
"""
# Which records had seen which threshold was noted on each of them: now all are looked at once more.
UNSEEN_THRESHOLDS = """
INSERT INTO threshold_changes (project_id, model_id, after_confidence, below)
SELECT DISTINCT project_id, model_id, 0::float8, 'infinity'::float8 FROM thresholds
"""
THRESHOLDS_REVISION = "ALTER TABLE projects ADD COLUMN thresholds_revision integer NOT NULL DEFAULT 0"
PROJECTS_OPEN = "CREATE INDEX projects_open ON projects (project_id) WHERE NOT holds"
PROJECTS_SERVABLE = "CREATE INDEX projects_servable ON projects (project_id) WHERE servable"

ENDED_LEASES_OF_TASK = "CREATE INDEX ended_leases_of_task ON ended_leases (task_id)"
ANNOTATORS_ARBITERS = (
    "CREATE INDEX annotators_arbiters ON annotators (annotator_id) WHERE status = 'active' AND arbiter"
)

# A slot's state decides in which indexes it stands, so no update of it stays on its page for that; a membership's does.
STORAGE = (
    "ALTER TABLE slots SET (fillfactor = 90)",
    "ALTER TABLE records SET (fillfactor = 90)",
    "ALTER TABLE memberships SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200)",
    "ALTER TABLE progress_deltas SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)",
)


def upgrade() -> None:
    op.execute(ROUTES)
    op.execute(FILL_ROUTES)
    op.execute(ROUTES_BY_CONFIDENCE)
    op.execute(ROUTES_WAITING)
    for column in MOVED:
        op.execute(f"ALTER TABLE records ALTER COLUMN {column} DROP NOT NULL, ALTER COLUMN {column} DROP DEFAULT")
    for index in UNUSED_INDEXES:
        op.execute(f"DROP INDEX {index}")
    op.execute(THRESHOLD_CHANGES)
    op.execute(UNSEEN_THRESHOLDS)
    op.execute(THRESHOLDS_REVISION)
    op.execute(PROJECTS_OPEN)
    op.execute(PROJECTS_SERVABLE)
    op.execute(ENDED_LEASES_OF_TASK)
    op.execute(ANNOTATORS_ARBITERS)
    for statement in STORAGE:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what is written since stands in the new tables alone")
