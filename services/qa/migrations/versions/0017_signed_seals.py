"""Seals that are signed, and with each link the proof that it stands under its seal.

What was sealed before was signed by nobody, so it proves nothing: the links are sealed anew. The table `seals` and the
columns `seal_number` and `leaf` are used no more.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE signed_seals (
        project_id uuid NOT NULL,
        number integer NOT NULL,
        leaves integer NOT NULL,
        root bytea NOT NULL,
        previous bytea NOT NULL,
        hash bytea NOT NULL,
        sealed_at timestamptz NOT NULL,
        key_id text NOT NULL,
        signature bytea NOT NULL,
        PRIMARY KEY (project_id, number)
    )
    """,
    # `proof`: the sibling hashes from the leaf up, one after the other.
    "ALTER TABLE chain_links ADD COLUMN signed_seal integer, ADD COLUMN signed_leaf integer, ADD COLUMN proof bytea",
    "DROP INDEX chain_links_unsealed",
    "DROP INDEX chain_links_by_seal",
    "CREATE INDEX chain_links_unsigned ON chain_links (project_id, linked_at) WHERE signed_seal IS NULL",
    # A release holds gold, too, where it was asked for: `split` is 'gold' then, and there is no label.
    "ALTER TABLE release_records ALTER COLUMN label_id DROP NOT NULL",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
