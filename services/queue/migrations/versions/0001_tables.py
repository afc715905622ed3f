"""The tables of queue."""

from alembic import op

from shared.kit.migrations import kit_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PROJECTS = """
CREATE TABLE projects (
    project_id uuid PRIMARY KEY,
    revision integer NOT NULL,
    status text NOT NULL,
    servable boolean NOT NULL,
    holds boolean NOT NULL,
    content jsonb NOT NULL
)
"""
# `servable`: it has an active schema and guideline. `holds`: learning chooses what is served, the rest is held.

# The one row of a record that everything but a lease locks first. `revision` is the record's own, `labels_revision` and
# `requests_revision` the newest of qa's that were obeyed, `routed_revision` counts what queue published as
# RecordRouted, `routed` is the last of these. `threshold_revision` says which threshold the route has seen.
RECORDS = """
CREATE TABLE records (
    record_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'finalized', 'gold', 'unlabelable', 'erased')),
    known boolean NOT NULL DEFAULT false,
    revision integer NOT NULL DEFAULT 0,
    labels_revision integer NOT NULL DEFAULT 0,
    requests_revision integer NOT NULL DEFAULT 0,
    split text,
    priority integer NOT NULL DEFAULT 0,
    fields jsonb,
    prediction_revision integer NOT NULL DEFAULT 0,
    prediction_id uuid,
    model_id uuid,
    prediction_schema integer,
    prediction jsonb,
    confidence double precision,
    selection jsonb,
    round integer NOT NULL DEFAULT 1,
    waiting boolean NOT NULL DEFAULT false,
    threshold_revision integer NOT NULL DEFAULT 0,
    routed_revision integer NOT NULL DEFAULT 0,
    routed jsonb,
    CHECK (state <> 'erased' OR (fields IS NULL AND prediction IS NULL))
) WITH (fillfactor = 80)
"""
RECORDS_OPEN = "CREATE INDEX records_open ON records (project_id) WHERE state = 'open' AND known"
RECORDS_WAITING = "CREATE INDEX records_waiting ON records (project_id, record_id) WHERE waiting"
RECORDS_BY_MODEL = """
CREATE INDEX records_by_model ON records (project_id, model_id, threshold_revision, record_id)
WHERE state = 'open' AND model_id IS NOT NULL
"""

THRESHOLDS = """
CREATE TABLE thresholds (
    project_id uuid NOT NULL,
    model_id uuid NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    label text NOT NULL,
    revision integer NOT NULL,
    threshold double precision,
    PRIMARY KEY (project_id, model_id, schema_version, question, label)
)
"""
# label '' stands for every class: a label has at least one character.

TASKS = """
CREATE TABLE tasks (
    task_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    record_id uuid NOT NULL,
    round integer NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('annotation', 'gold', 'arbitration')),
    kind text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    schema_version integer NOT NULL,
    guideline_version integer,
    lane text NOT NULL,
    pool text NOT NULL,
    blind boolean NOT NULL,
    requested integer NOT NULL DEFAULT 0,
    requested_revision integer NOT NULL DEFAULT 0,
    disputed jsonb,
    suspect_at timestamptz,
    unserved boolean NOT NULL DEFAULT false,
    opened_at timestamptz NOT NULL,
    UNIQUE (record_id, round, purpose, schema_version)
) WITH (fillfactor = 90)
"""
TASKS_OPEN = "CREATE INDEX tasks_open ON tasks (project_id) WHERE state = 'open' AND purpose <> 'gold'"
# `unserved`: it was told that nobody can serve it, so it is closed until qa asks again.
TASKS_UNSERVED = "CREATE INDEX tasks_unserved ON tasks (task_id) WHERE unserved"
TASKS_SUSPECT = "CREATE INDEX tasks_suspect ON tasks (suspect_at) WHERE suspect_at IS NOT NULL"

# A slot carries what a lease of it says, so that leasing reads no other table but the record.
SLOTS = """
CREATE TABLE slots (
    task_id uuid NOT NULL,
    slot integer NOT NULL,
    project_id uuid NOT NULL,
    record_id uuid NOT NULL,
    kind text NOT NULL,
    round integer NOT NULL,
    schema_version integer NOT NULL,
    guideline_version integer,
    lane text NOT NULL,
    pool text NOT NULL,
    blind boolean NOT NULL,
    rank integer NOT NULL,
    sort_key double precision NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'free', 'leased', 'submitted', 'skipped', 'void')),
    annotator_id uuid,
    token uuid,
    leased_at timestamptz,
    until timestamptz,
    prediction_shown uuid,
    PRIMARY KEY (task_id, slot),
    CHECK (state NOT IN ('leased', 'submitted', 'skipped') OR (annotator_id IS NOT NULL AND token IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05)
"""
SLOTS_FREE = "CREATE INDEX slots_free ON slots (project_id, pool, lane, rank, sort_key) WHERE state = 'free'"
SLOTS_HELD = "CREATE INDEX slots_held ON slots (project_id) WHERE state = 'held'"
SLOTS_BY_TOKEN = "CREATE UNIQUE INDEX slots_token ON slots (token) WHERE token IS NOT NULL"  # noqa: S105  no password
SLOTS_LEASED = "CREATE INDEX slots_leased ON slots (annotator_id, until) WHERE state = 'leased'"
# One annotator never has the same record twice, whatever the concurrency.
SLOTS_ONCE = """
CREATE UNIQUE INDEX slots_once ON slots (record_id, annotator_id) WHERE state IN ('leased', 'submitted', 'skipped')
"""

ANNOTATORS = """
CREATE TABLE annotators (
    annotator_id uuid PRIMARY KEY,
    subject text NOT NULL UNIQUE,
    name text,
    pool text NOT NULL,
    skills jsonb NOT NULL,
    languages text[] NOT NULL,
    status text NOT NULL,
    arbiter boolean NOT NULL DEFAULT false,
    revision integer NOT NULL,
    created_at timestamptz NOT NULL
)
"""
ANNOTATORS_WORKING = "CREATE INDEX annotators_working ON annotators (pool, annotator_id) WHERE status = 'active'"

# Who may be able to serve what nobody could; gone once that was looked at.
ARRIVALS = """
CREATE TABLE arrivals (
    arrival_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    annotator_id uuid NOT NULL
)
"""

# An annotator's row in a project: locked by each lease, so it serialises one person's tabs and holds their caps.
MEMBERSHIPS = """
CREATE TABLE memberships (
    annotator_id uuid NOT NULL,
    project_id uuid NOT NULL,
    assessed text NOT NULL DEFAULT 'active',
    assessment_revision integer NOT NULL DEFAULT 0,
    granted bigint NOT NULL DEFAULT 0,
    returned bigint NOT NULL DEFAULT 0,
    gold_served integer NOT NULL DEFAULT 0,
    owed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (annotator_id, project_id)
) WITH (fillfactor = 50)
"""
# What annotators gave back or let run out: they get it again, as long as nobody else took it. Nobody takes gold away, so
# it is gone when an ordinary slot is taken that stood in front when it was given back, its witness.
GIVEN_BACK = """
CREATE TABLE given_back (
    annotator_id uuid NOT NULL,
    project_id uuid NOT NULL,
    task_id uuid NOT NULL,
    kind text NOT NULL,
    guideline_version integer,
    witness_task uuid,
    witness_slot integer,
    PRIMARY KEY (annotator_id, project_id, task_id)
)
"""

ANNOTATIONS = """
CREATE TABLE annotations (
    task_id uuid NOT NULL,
    slot integer NOT NULL,
    annotation_id uuid NOT NULL,
    token uuid NOT NULL,
    project_id uuid NOT NULL,
    record_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    kind text NOT NULL,
    round integer NOT NULL,
    schema_version integer NOT NULL,
    guideline_version integer NOT NULL,
    answers jsonb,
    reason text,
    active_s double precision,
    prediction_shown uuid,
    leased_at timestamptz NOT NULL,
    submitted_at timestamptz NOT NULL,
    next_tokens uuid[],
    PRIMARY KEY (task_id, slot)
)
"""

DRAFTS = """
CREATE TABLE drafts (
    task_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    answers jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (task_id, annotator_id)
)
"""

# Leases that ended without an annotation: with the annotations, all the work that was done.
ENDED_LEASES = """
CREATE TABLE ended_leases (
    token uuid PRIMARY KEY,
    task_id uuid NOT NULL,
    slot integer NOT NULL,
    project_id uuid NOT NULL,
    record_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    kind text NOT NULL,
    round integer NOT NULL,
    activity text NOT NULL,
    reason text,
    active_s double precision,
    leased_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL
)
"""

PROGRESS = """
CREATE TABLE progress (
    project_id uuid NOT NULL,
    counter text NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (project_id, counter)
)
"""
PROGRESS_DELTAS = """
CREATE TABLE progress_deltas (
    delta_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL,
    counter text NOT NULL,
    amount integer NOT NULL
)
"""

STATEMENTS = (
    PROJECTS,
    RECORDS,
    RECORDS_OPEN,
    RECORDS_WAITING,
    RECORDS_BY_MODEL,
    THRESHOLDS,
    TASKS,
    TASKS_OPEN,
    TASKS_SUSPECT,
    TASKS_UNSERVED,
    SLOTS,
    SLOTS_FREE,
    SLOTS_HELD,
    SLOTS_BY_TOKEN,
    SLOTS_LEASED,
    SLOTS_ONCE,
    ANNOTATORS,
    ANNOTATORS_WORKING,
    ARRIVALS,
    MEMBERSHIPS,
    GIVEN_BACK,
    ANNOTATIONS,
    DRAFTS,
    ENDED_LEASES,
    PROGRESS,
    PROGRESS_DELTAS,
)


def upgrade() -> None:
    for statement in (*kit_0001.UPGRADE, *STATEMENTS):
        op.execute(statement)
