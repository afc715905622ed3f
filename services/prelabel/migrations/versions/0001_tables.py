"""Projects, records with their content apart, predictions, models, batches, training runs, feedback."""

from alembic import op

from shared.kit.migrations import kit_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    # The copy of ingest's projects. `epoch` grows whenever another model becomes champion: a record whose
    # `scored_epoch` is smaller has yet to be scored. `models` counts the project's model versions.
    """
    CREATE TABLE projects (
        project_id uuid PRIMARY KEY,
        revision integer NOT NULL,
        state jsonb NOT NULL,
        epoch integer NOT NULL DEFAULT 0,
        models integer NOT NULL DEFAULT 0
    )
    """,
    # One row per record, narrow, because every promotion writes it again. An erased record's row stays as a tombstone.
    """
    CREATE TABLE records (
        record_id uuid PRIMARY KEY,
        project_id uuid NOT NULL,
        revision integer NOT NULL,
        split text NOT NULL,
        held_out boolean NOT NULL,
        explored boolean NOT NULL,
        draw double precision NOT NULL,
        state text NOT NULL DEFAULT 'open'
            CHECK (state IN ('open', 'finalized', 'gold', 'unlabelable', 'erased')),
        state_revision integer NOT NULL DEFAULT 0,
        gold_ever boolean NOT NULL DEFAULT false,
        label text,
        label_schema_version integer,
        label_by_people boolean NOT NULL DEFAULT false,
        trainable boolean NOT NULL DEFAULT false,
        label_seq bigint,
        batch integer,
        strategy text,
        selection_probability double precision,
        score double precision NOT NULL,
        model_id uuid,
        scored_epoch integer NOT NULL,
        scoring_attempts integer NOT NULL DEFAULT 0,
        prediction_revision integer NOT NULL DEFAULT 0
    ) WITH (fillfactor = 80)
    """,
    "CREATE SEQUENCE label_seq",
    # What erasure deletes. The thumbnail is made when a picture is first read.
    """
    CREATE TABLE contents (
        record_id uuid PRIMARY KEY REFERENCES records,
        fields jsonb NOT NULL,
        thumbnail bytea,
        thumbnail_width smallint,
        thumbnail_height smallint,
        thumbnail_channels smallint
    )
    """,
    # Immutable; `body` is the event's payload, `event_id` the prediction's id.
    """
    CREATE TABLE predictions (
        record_id uuid NOT NULL,
        revision integer NOT NULL,
        event_id uuid NOT NULL,
        model_id uuid,
        body jsonb NOT NULL,
        PRIMARY KEY (record_id, revision)
    )
    """,
    """
    CREATE TABLE models (
        model_id uuid PRIMARY KEY,
        project_id uuid NOT NULL,
        version integer NOT NULL,
        revision integer NOT NULL,
        stage text NOT NULL CHECK (stage IN ('challenger', 'champion', 'retired', 'rejected')),
        manifest jsonb NOT NULL,
        sha256 text NOT NULL,
        size_bytes bigint NOT NULL,
        temperature double precision NOT NULL DEFAULT 1,
        evaluation jsonb,
        compared boolean NOT NULL DEFAULT false,
        training_run_id uuid,
        trained_on integer,
        contaminated_by integer NOT NULL DEFAULT 0,
        predecessor uuid,
        reason text NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        UNIQUE (project_id, version)
    )
    """,
    # A batch of active learning: what was chosen together, and by which model.
    """
    CREATE TABLE batches (
        project_id uuid NOT NULL,
        batch integer NOT NULL,
        size integer NOT NULL,
        model_id uuid,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (project_id, batch)
    )
    """,
    # `label_seq` is the newest label that the run has seen.
    """
    CREATE TABLE training_runs (
        run_id uuid PRIMARY KEY,
        project_id uuid NOT NULL,
        model_id uuid NOT NULL,
        state text NOT NULL CHECK (state IN (
            'queued', 'running', 'comparing', 'promoted', 'rejected', 'compared', 'superseded', 'failed'
        )),
        started_by text NOT NULL,
        reason text NOT NULL,
        batch integer,
        label_seq bigint NOT NULL DEFAULT 0,
        attempts integer NOT NULL DEFAULT 0,
        retry_at timestamptz,
        failure text,
        examples integer,
        report jsonb,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        ended_at timestamptz
    )
    """,
    # Which records a run learnt from, and which of them became gold later.
    """
    CREATE TABLE training_examples (
        run_id uuid NOT NULL,
        record_id uuid NOT NULL,
        PRIMARY KEY (run_id, record_id)
    )
    """,
    """
    CREATE TABLE contaminations (
        run_id uuid NOT NULL,
        record_id uuid NOT NULL,
        counted boolean NOT NULL DEFAULT false,
        PRIMARY KEY (run_id, record_id)
    )
    """,
    # What product systems say of a model: rows of single reports, folded into counts by one job.
    """
    CREATE TABLE feedback (
        feedback_id uuid PRIMARY KEY,
        project_id uuid NOT NULL,
        model_id uuid NOT NULL,
        verdict text NOT NULL,
        counted boolean NOT NULL DEFAULT false
    )
    """,
    """
    CREATE TABLE feedback_counts (
        model_id uuid NOT NULL,
        verdict text NOT NULL,
        reports bigint NOT NULL,
        PRIMARY KEY (model_id, verdict)
    )
    """,
    # What qa concludes, kept as it came: the newest per kind, subject and part of it.
    """
    CREATE TABLE quality_notes (
        project_id uuid NOT NULL,
        kind text NOT NULL,
        subject_id uuid NOT NULL,
        part text NOT NULL,
        revision integer NOT NULL,
        body jsonb NOT NULL,
        occurred_at timestamptz NOT NULL,
        PRIMARY KEY (subject_id, kind, part)
    )
    """,
)

INDEXES = (
    # To be scored: held out first, then the rest, the longest overdue first.
    """
    CREATE INDEX records_due ON records (project_id, held_out, scored_epoch)
    WHERE state IN ('open', 'unlabelable') OR (held_out AND state = 'finalized')
    """,
    # To be selected: by score for a model, by draw for chance.
    """
    CREATE INDEX records_by_score ON records (project_id, score DESC)
    WHERE state = 'open' AND split = 'train' AND batch IS NULL
    """,
    """
    CREATE INDEX records_by_draw ON records (project_id, draw)
    WHERE state = 'open' AND split = 'train' AND batch IS NULL
    """,
    "CREATE INDEX records_selected ON records (project_id, batch) WHERE state = 'open' AND batch IS NOT NULL",
    """
    CREATE INDEX records_by_chance ON records (project_id, held_out)
    WHERE state = 'open' AND (held_out OR explored)
    """,
    """
    CREATE INDEX records_trainable ON records (project_id, label_seq)
    WHERE trainable AND state = 'finalized' AND NOT held_out AND NOT gold_ever
    """,
    """
    CREATE INDEX records_measuring ON records (project_id, label_seq)
    WHERE held_out AND state = 'finalized' AND label_by_people AND NOT gold_ever
    """,
    "CREATE INDEX records_newest ON records (project_id, record_id)",
    # How often a model was asked in vain, by the reason.
    """
    CREATE INDEX predictions_unanswered
        ON predictions ((body #>> '{unanswered,model_id}'), (body #>> '{unanswered,reason}'), record_id)
        WHERE body #>> '{unanswered,model_id}' IS NOT NULL
    """,
    "CREATE UNIQUE INDEX models_champion ON models (project_id) WHERE stage = 'champion'",
    "CREATE INDEX models_to_compare ON models (project_id) WHERE stage = 'challenger' AND NOT compared",
    "CREATE INDEX models_same_bytes ON models (project_id, sha256)",
    "CREATE UNIQUE INDEX training_runs_one ON training_runs (project_id) WHERE state IN ('queued', 'running')",
    "CREATE INDEX training_runs_newest ON training_runs (project_id, run_id)",
    "CREATE INDEX training_runs_model ON training_runs (model_id)",
    "CREATE INDEX training_runs_waiting ON training_runs (created_at) WHERE state IN ('queued', 'running')",
    "CREATE INDEX training_examples_record ON training_examples (record_id)",
    "CREATE INDEX contaminations_uncounted ON contaminations (run_id) WHERE NOT counted",
    "CREATE INDEX feedback_uncounted ON feedback (model_id) WHERE NOT counted",
)


def upgrade() -> None:
    for statement in (*kit_0001.UPGRADE, *TABLES, *INDEXES):
        op.execute(statement)
