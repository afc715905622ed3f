"""A person lets a paused annotator work again."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.qa.exceptions import NotPaused
from services.qa.operations.assessments import publish_assessments
from services.qa.storage import annotators
from services.qa.storage.annotators import Era, StoredAssessment
from shared.contracts.values import AssessmentStatus
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere


async def reinstate(
    session: Session, project_id: UUID, annotator_id: UUID, *, reason: str, actor: str, now: datetime
) -> StoredAssessment:
    """Begin a new era: answers given before do not predict those to come.

    Raises:
        NotKnownHere: queue has not published the annotator.
        NotPaused: there is nothing to end.
    """
    before = (await annotators.lock_assessments(session, project_id, [annotator_id])).get(annotator_id)
    if before is None and not await annotators.is_known(session, annotator_id):
        raise NotKnownHere("annotator", annotator_id)
    if before is None or before.status is not AssessmentStatus.PAUSED:
        raise NotPaused("Only a paused annotator can be reinstated.")
    era = before.era + 1
    await annotators.begin_eras(session, project_id, [Era(annotator_id, era, now)])
    reinstated = replace(
        before,
        status=AssessmentStatus.ACTIVE,
        reason="reinstated",
        accuracy=None,
        interval_low=0.0,
        interval_high=1.0,
        gold_answers=0,
        answers=0,
        era=era,
        changed_at=None,
        details={"reinstated_by": actor, "reinstated_because": reason},
        assessed_at=now,
    )
    [published] = await publish_assessments(session, [reinstated])
    return published
