"""What has changed since the champion was made."""

from typing import Annotated
from uuid import UUID

from services.prelabel.api.drift_shapes import ModelDriftOut
from services.prelabel.operations import drift
from services.prelabel.storage import drift as kept
from services.prelabel.storage import models, projects
from shared.contracts.values import Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.endpoints import edge_router
from shared.kit.problems import responses

router = edge_router("learning")

Reader = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.AUDITOR)]


@router.get("/projects/{project_id}/drift", responses=responses(404), summary="See what has changed")
async def read_drift(session: SessionDep, _reader: Reader, project_id: UUID) -> ModelDriftOut:
    """Whether what comes in, what the champion answers and what people say has changed since it was made, and whether it errs
    more often in use than was promised.

    Held-out records are compared, a hundred at a time, and each alarm has the stated rate of false alarms over all looks.
    """
    await projects.check_exists(session, project_id)
    champion = await models.champion(session, project_id)
    if champion is None:
        return ModelDriftOut.without_champion(project_id)
    watched = await kept.watch(session, champion.model_id)
    findings = await kept.findings(session, champion.model_id)
    return ModelDriftOut.of(champion, watched, findings, await drift.live_reports(session, champion, watched))
