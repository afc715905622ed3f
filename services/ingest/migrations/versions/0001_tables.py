"""All tables of the first version."""

from alembic import op

from shared.kit.migrations import kit_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE projects (
    project_id uuid PRIMARY KEY,
    name text NOT NULL,
    status text NOT NULL,
    draw_salt text NOT NULL,
    dedup_key bytea NOT NULL,
    revision integer NOT NULL,
    active_schema integer,
    active_guideline integer,
    active_policy integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE project_schemas (
    project_id uuid NOT NULL REFERENCES projects,
    version integer NOT NULL,
    label_schema jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, version)
);

CREATE TABLE project_guidelines (
    project_id uuid NOT NULL REFERENCES projects,
    version integer NOT NULL,
    markdown text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, version)
);

CREATE TABLE project_policies (
    project_id uuid NOT NULL REFERENCES projects,
    version integer NOT NULL,
    policies jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, version)
);

-- Content is null once the record is erased; external_hash stays, so that an import that runs again
-- does not bring back what was erased.
CREATE TABLE records (
    record_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    external_id text,
    external_hash bytea,
    content_hash bytea,
    schema_version integer NOT NULL,
    fields jsonb,
    redactions jsonb,
    slice jsonb,
    purposes jsonb,
    split text NOT NULL,
    origin text NOT NULL,
    priority integer NOT NULL,
    collected_by_chance boolean NOT NULL,
    revision integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'open',
    label_revision integer NOT NULL DEFAULT 0,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    erased_because text
);
CREATE UNIQUE INDEX records_by_content ON records (project_id, content_hash) WHERE content_hash IS NOT NULL;
CREATE UNIQUE INDEX records_by_external ON records (project_id, external_hash) WHERE external_hash IS NOT NULL;
CREATE INDEX records_of_project ON records (project_id, record_id);

-- A second external id of a record: its content came again under another name.
CREATE TABLE external_aliases (
    project_id uuid NOT NULL,
    external_hash bytea NOT NULL,
    record_id uuid NOT NULL,
    PRIMARY KEY (project_id, external_hash)
);

CREATE TABLE assets (
    asset_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    media_type text NOT NULL,
    sha256 text NOT NULL,
    size_bytes bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    original_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE record_assets (
    record_id uuid NOT NULL,
    asset_id uuid NOT NULL,
    PRIMARY KEY (record_id, asset_id)
);
CREATE INDEX record_assets_by_asset ON record_assets (asset_id);

-- Objects to delete at `due_at`, unless a record holds them by then. A row is written before its object is.
CREATE TABLE doomed_assets (
    asset_id uuid PRIMARY KEY,
    due_at timestamptz NOT NULL
);
CREATE INDEX doomed_assets_due ON doomed_assets (due_at);

-- report_hash and body_hash are keyed hashes of what the product sent.
CREATE TABLE feedback (
    feedback_id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    report_hash bytea NOT NULL,
    body_hash bytea NOT NULL,
    record_id uuid NOT NULL,
    model_id uuid,
    model_version text,
    schema_version integer NOT NULL,
    prediction jsonb,
    confidence double precision,
    verdict text NOT NULL,
    correction jsonb,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, report_hash)
);
CREATE INDEX feedback_of_record ON feedback (record_id);

CREATE TABLE feedback_deltas (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL,
    model text NOT NULL,
    verdict text NOT NULL,
    reports integer NOT NULL
);
CREATE INDEX feedback_deltas_of_project ON feedback_deltas (project_id);

CREATE TABLE feedback_totals (
    project_id uuid NOT NULL,
    model text NOT NULL,
    verdict text NOT NULL,
    reports bigint NOT NULL,
    PRIMARY KEY (project_id, model, verdict)
);
"""


def upgrade() -> None:
    for statement in (*kit_0001.UPGRADE, *TABLES.split(";\n")):
        if statement.strip():
            op.execute(statement)
