"""Annotators, for managers: the only place where a person has a name.

They work for every project, so a token that is limited to some governs none of them, nor reads their names. How they do
in a project is published by qa.
"""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from services.queue.api.shapes import AnnotatorChange, AnnotatorOut, MemberOut, NewAnnotator
from services.queue.operations import annotators
from services.queue.resources import QueueRuntimeDep
from services.queue.storage import annotators as storage
from services.queue.storage import memberships
from services.queue.storage.annotators import Annotator
from services.queue.storage.records import FIRST
from shared.contracts.values import AnnotatorStatus, Pool, Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.clock import new_id, utc_now
from shared.kit.conditions import ExpectedRevisions, set_etag
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.idempotency import IdempotentDep, replay_or_run
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import responses

router = edge_router("annotators")

Manager = Annotated[Principal, requires(Role.MANAGER, whole_suite=True)]
ProjectManager = Annotated[Principal, requires(Role.MANAGER)]


class _Registered(BaseModel):
    """What is kept of a registration under its `Idempotency-Key`: no name, and no subject."""

    annotator_id: UUID


@router.post(
    "/annotators",
    status_code=201,
    response_model=AnnotatorOut,
    responses=responses(409),
    summary="Register an annotator",
)
async def register_annotator(
    session: SessionDep, principal: Manager, request: Request, body: NewAnnotator, _key: IdempotentDep = None
) -> Response:
    """Who signs in with a token of this subject may then lease tasks, in every project: it needs a token that isn't
    limited to projects. A request that is sent again with its key gets the annotator as they are by then.
    """

    async def register() -> _Registered:
        one = Annotator(
            new_id(),
            body.subject,
            body.name,
            body.pool,
            body.skills,
            body.languages,
            body.status,
            1,
            utc_now(),
        )
        return _Registered(annotator_id=(await annotators.register_annotator(session, one)).annotator_id)

    revision = 1

    async def shown(kept: bytes) -> AnnotatorOut:
        nonlocal revision
        annotator_id = _Registered.model_validate_json(kept).annotator_id
        found = await storage.find(session, annotator_id)
        if found is None:
            raise NotKnownHere("annotator", annotator_id)
        revision = found.revision
        return AnnotatorOut.of(found)

    answer = await replay_or_run(session, request, principal, register, 201, shown)
    set_etag(answer, revision)
    return answer


@router.get("/annotators", summary="List annotators")
async def list_annotators(
    session: SessionDep,
    _manager: Manager,
    pool: Annotated[Pool | None, Query()] = None,
    status: Annotated[AnnotatorStatus | None, Query()] = None,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AnnotatorOut]:
    """By id, which is by age."""
    last = decode_cursor(after, UUID)[0] if after else FIRST
    rows = await storage.page(session, pool, status, last, limit + 1)
    return page_of([AnnotatorOut.of(one) for one in rows], limit, "annotator_id")


@router.get("/annotators/{annotator_id}", responses=responses(404), summary="Read an annotator")
async def read_annotator(
    session: SessionDep, _manager: Manager, annotator_id: UUID, response: Response
) -> AnnotatorOut:
    found = await storage.find(session, annotator_id)
    return _answer(found, annotator_id, response)


@router.patch("/annotators/{annotator_id}", responses=responses(404, 409, 412), summary="Change an annotator")
async def change_annotator(
    session: SessionDep,
    _manager: Manager,
    annotator_id: UUID,
    body: AnnotatorChange,
    response: Response,
    expected: ExpectedRevisions,
    runtime: QueueRuntimeDep,
) -> AnnotatorOut:
    """Pool, skills, languages, status, name or subject. Who is paused or retired gets no more leases, and what they hold
    goes back; their drafts are kept. What changes nothing, as an empty body, is answered with the annotator as they are: no
    revision is counted, no event published.
    """
    changes = body.model_dump(exclude_none=True)
    changed = await annotators.change_annotator(session, annotator_id, changes, expected, utc_now())
    session.on_commit(partial(runtime.wake, "take_back"))
    return _answer(changed, annotator_id, response)


@router.get("/projects/{project_id}/annotators", responses=responses(404), summary="List a project's people")
async def list_members(
    session: SessionDep,
    project_id: UUID,
    _manager: ProjectManager,
    runtime: QueueRuntimeDep,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[MemberOut]:
    """Who has asked for work there or was invited, also who was removed since; by id. Names are with the annotators."""
    last = decode_cursor(after, UUID)[0] if after else FIRST
    if await runtime.resources.projects.find(session, project_id) is None:
        raise NotKnownHere("project", project_id)
    rows = await memberships.page(session, project_id, last, limit + 1)
    return page_of([MemberOut.model_validate(one, from_attributes=True) for one in rows], limit, "annotator_id")


@router.put(
    "/projects/{project_id}/annotators/{annotator_id}",
    status_code=204,
    responses=responses(404),
    summary="Invite an annotator to a project",
)
async def invite_annotator(
    session: SessionDep, project_id: UUID, annotator_id: UUID, _manager: ProjectManager, runtime: QueueRuntimeDep
) -> None:
    """They count among those who can serve its tasks before they ask for the first. Who asks for work needs no invitation,
    unless they were removed.
    """
    if not await annotators.invite(session, annotator_id, project_id):
        raise NotKnownHere("annotator or project", annotator_id)
    session.on_commit(partial(runtime.wake, "find_unservable"))


@router.delete(
    "/projects/{project_id}/annotators/{annotator_id}",
    status_code=204,
    responses=responses(404),
    summary="Remove an annotator from a project",
)
async def remove_annotator(
    session: SessionDep, project_id: UUID, annotator_id: UUID, _manager: ProjectManager, runtime: QueueRuntimeDep
) -> None:
    """They get no more leases there until they are invited again, and what they hold goes back; their drafts are kept."""
    if not await annotators.remove(session, annotator_id, project_id, utc_now()):
        raise NotKnownHere("annotator", annotator_id)
    session.on_commit(partial(runtime.wake, "take_back"))


def _answer(found: Annotator | None, annotator_id: UUID, response: Response) -> AnnotatorOut:
    if found is None:
        raise NotKnownHere("annotator", annotator_id)
    set_etag(response, found.revision)
    return AnnotatorOut.of(found)
