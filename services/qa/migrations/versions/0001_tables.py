"""The tables of qa."""

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
    digest text NOT NULL,
    content text NOT NULL
)
"""

# The one row of a record that everything locks first. `revision` counts what qa published about it; `state_revision`
# is the revision of the last event on topic `labels`, `request` the request that queue still has to serve.
RECORDS = """
CREATE TABLE records (
    record_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    known boolean NOT NULL DEFAULT false,
    source_revision integer NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'finalized', 'gold', 'unlabelable', 'erased')),
    state_reason text,
    state_event text,
    state_revision integer NOT NULL DEFAULT 0,
    state_at timestamptz NOT NULL DEFAULT now(),
    revision integer NOT NULL DEFAULT 0,
    split text,
    origin text,
    collected_by_chance boolean NOT NULL DEFAULT true,
    purposes text[] NOT NULL DEFAULT '{}',
    entry_schema_version integer,
    fields jsonb,
    slice jsonb,
    routed_revision integer NOT NULL DEFAULT 0,
    route text,
    routed_round integer NOT NULL DEFAULT 0,
    routed_total integer NOT NULL DEFAULT 0,
    routed_task_id uuid,
    audit boolean NOT NULL DEFAULT false,
    blind boolean NOT NULL DEFAULT false,
    explored boolean NOT NULL DEFAULT false,
    schema_version integer,
    guideline_version integer,
    policy_version integer,
    routed_prediction_id uuid,
    round integer NOT NULL DEFAULT 1,
    round_is_final boolean NOT NULL DEFAULT false,
    requested_total integer NOT NULL DEFAULT 0,
    arbitrating boolean NOT NULL DEFAULT false,
    unservable boolean NOT NULL DEFAULT false,
    servable_again boolean NOT NULL DEFAULT false,
    unservable_at timestamptz,
    request jsonb,
    label_revision integer NOT NULL DEFAULT 0,
    under_review boolean NOT NULL DEFAULT false,
    review_reason text,
    reopened_label integer NOT NULL DEFAULT 0,
    contrary_reports integer NOT NULL DEFAULT 0,
    decision_final_for integer,
    expert_checked boolean NOT NULL DEFAULT false,
    ever_gold boolean NOT NULL DEFAULT false,
    salt bytea,
    chain_length integer NOT NULL DEFAULT 0,
    chain_head bytea,
    CHECK (state <> 'erased' OR (fields IS NULL AND slice IS NULL AND salt IS NULL AND request IS NULL))
) WITH (fillfactor = 80)
"""

ANNOTATIONS = """
CREATE TABLE annotations (
    annotation_id uuid NOT NULL,
    annotation_revision integer NOT NULL,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('vote', 'gold', 'decision', 'void', 'late', 'superseded')),
    round integer NOT NULL,
    slot integer NOT NULL,
    task_id uuid NOT NULL,
    task_kind text NOT NULL,
    annotator_id uuid NOT NULL,
    answers jsonb,
    reason text,
    schema_version integer NOT NULL,
    guideline_version integer NOT NULL,
    prediction_shown uuid,
    leased_at timestamptz NOT NULL,
    submitted_at timestamptz NOT NULL,
    active_s double precision,
    PRIMARY KEY (annotation_id, annotation_revision)
)
"""

PREDICTIONS = """
CREATE TABLE predictions (
    prediction_id uuid PRIMARY KEY,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    revision integer NOT NULL,
    model_id uuid,
    model_version integer,
    schema_version integer NOT NULL,
    answers jsonb,
    confidence double precision,
    distributions jsonb,
    scored_for text NOT NULL,
    predicted_at timestamptz NOT NULL
)
"""

ROUTES = """
CREATE TABLE routes (
    record_id uuid NOT NULL,
    revision integer NOT NULL,
    event_id uuid NOT NULL,
    content jsonb NOT NULL,
    routed_at timestamptz NOT NULL,
    PRIMARY KEY (record_id, revision)
)
"""

LABELS = """
CREATE TABLE labels (
    label_id uuid PRIMARY KEY,
    record_id uuid NOT NULL,
    label_revision integer NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    method text NOT NULL CHECK (method IN ('consensus', 'auto_accept', 'decision')),
    answers jsonb,
    confidence double precision NOT NULL,
    schema_version integer NOT NULL,
    guideline_version integer,
    split text NOT NULL,
    trainable boolean NOT NULL,
    measures boolean NOT NULL,
    annotations integer NOT NULL,
    model_id uuid,
    prediction_id uuid,
    decision_id uuid,
    parameters jsonb NOT NULL,
    finalized_at timestamptz NOT NULL,
    current boolean NOT NULL DEFAULT true,
    ended_at timestamptz,
    ended_reason text,
    UNIQUE (record_id, label_revision)
)
"""

DECISIONS = """
CREATE TABLE decisions (
    decision_id uuid PRIMARY KEY,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    annotator_id uuid NOT NULL,
    answers jsonb,
    reason text,
    schema_version integer NOT NULL,
    dispute_id uuid,
    decided_at timestamptz NOT NULL
)
"""

DISPUTES = """
CREATE TABLE disputes (
    dispute_id uuid PRIMARY KEY,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    schema_version integer NOT NULL,
    reason text NOT NULL,
    disputed jsonb,
    status text NOT NULL CHECK (status IN ('open', 'unservable', 'decided', 'withdrawn')),
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
)
"""

GOLD = """
CREATE TABLE gold (
    record_id uuid NOT NULL,
    gold_revision integer NOT NULL,
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    answers jsonb,
    note text,
    exposures integer NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    current boolean NOT NULL DEFAULT true,
    ended_at timestamptz,
    ended_reason text,
    PRIMARY KEY (record_id, gold_revision)
)
"""

ANNOTATORS = """
CREATE TABLE annotators (
    annotator_id uuid PRIMARY KEY,
    revision integer NOT NULL,
    pool text NOT NULL,
    status text NOT NULL,
    skills jsonb NOT NULL,
    languages text[] NOT NULL
)
"""

ASSESSMENTS = """
CREATE TABLE assessments (
    project_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    assessment_revision integer NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'warned', 'paused')),
    reason text,
    accuracy double precision,
    interval_low double precision NOT NULL,
    interval_high double precision NOT NULL,
    gold_answers integer NOT NULL,
    answers integer NOT NULL,
    changed_at timestamptz,
    era integer NOT NULL DEFAULT 0,
    details jsonb NOT NULL DEFAULT '{}',
    assessed_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, annotator_id)
)
"""

ASSESSMENT_LOG = """
CREATE TABLE assessment_log (
    project_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    assessment_revision integer NOT NULL,
    content jsonb NOT NULL,
    assessed_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, annotator_id, assessment_revision)
)
"""

DRIFTS = """
CREATE TABLE drifts (
    drift_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    subject text NOT NULL CHECK (subject IN ('annotator', 'model')),
    subject_id uuid NOT NULL,
    number integer NOT NULL,
    content jsonb NOT NULL,
    detected_at timestamptz NOT NULL,
    UNIQUE (project_id, subject, subject_id, number)
)
"""

# After a drift alarm the answers since the change are estimated as a new annotator's.
ERAS = """
CREATE TABLE eras (
    project_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    era integer NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (project_id, annotator_id, era)
)
"""

# What the estimation loop concluded last: per question what holds for everybody, per annotator and era the confusions.
ESTIMATES = """
CREATE TABLE estimates (
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    estimate_id uuid NOT NULL,
    votes integer NOT NULL,
    content jsonb NOT NULL,
    estimated_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, schema_version, question)
)
"""

ANNOTATOR_ESTIMATES = """
CREATE TABLE annotator_estimates (
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    voter text NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (project_id, schema_version, question, voter)
) WITH (fillfactor = 70)
"""

MODELS = """
CREATE TABLE models (
    model_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    revision integer NOT NULL,
    version integer NOT NULL,
    stage text NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    champion_since timestamptz,
    content jsonb NOT NULL
)
"""

THRESHOLDS = """
CREATE TABLE thresholds (
    model_id uuid NOT NULL,
    threshold_revision integer NOT NULL,
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    label text,
    threshold double precision,
    error_budget double precision NOT NULL,
    confidence_level double precision NOT NULL,
    evidence jsonb,
    reason text NOT NULL,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, threshold_revision)
)
"""

# Every look at the evidence, passed or not: the price of repeated looks must be seen.
THRESHOLD_TESTS = """
CREATE TABLE threshold_tests (
    test_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    model_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('selection', 'audit')),
    labels integer NOT NULL,
    content jsonb NOT NULL,
    tested_at timestamptz NOT NULL,
    UNIQUE (model_id, kind, number)
)
"""

FEEDBACK = """
CREATE TABLE feedback (
    feedback_id uuid PRIMARY KEY,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    model_id uuid,
    schema_version integer NOT NULL,
    verdict text NOT NULL,
    prediction jsonb,
    correction jsonb,
    confidence double precision,
    observed_at timestamptz NOT NULL,
    effect text NOT NULL DEFAULT 'pending',
    label_revision integer
)
"""

WORK = """
CREATE TABLE work (
    event_id uuid PRIMARY KEY,
    project_id uuid,
    annotator_id uuid NOT NULL,
    task_id uuid NOT NULL,
    task_kind text NOT NULL,
    activity text NOT NULL,
    leased_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    active_s double precision
)
"""

SKIPS = """
CREATE TABLE skips (
    event_id uuid PRIMARY KEY,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    task_kind text NOT NULL,
    annotator_id uuid NOT NULL,
    reason text,
    skipped_at timestamptz NOT NULL
)
"""

# hash = SHA-256(previous || metadata || content_hmac). `text_to_hash` is the metadata as it was hashed.
CHAIN_LINKS = """
CREATE TABLE chain_links (
    record_id uuid NOT NULL,
    position integer NOT NULL,
    project_id uuid NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    text_to_hash text NOT NULL,
    content_hmac bytea NOT NULL,
    hash bytea NOT NULL,
    linked_at timestamptz NOT NULL,
    seal_number integer,
    leaf integer,
    PRIMARY KEY (record_id, position)
)
"""

SEALS = """
CREATE TABLE seals (
    project_id uuid NOT NULL,
    number integer NOT NULL,
    leaves integer NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, number)
)
"""

COUNTERS = """
CREATE TABLE counters (
    project_id uuid NOT NULL,
    name text NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (project_id, name)
)
"""

COUNTER_DELTAS = """
CREATE TABLE counter_deltas (
    delta_seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL,
    name text NOT NULL,
    delta bigint NOT NULL
)
"""

# Which background work a project waits for; insert-only, taken away by the loop that did it.
MARKS = """
CREATE TABLE marks (
    mark_seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid
)
"""

RELEASES = """
CREATE TABLE releases (
    release_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    name text NOT NULL,
    options jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('building', 'published', 'failed', 'superseded')),
    status_reason text,
    job_id uuid,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    published_at timestamptz,
    records integer,
    manifest jsonb,
    manifest_sha256 text,
    supersedes uuid,
    superseded_by uuid,
    revision integer NOT NULL DEFAULT 0,
    UNIQUE (project_id, name)
)
"""

RELEASE_RECORDS = """
CREATE TABLE release_records (
    release_id uuid NOT NULL,
    record_id uuid NOT NULL,
    label_id uuid NOT NULL,
    split text NOT NULL,
    PRIMARY KEY (release_id, split, record_id)
)
"""

INDEXES = (
    "CREATE INDEX records_by_state ON records (project_id, state, record_id) WHERE known",
    "CREATE INDEX records_by_project ON records (project_id, record_id) WHERE known",
    "CREATE INDEX records_held_out ON records (project_id, state) WHERE known AND split <> 'train'",
    "CREATE INDEX annotations_by_record ON annotations (record_id)",
    "CREATE INDEX annotations_by_annotator ON annotations (project_id, annotator_id, submitted_at)",
    "CREATE INDEX annotations_by_project ON annotations (project_id, schema_version, submitted_at)",
    "CREATE INDEX annotations_in_order ON annotations (project_id, annotation_id, annotation_revision)",
    "CREATE INDEX predictions_by_record ON predictions (record_id, revision DESC)",
    "CREATE INDEX predictions_by_model ON predictions (model_id, record_id, revision DESC) WHERE model_id IS NOT NULL",
    "CREATE INDEX labels_current ON labels (project_id, label_id) WHERE current",
    "CREATE UNIQUE INDEX labels_one_current ON labels (record_id) WHERE current",
    "CREATE INDEX labels_that_measure ON labels (project_id, schema_version, label_id) WHERE current AND measures",
    "CREATE INDEX decisions_by_record ON decisions (record_id)",
    "CREATE INDEX disputes_by_project ON disputes (project_id, dispute_id)",
    "CREATE INDEX disputes_by_record ON disputes (record_id)",
    "CREATE INDEX assessments_by_annotator ON assessments (annotator_id, project_id)",
    "CREATE INDEX drifts_by_project ON drifts (project_id, drift_id)",
    "CREATE INDEX threshold_tests_by_project ON threshold_tests (project_id, tested_at, test_id)",
    "CREATE UNIQUE INDEX disputes_one_open ON disputes (record_id) WHERE status IN ('open', 'unservable')",
    "CREATE UNIQUE INDEX gold_one_current ON gold (record_id) WHERE current",
    "CREATE INDEX gold_by_project ON gold (project_id, record_id) WHERE current",
    "CREATE INDEX models_by_project ON models (project_id)",
    "CREATE INDEX thresholds_by_project ON thresholds (project_id)",
    "CREATE INDEX feedback_by_record ON feedback (record_id)",
    "CREATE INDEX work_by_annotator ON work (annotator_id, ended_at)",
    "CREATE INDEX skips_by_record ON skips (record_id)",
    "CREATE INDEX chain_links_unsealed ON chain_links (project_id, linked_at) WHERE seal_number IS NULL",
    "CREATE INDEX chain_links_by_seal ON chain_links (project_id, seal_number, leaf) WHERE seal_number IS NOT NULL",
    "CREATE INDEX marks_by_kind ON marks (kind, project_id)",
    "CREATE INDEX releases_building ON releases (release_id) WHERE status = 'building'",
    "CREATE INDEX releases_by_project ON releases (project_id, release_id)",
    "CREATE INDEX release_records_by_record ON release_records (record_id)",
)

TABLES = (
    PROJECTS, RECORDS, ANNOTATIONS, PREDICTIONS, ROUTES, LABELS, DECISIONS, DISPUTES, GOLD, ANNOTATORS, ASSESSMENTS,
    ASSESSMENT_LOG, DRIFTS, ERAS, ESTIMATES, ANNOTATOR_ESTIMATES, MODELS, THRESHOLDS, THRESHOLD_TESTS, FEEDBACK, WORK, SKIPS,
    CHAIN_LINKS, SEALS, COUNTERS, COUNTER_DELTAS, MARKS, RELEASES, RELEASE_RECORDS,
)  # fmt: skip


def upgrade() -> None:
    for statement in (*kit_0001.UPGRADE, *TABLES, *INDEXES):
        op.execute(statement)
