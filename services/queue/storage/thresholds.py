"""From which confidence a model's answers may be accepted unseen: the newest that qa said, by question and class."""

from uuid import UUID

from services.queue.domain.routing import Thresholds
from shared.kit.database import Session

# label '' is every class.
_SET = """
INSERT INTO thresholds (project_id, model_id, schema_version, question, label, revision, threshold)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (project_id, model_id, schema_version, question, label) DO UPDATE
SET revision = excluded.revision, threshold = excluded.threshold
WHERE thresholds.revision < excluded.revision
"""
_OF_MODEL = "SELECT schema_version, question, label, revision, threshold FROM thresholds WHERE project_id = $1 AND model_id = $2"


async def set_threshold(
    session: Session,
    project_id: UUID,
    model_id: UUID,
    schema_version: int,
    question: str,
    label: str | None,
    revision: int,
    threshold: float | None,
) -> None:
    await session.raw.execute(_SET, project_id, model_id, schema_version, question, label or "", revision, threshold)


async def of_model(session: Session, project_id: UUID, model_id: UUID, schema_version: int) -> tuple[Thresholds, int]:
    """The model's thresholds for this schema version, and the revision of its newest threshold of any."""
    rows = await session.raw.fetch(_OF_MODEL, project_id, model_id)
    found = {
        (row["question"], row["label"] or None): row["threshold"]
        for row in rows
        if row["schema_version"] == schema_version
    }
    return found, max((row["revision"] for row in rows), default=0)
