"""Erased records, how far what was published of them is taken back, and what the other services report of theirs.

Why a record was erased was free text, which may name the very person.
"""

from alembic import op

from shared.kit.migrations import kit_0005

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


REPORTS = """
CREATE TABLE erasure_reports (
    record_id uuid NOT NULL,
    service text NOT NULL,
    revision integer NOT NULL,
    erased_at timestamptz NOT NULL,
    places jsonb NOT NULL,
    PRIMARY KEY (record_id, service)
)
"""
# The files that erased records held, until they are deleted and after.
FILES = "CREATE TABLE erased_files (record_id uuid NOT NULL, asset_id uuid NOT NULL, PRIMARY KEY (record_id, asset_id))"
REASONS = """
UPDATE records SET erased_because = 'other'
WHERE erased_because NOT IN ('request', 'consent_withdrawn', 'retention', 'mistake', 'other')
"""


def upgrade() -> None:
    for statement in kit_0005.UPGRADE:
        op.execute(statement)
    op.execute(kit_0005.TOMBSTONES.format(erased_at="erased_at"))
    op.execute(REPORTS)
    op.execute(FILES)
    op.execute(REASONS)
