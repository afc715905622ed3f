"""How much is kept of a record, whose lineage shows the newest of it."""

from uuid import UUID

from shared.kit.database import Session

_COUNTS = """
SELECT (SELECT count(*) FROM routes WHERE record_id = $1) AS routes,
    (SELECT count(*) FROM annotations WHERE record_id = $1) AS annotations,
    (SELECT count(*) FROM skips WHERE record_id = $1) AS skips,
    (SELECT count(*) FROM gold WHERE record_id = $1) AS gold,
    (SELECT count(*) FROM labels WHERE record_id = $1) AS labels,
    (SELECT count(*) FROM disputes WHERE record_id = $1) AS disputes,
    (SELECT count(*) FROM decisions WHERE record_id = $1) AS decisions,
    (SELECT count(*) FROM feedback WHERE record_id = $1) AS feedback
"""


async def counts(session: Session, record_id: UUID) -> dict[str, int]:
    """How many there are of each list of the record's lineage."""
    return dict(await session.raw.fetchrow(_COUNTS, record_id))
