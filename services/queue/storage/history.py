"""What was done, read page by page."""

from dataclasses import dataclass
from uuid import UUID

from services.queue.storage.submissions import Ending, ending_of
from shared.contracts.events import AnnotationSubmitted
from shared.contracts.values import TaskKind
from shared.kit.database import Session
from shared.kit.jsonb import load

_ANNOTATIONS = """
SELECT * FROM annotations WHERE (task_id, slot) > ($1, $2) AND answers IS NOT NULL ORDER BY task_id, slot LIMIT $3
"""
_ENDINGS = "SELECT * FROM ended_leases WHERE token > $1 ORDER BY token LIMIT $2"


@dataclass(frozen=True, slots=True)
class Kept:
    payload: AnnotationSubmitted
    project_id: UUID
    record_id: UUID


async def annotations_page(session: Session, after: tuple[UUID, int], limit: int) -> list[Kept]:
    """Annotations of records that are not erased, by task and slot."""
    return [
        Kept(
            AnnotationSubmitted(
                annotation_id=row["annotation_id"],
                task_id=row["task_id"],
                task_kind=TaskKind(row["kind"]),
                round=row["round"],
                slot=row["slot"],
                annotator_id=row["annotator_id"],
                answers=load(row["answers"]),
                schema_version=row["schema_version"],
                guideline_version=row["guideline_version"],
                leased_at=row["leased_at"],
                submitted_at=row["submitted_at"],
                active_s=row["active_s"],
                prediction_shown=row["prediction_shown"],
                reason=row["reason"],
            ),
            row["project_id"],
            row["record_id"],
        )
        for row in await session.raw.fetch(_ANNOTATIONS, *after, limit)
    ]


async def endings_page(session: Session, after: UUID, limit: int) -> list[Ending]:
    return [ending_of(row) for row in await session.raw.fetch(_ENDINGS, after, limit)]
