"""Labels come, go, and turn into gold."""

from uuid import UUID

from services.prelabel.domain.objective import label_of, objective_of
from services.prelabel.operations.records import schema_key
from services.prelabel.storage import models, projects, records
from services.prelabel.storage.records import Held
from shared.contracts.events import LabelFinalized
from shared.contracts.values import RecordState
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere


async def keep_label(session: Session, record_id: UUID, revision: int, payload: LabelFinalized) -> bool:
    """Keep the class that the label gives to what the project learns; says whether anything changed.

    Raises:
        NotKnownHere: the record is not here yet, or its project, or the schema version that the label answers.
    """
    held = await _lock_newer(session, record_id, revision)
    if held is None:
        return False
    project = (await projects.situation(session, held.project_id)).project
    schema = project.schemas.get(payload.schema_version)
    if schema is None:
        raise NotKnownHere("schema", schema_key(held.project_id, payload.schema_version))
    objective = objective_of(schema, payload.schema_version)
    await records.finalize(
        session,
        record_id,
        revision,
        label=None if objective is None else label_of(objective, payload.answers),
        schema_version=payload.schema_version,
        by_people=payload.method.by_people,
        trainable=payload.trainable,
    )
    return True


async def change_state(session: Session, record_id: UUID, revision: int, state: RecordState) -> bool:
    """The record is open again, gold, or can't be labelled; says whether anything changed.

    A model that learnt from what is gold now is marked.

    Raises:
        NotKnownHere: the record is not here yet.
    """
    held = await _lock_newer(session, record_id, revision)
    if held is None:
        return False
    await records.change_state(session, record_id, revision, state)
    if state is RecordState.GOLD:
        await models.contaminate(session, record_id)
    return True


async def _lock_newer(session: Session, record_id: UUID, revision: int) -> Held | None:
    """The record, locked; None when it is erased or when what is told is older than what is known."""
    held = await records.lock(session, record_id)
    if held is None:
        raise NotKnownHere("record", record_id)
    if held.state is RecordState.ERASED or revision <= held.state_revision:
        return None
    return held
