"""Erased records, how far what was published of them is taken back, and which models learnt from them.

- `unlearnings`: runs that learnt from records which were erased since.
- `retired_files`: models whose files are to be deleted, or are: `gone_at` says when.
"""

from alembic import op

from shared.kit.migrations import kit_0005

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


UPGRADE = (
    """
    CREATE TABLE unlearnings (
        run_id uuid NOT NULL,
        record_id uuid NOT NULL,
        erased_at timestamptz NOT NULL,
        PRIMARY KEY (record_id, run_id)
    )
    """,
    "CREATE INDEX unlearnings_of_run ON unlearnings (run_id)",
    """
    INSERT INTO unlearnings (run_id, record_id, erased_at)
    SELECT run_id, record_id, now() FROM training_examples JOIN records USING (record_id) WHERE state = 'erased'
    """,
    """
    CREATE TABLE retired_files (
        model_id uuid PRIMARY KEY,
        project_id uuid NOT NULL,
        gone_at timestamptz
    )
    """,
    "CREATE INDEX retired_files_left ON retired_files (model_id) WHERE gone_at IS NULL",
)


def upgrade() -> None:
    for statement in kit_0005.UPGRADE:
        op.execute(statement)
    op.execute(kit_0005.TOMBSTONES.format(erased_at="now()"))
    for statement in UPGRADE:
        op.execute(statement)
