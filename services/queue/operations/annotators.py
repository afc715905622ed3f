"""Annotators: registered and changed by managers, published without their names, assessed by qa."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.queue.exceptions import AnnotatorChangedMeanwhile, AnnotatorExists
from services.queue.storage import annotators, memberships, servability, withdrawals
from services.queue.storage.annotators import Annotator
from shared.contracts.events import AnnotatorAssessed, AnnotatorChanged
from shared.contracts.values import AnnotatorStatus, AssessmentStatus
from shared.kit.consuming import EventSet
from shared.kit.database import Session
from shared.kit.outbox import publish


async def register_annotator(session: Session, annotator: Annotator) -> Annotator:
    """Raises AnnotatorExists when the subject is registered already."""
    if not await annotators.add(session, annotator):
        raise AnnotatorExists
    await _publish(session, annotator)
    return annotator


async def change_annotator(
    session: Session, annotator_id: UUID, changes: Mapping[str, Any], expected: frozenset[int] | None, now: datetime
) -> Annotator | None:
    """Change some of an annotator's fields; None when there is no such annotator. Who works no more holds nothing.

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
    if changed.status is not AnnotatorStatus.ACTIVE:
        await withdrawals.add(session, [(annotator_id, None)], now)
    await _publish(session, changed)
    return changed


async def invite(session: Session, annotator_id: UUID, project_id: UUID) -> bool:
    """Have the annotator among the project's people, before they ask for work; False when either is not known."""
    if not await memberships.invite(session, annotator_id, project_id):
        return False
    await servability.add_arrivals(session, [annotator_id])
    return True


async def remove(session: Session, annotator_id: UUID, project_id: UUID, now: datetime) -> bool:
    """Take the annotator out of the project, and back what they hold there; False when they were none of its people."""
    if not await memberships.remove(session, annotator_id, project_id):
        return False
    await withdrawals.add(session, [(annotator_id, project_id)], now)
    return True


def published(annotator: Annotator) -> AnnotatorChanged:
    """What others may know: no name, no subject."""
    return AnnotatorChanged(
        annotator_id=annotator.annotator_id,
        pool=annotator.pool,
        skills=dict(annotator.skills),
        languages=list(annotator.languages),
        status=annotator.status,
    )


async def keep_assessments(session: Session, events: EventSet[AnnotatorAssessed], now: datetime) -> None:
    """Keep qa's newest view of each annotator in each project. Who is paused holds nothing there."""
    newest: dict[tuple[UUID, UUID], AnnotatorAssessed] = {}
    for event in events:
        assert event.project_id is not None
        key, assessed = (event.payload.annotator_id, event.project_id), event.payload
        if key not in newest or newest[key].assessment_revision < assessed.assessment_revision:
            newest[key] = assessed
    before = await annotators.assess(
        session, [(*key, one.status, one.assessment_revision) for key, one in newest.items()]
    )
    reinstated = {
        annotator_id
        for (annotator_id, project_id), was in before.items()
        if was is AssessmentStatus.PAUSED and newest[annotator_id, project_id].status is not AssessmentStatus.PAUSED
    }
    await servability.add_arrivals(session, reinstated)
    paused = [key for key, one in newest.items() if one.status is AssessmentStatus.PAUSED]
    await withdrawals.add(session, paused, now)


async def _publish(session: Session, annotator: Annotator) -> None:
    if annotator.status is AnnotatorStatus.ACTIVE:
        await servability.add_arrivals(session, [annotator.annotator_id])
    await publish(session, published(annotator), revision=annotator.revision)
