"""The purposes of erased records are gone, as the rest of what came with them.

Erasure left them behind until now. The statements of the previous release go on working.
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE records SET purposes = '{}' WHERE state = 'erased' AND purposes <> '{}'")
