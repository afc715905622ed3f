"""Annotators: registered and changed by managers, told of without their names, watched by qa."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.queue.domain.refusals import AnnotatorChangedMeanwhile, AnnotatorExists
from services.queue.storage import annotators, arrivals
from services.queue.storage.annotators import Annotator
from shared.contracts.events import AnnotatorAssessed, AnnotatorChanged
from shared.contracts.values import AnnotatorStatus, AssessmentStatus
from shared.kit.database import Session
from shared.kit.outbox import publish


async def register_annotator(session: Session, annotator: Annotator) -> Annotator:
    """Raises AnnotatorExists when the subject is registered already."""
    if not await annotators.add(session, annotator):
        raise AnnotatorExists
    await _tell(session, annotator)
    return annotator


async def change_annotator(
    session: Session, annotator_id: UUID, changes: Mapping[str, Any], expected: frozenset[int] | None
) -> Annotator | None:
    """Change some of an annotator's fields; None when there is no such annotator.

    Raises:
        AnnotatorChangedMeanwhile: its revision is not among the `expected`; None expects any.
        AnnotatorExists: the new subject belongs to somebody else.
    """
    found = await annotators.lock(session, annotator_id)
    if found is None:
        return None
    if expected is not None and found.revision not in expected:
        raise AnnotatorChangedMeanwhile
    changed = replace(found, **changes)
    if changed == found:
        return found
    if changed.subject != found.subject and await annotators.subject_taken(session, changed.subject, annotator_id):
        raise AnnotatorExists
    changed = replace(changed, revision=found.revision + 1)
    await annotators.save(session, changed)
    await _tell(session, changed)
    return changed


def told(annotator: Annotator) -> AnnotatorChanged:
    """What others may know: no name, no subject."""
    return AnnotatorChanged(
        annotator_id=annotator.annotator_id,
        pool=annotator.pool,
        skills=dict(annotator.skills),
        languages=list(annotator.languages),
        status=annotator.status,
    )


async def keep_assessment(session: Session, project_id: UUID, assessed: AnnotatorAssessed) -> None:
    before = await annotators.assess(
        session, assessed.annotator_id, project_id, assessed.status, assessed.assessment_revision
    )
    if before is AssessmentStatus.PAUSED and assessed.status is not AssessmentStatus.PAUSED:
        await arrivals.add(session, assessed.annotator_id)


async def _tell(session: Session, annotator: Annotator) -> None:
    if annotator.status is AnnotatorStatus.ACTIVE:
        await arrivals.add(session, annotator.annotator_id)
    await publish(session, told(annotator), revision=annotator.revision)
