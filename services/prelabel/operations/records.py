"""Records come, and go by right."""

import uuid
from uuid import UUID

from services.prelabel.domain import prediction
from services.prelabel.operations import scoring
from services.prelabel.storage import projects, records
from shared.contracts.events import ProjectChanged, RecordAccepted
from shared.contracts.values import ScoredFor
from shared.kit import outbox
from shared.kit.clock import new_id
from shared.kit.database import Session

NOT_SCORED = -1


async def keep_project(session: Session, project_id: UUID, revision: int, state: ProjectChanged) -> list[UUID]:
    """Keep a project's state; answers the keys of the schema versions that it brings, for whoever waits for them."""
    if not await projects.keep(session, project_id, revision, state):
        return []
    return [schema_key(project_id, each.version) for each in state.schemas]


def schema_key(project_id: UUID, version: int) -> UUID:
    """The id under which an event waits for a schema version that this service has not heard of yet."""
    return uuid.uuid5(project_id, f"schema:{version}")


async def accept_record(
    session: Session, record_id: UUID, project_id: UUID, revision: int, payload: RecordAccepted
) -> bool:
    """Keep a record. Without a champion its turn comes by chance, and that is told at once; with one it is due.

    Answers whether it is due for scoring.

    Raises:
        NotKnownHere: the project is not here yet.
    """
    situation = await projects.situation(session, project_id)
    project = situation.project
    draw = project.draw("select", record_id)
    explored = not payload.split.held_out and project.draw("explore", record_id) < project.learning.random_share
    if situation.champion_id is not None:
        return await records.add(
            session,
            record_id,
            project_id,
            revision,
            payload,
            draw=draw,
            explored=explored,
            scored_epoch=NOT_SCORED,
        )
    first = prediction.without_answer(scoring.schema_version_of(project), draw, None, ScoredFor.ROUTING)
    event_id = new_id()
    added = await records.add(
        session,
        record_id,
        project_id,
        revision,
        payload,
        draw=draw,
        explored=explored,
        scored_epoch=situation.epoch,
        prediction_id=event_id,
        prediction=first,
    )
    if added:
        await outbox.publish(session, first, project_id=project_id, record_id=record_id, event_id=event_id)
    return False


async def erase_record(session: Session, record_id: UUID, project_id: UUID, revision: int) -> bool:
    """Delete what the record held and what was made of it; a tombstone stays. Says whether anything changed."""
    return await records.erase(session, record_id, project_id, revision)
