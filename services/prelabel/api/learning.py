"""Learning: training runs, batches, and where it all stands."""

from typing import Annotated
from uuid import UUID

from services.prelabel.api.learning_shapes import (
    BatchOut,
    LearningOut,
    TrainingAccepted,
    TrainingRequest,
    TrainingRunOut,
)
from services.prelabel.loop_names import TRAIN
from services.prelabel.operations import comparison, selection, training, training_runs
from services.prelabel.resources import PrelabelRuntimeDep
from services.prelabel.storage import models, projects, runs
from services.prelabel.storage import selection as batches
from shared.contracts.personal_data import mask
from shared.contracts.values import Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.clock import utc_now
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.jobs import enqueue
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import responses

router = edge_router("learning")

Trainer = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER)]
Reader = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.AUDITOR)]

_LAST_ID = UUID(int=2**128 - 1)
_NEWEST = 2**31 - 1


@router.post(
    "/projects/{project_id}/training-runs",
    status_code=202,
    responses=responses(404, 409),
    summary="Start a training run",
)
async def start_training(
    session: SessionDep, runtime: PrelabelRuntimeDep, principal: Trainer, project_id: UUID, asked: TrainingRequest
) -> TrainingAccepted:
    """Train a challenger now, on the labels that are there; a project trains one model at a time."""
    situation = await runtime.resources.projects.situation(session, project_id)
    run = await training.request(
        session, situation, started_by=principal.actor, reason=mask(asked.reason), batch=None, now=utc_now()
    )
    job_id = await enqueue(
        session,
        training_runs.FOLLOW,
        project_id=project_id,
        arguments={"run_id": str(run.run_id)},
        actor=principal.actor,
    )
    session.on_commit(lambda: runtime.wake(TRAIN))
    return TrainingAccepted(job_id=job_id, run_id=run.run_id)


@router.get("/projects/{project_id}/training-runs", responses=responses(404), summary="List training runs")
async def list_training_runs(
    session: SessionDep, _reader: Reader, project_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[TrainingRunOut]:
    """Those that were started by hand and those that labels led to, the newest first."""
    await projects.check_exists(session, project_id)
    before = decode_cursor(after, UUID)[0] if after else _LAST_ID
    rows = await runs.page(session, project_id, before, limit + 1)
    return page_of([TrainingRunOut.of(row) for row in rows], limit, "run_id")


@router.get("/projects/{project_id}/training-runs/{run_id}", responses=responses(404), summary="Read a training run")
async def read_training_run(session: SessionDep, _reader: Reader, project_id: UUID, run_id: UUID) -> TrainingRunOut:
    """How far it is, or how it ended."""
    await projects.check_exists(session, project_id)
    run = await runs.get(session, run_id)
    if run.project_id != project_id:
        raise NotKnownHere("training run", run_id)
    return TrainingRunOut.of(run)


@router.get("/projects/{project_id}/batches", responses=responses(404), summary="List batches of active learning")
async def list_batches(
    session: SessionDep, _reader: Reader, project_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[BatchOut]:
    """What was chosen together for people, the newest first."""
    await projects.check_exists(session, project_id)
    before = decode_cursor(after, int)[0] if after else _NEWEST
    rows = await batches.batches(session, project_id, max(0, min(before, _NEWEST)), limit + 1)
    return page_of([BatchOut.of(row) for row in rows], limit, "batch")


@router.get("/projects/{project_id}/learning", responses=responses(404), summary="See where learning stands")
async def read_learning(
    session: SessionDep, runtime: PrelabelRuntimeDep, _reader: Reader, project_id: UUID
) -> LearningOut:
    """The newest batch, what is being trained, and what the next step waits for."""
    situation = await runtime.resources.projects.situation(session, project_id)
    progress = await selection.learning_progress(session, situation)
    supply = await selection.supply(session, situation, 0.0)
    waiting = await comparison.waiting(session, situation)
    newest = await runs.newest(session, project_id)
    champion = await models.champion(session, project_id)
    return LearningOut.of(situation, progress, supply.candidates, waiting, newest, champion)
