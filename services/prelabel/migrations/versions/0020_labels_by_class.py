"""Labels to train on by schema version and by who gave them: in their order, and by class. Candidates by how they were drawn.

Whether a project has labels of two classes is the first and the last of an index; the newest labels of a version are read
without those of others, and what was drawn by chance without what was not.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TRAINABLE = "trainable AND state = 'finalized' AND NOT held_out AND NOT gold_ever AND label IS NOT NULL"
_CANDIDATE = "state = 'open' AND split = 'train' AND batch IS NULL"

UPGRADE = (
    f"""
    CREATE INDEX records_trainable_newest ON records (project_id, label_schema_version, label_by_people, label_seq)
    WHERE {_TRAINABLE}
    """,
    f"""
    CREATE INDEX records_trainable_classes ON records (project_id, label_schema_version, label_by_people, label)
    WHERE {_TRAINABLE}
    """,
    "DROP INDEX records_trainable",
    f"CREATE INDEX records_candidates_by_score ON records (project_id, explored, score DESC) WHERE {_CANDIDATE}",
    f"CREATE INDEX records_candidates_by_draw ON records (project_id, explored, draw) WHERE {_CANDIDATE}",
    "DROP INDEX records_by_score",
    "DROP INDEX records_by_draw",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
