"""Agreement kept up as records change: what each record contributes, counts of patterns and pairs, and the results."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = (
    # Records whose answers changed and are not counted again yet; insert-only, taken away by the loop that counted them.
    """
    CREATE TABLE agreement_changes (
        change_seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        project_id uuid NOT NULL,
        record_id uuid NOT NULL
    )
    """,
    "CREATE INDEX agreement_changes_by_project ON agreement_changes (project_id, change_seq)",
    # A recount writes the next generation beside the one in use. `recounted_by`: the job that does; meanwhile changes wait.
    """
    CREATE TABLE agreement_generations (
        project_id uuid PRIMARY KEY,
        generation integer NOT NULL DEFAULT 1,
        recounted_by uuid
    )
    """,
    # `draw` is a random order of the records that a sample of distances is taken in.
    """
    CREATE TABLE agreement_records (
        project_id uuid NOT NULL,
        generation integer NOT NULL,
        record_id uuid NOT NULL,
        draw bigint,
        contributions jsonb NOT NULL,
        PRIMARY KEY (project_id, generation, record_id)
    )
    """,
    """
    CREATE INDEX agreement_records_drawn ON agreement_records (project_id, generation, draw) WHERE draw IS NOT NULL
    """,
    """
    CREATE TABLE agreement_patterns (
        project_id uuid NOT NULL,
        generation integer NOT NULL,
        schema_version integer NOT NULL,
        question text NOT NULL,
        pattern text NOT NULL,
        records bigint NOT NULL,
        units numeric NOT NULL,
        PRIMARY KEY (project_id, generation, schema_version, question, pattern)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE agreement_pairs (
        project_id uuid NOT NULL,
        generation integer NOT NULL,
        schema_version integer NOT NULL,
        question text NOT NULL,
        first_id uuid NOT NULL,
        second_id uuid NOT NULL,
        first_label text NOT NULL,
        second_label text NOT NULL,
        records bigint NOT NULL,
        PRIMARY KEY (project_id, generation, schema_version, question, first_id, second_id, first_label, second_label)
    ) WITH (fillfactor = 70)
    """,
    # `changes` counts how often the counts changed, `measured_changes` up to which of them `content` was computed.
    """
    CREATE TABLE agreement_results (
        project_id uuid NOT NULL,
        schema_version integer NOT NULL,
        question text NOT NULL,
        changes bigint NOT NULL DEFAULT 1,
        measured_changes bigint NOT NULL DEFAULT 0,
        content jsonb,
        sample text,
        sample_units numeric,
        sample_pairs bigint,
        measured_at timestamptz,
        PRIMARY KEY (project_id, schema_version, question)
    )
    """,
    "CREATE INDEX agreement_results_outdated ON agreement_results (project_id) WHERE measured_changes < changes",
    # A recount walks every record of a project, also those of which only annotations are here yet.
    "CREATE INDEX records_in_order ON records (project_id, record_id)",
    "INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM annotations",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
