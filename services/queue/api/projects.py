"""How far a project is."""

from typing import Annotated
from uuid import UUID

from services.queue.api.shapes import ProgressOut
from services.queue.resources import QueueRuntimeDep
from services.queue.storage import progress
from shared.contracts.values import RecordState, Role, Route
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.problems import responses

router = edge_router("projects")

# Not for annotators: how much gold there is, and when it was answered, would give away which tasks are gold.
Reader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, Role.TRAINER, Role.PRODUCT)]


@router.get("/projects/{project_id}/progress", responses=responses(404), summary="See a project's progress")
async def read_progress(
    session: SessionDep, _reader: Reader, runtime: QueueRuntimeDep, project_id: UUID
) -> ProgressOut:
    """Exact at its moment; it costs the same whatever the project's size."""
    if await runtime.resources.projects.find(session, project_id) is None:
        raise NotKnownHere("project", project_id)
    found = await progress.read(session, project_id)
    return ProgressOut(
        records={state: found.get(f"records.{state}", 0) for state in RecordState},
        routes={route: found.get(f"route.{route}", 0) for route in Route},
        annotations=found.get("annotations", 0),
        annotations_wanted=found.get("annotations_wanted", 0),
        gold_annotations=found.get("gold_annotations", 0),
        arbitrations=found.get("arbitrations", 0),
        decisions=found.get("decisions", 0),
        skips=found.get("skips", 0),
    )
