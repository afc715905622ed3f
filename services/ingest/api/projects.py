"""Projects: their versions, and which of them are active."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Body, Query, Request, Response

from services.ingest.api.shapes import (
    SCHEMA_EXAMPLE,
    NewGuideline,
    NewProject,
    PoliciesIn,
    ProjectChange,
    ProjectForWork,
    ProjectOut,
    ProjectSummary,
)
from services.ingest.domain.projects import Project, ProjectParts
from services.ingest.exceptions import (
    ImpossiblePurpose,
    LabelShowsNothing,
    LabelsLookAlike,
    LabelTurnsWriting,
    PersonalDataInPolicies,
    PersonalDataInSchema,
)
from services.ingest.operations import projects
from services.ingest.resources import IngestRuntime, IngestRuntimeDep
from services.ingest.storage import projects as storage
from services.ingest.storage.records import FIRST
from shared.contracts.answers import LabelSchema
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.policies import PRESETS, PolicyPreset, from_preset
from shared.contracts.values import Role, json_pointer
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit
from shared.kit.clock import new_id, utc_now
from shared.kit.conditions import ExpectedRevisions, set_etag
from shared.kit.endpoints import edge_router
from shared.kit.idempotency import IdempotentDep, replay_or_run
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import responses
from shared.recognition.choice import RecogniserNotInstalled

router = edge_router("projects")

MOST_BODY_BYTES = 2 * MAX_EVENT_BYTES
"""A project travels as one event; as JSON with escapes it may be longer."""

Manager = Annotated[Principal, requires(Role.MANAGER)]
Founder = Annotated[Principal, requires(Role.MANAGER, whole_suite=True)]
_SEE_VERSIONS = (Role.MANAGER, Role.PRODUCT, Role.TRAINER, Role.AUDITOR)
Reader = Annotated[
    Principal,
    requires(*_SEE_VERSIONS, Role.ANNOTATOR, Role.ARBITER),
]
Activate = Annotated[bool, Query(description="Make it the active version at once; it affects later rounds only.")]
Force = Annotated[
    bool,
    Query(description="Make a schema version active even if none of the open records has the fields that it needs."),
]


@router.post(
    "/projects",
    status_code=201,
    response_model=ProjectOut,
    responses=responses(413),
    openapi_extra=body_limit(MOST_BODY_BYTES),
    summary="Create a project",
)
async def create_project(
    runtime: IngestRuntimeDep, principal: Founder, request: Request, body: NewProject, _key: IdempotentDep = None
) -> Response:
    """Names, titles and guidelines are de-identified; labels that hold personal data are refused. It needs a token that
    isn't limited to projects.
    """
    now = utc_now()
    has_policies = body.policies is not None or body.preset is not None
    policies = from_preset(body.preset, body.policies) if has_policies else None
    try:
        parts = await projects.cleaned(
            runtime.compute, ProjectParts(body.name, body.label_schema, body.guideline, policies)
        )
    except (PersonalDataInSchema, LabelShowsNothing, LabelsLookAlike, LabelTurnsWriting) as error:
        error.pointer = json_pointer("schema") + error.pointer
        raise
    except (PersonalDataInPolicies, ImpossiblePurpose, RecogniserNotInstalled) as error:
        error.pointer = json_pointer("policies") + error.pointer
        raise
    project = projects.new_project(new_id(), parts.name or "", now)
    if parts.label_schema is not None:
        project = project.with_schema(parts.label_schema, now, activate=True)
    if parts.guideline is not None:
        project = project.with_guideline(parts.guideline, now, activate=True)
    if parts.policies is not None:
        without = project
        project = project.with_policies(parts.policies, now, activate=True)
        if not project.masks_as(without):
            principal.check_personal_data()
    async with runtime.database.transaction() as session:

        async def create() -> ProjectOut:
            return ProjectOut.of(await projects.create(session, project))

        answer = await replay_or_run(session, request, principal, create, 201)
    set_etag(answer, 1)
    return answer


@router.get("/projects", summary="List projects")
async def list_projects(
    session: SessionDep, principal: Reader, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ProjectSummary]:
    """By id, which is by age; a token that is limited to projects sees these."""
    last = decode_cursor(after, UUID)[0] if after else FIRST
    only = None if principal.projects is None else sorted(principal.projects)
    rows = await storage.page(session, last, only, limit + 1)
    return page_of([ProjectSummary.model_validate(row) for row in rows], limit, "project_id")


@router.get("/projects/{project_id}", responses=responses(404), summary="Read a project")
async def read_project(
    session: SessionDep, reader: Reader, project_id: UUID, response: Response
) -> ProjectOut | ProjectForWork:
    """With all versions of its schema, guidelines and policies; managers alone see the gold policy.

    Annotators and arbiters see the active schema and guideline.
    """
    project = await projects.load(session, project_id)
    set_etag(response, project.revision)
    if not reader.has(*_SEE_VERSIONS):
        return ProjectForWork.of_active(project)
    return ProjectOut.of(project, gold=reader.has(Role.MANAGER))


@router.patch("/projects/{project_id}", responses=responses(404, 409, 412, 413), summary="Change a project")
async def change_project(
    runtime: IngestRuntimeDep,
    manager: Manager,
    project_id: UUID,
    body: ProjectChange,
    response: Response,
    expected: ExpectedRevisions,
    force: Force = False,
) -> ProjectOut:
    """Rename, pause (nobody is served), archive (nothing is taken in), or activate other versions; another schema version as
    `POST …/schemas` does.

    What changes nothing, as an empty body, is answered with the project as it is: no revision is counted, no event published.
    """
    name = (await projects.cleaned(runtime.compute, ProjectParts(name=body.name), project_id)).name

    def decide(project: Project) -> Project:
        if name is not None:
            project = project.with_name(name)
        if body.status is not None:
            project = project.with_status(body.status)
        return project.activated(body.active_schema, body.active_guideline, body.active_policy)

    return await _change(runtime, project_id, expected, _guarded(manager, decide), response, force=force)


@router.post(
    "/projects/{project_id}/schemas",
    status_code=201,
    responses=responses(404, 409, 412, 413),
    openapi_extra={
        "requestBody": {"content": {"application/json": {"example": SCHEMA_EXAMPLE}}},
        **body_limit(MOST_BODY_BYTES),
    },
    summary="Add a schema version",
)
async def add_schema(
    runtime: IngestRuntimeDep,
    _manager: Manager,
    project_id: UUID,
    body: LabelSchema,
    response: Response,
    expected: ExpectedRevisions,
    activate: Activate = True,
    force: Force = False,
) -> ProjectOut:
    """Once it is active, records that come later are checked against it; open tasks that nobody has touched move to it, what
    somebody holds ends as it was granted. `open_records` in the answer says how many of the open records have the fields that
    it needs; where there are some and none has, the answer is 409 `no-open-record-fits` unless `force=true` is given.
    """
    now = utc_now()
    schema = (await projects.cleaned(runtime.compute, ProjectParts(label_schema=body), project_id)).label_schema
    assert schema is not None
    return await _change(
        runtime,
        project_id,
        expected,
        lambda project: project.with_schema(schema, now, activate=activate),
        response,
        force=force,
    )


@router.post(
    "/projects/{project_id}/guidelines",
    status_code=201,
    responses=responses(404, 412, 413),
    openapi_extra=body_limit(MOST_BODY_BYTES),
    summary="Add a guideline version",
)
async def add_guideline(
    runtime: IngestRuntimeDep,
    _manager: Manager,
    project_id: UUID,
    body: NewGuideline,
    response: Response,
    expected: ExpectedRevisions,
    activate: Activate = True,
) -> ProjectOut:
    """Its version is stamped on every annotation made under it. Once it is active, open tasks that nobody has touched move
    to it; what somebody holds ends as it was granted.
    """
    now = utc_now()
    markdown = (await projects.cleaned(runtime.compute, ProjectParts(guideline=body.markdown), project_id)).guideline
    assert markdown is not None
    return await _change(
        runtime,
        project_id,
        expected,
        lambda project: project.with_guideline(markdown, now, activate=activate),
        response,
    )


_POLICIES_EXAMPLE = {
    "redundancy": {"without_model": 3, "maximum": 7},
    "auto_accept": {"error_budget": 0.01},
    "serving": {"lease_ttl_s": 900},
}


@router.get("/policy-presets", summary="List the presets of policies")
async def list_presets(_manager: Manager) -> Page[PolicyPreset]:
    """Policies for usual purposes: name one when a project is made, or where its policies are set."""
    return Page(items=list(PRESETS.values()), next=None)


@router.put("/projects/{project_id}/policies", responses=responses(404, 412, 413), summary="Set the policies")
async def set_policies(
    runtime: IngestRuntimeDep,
    manager: Manager,
    project_id: UUID,
    body: Annotated[PoliciesIn, Body(examples=[_POLICIES_EXAMPLE])],
    response: Response,
    expected: ExpectedRevisions,
    activate: Activate = True,
) -> ProjectOut:
    """As a whole, as a new version: what is left out is as in the `preset`, or has its default. The split of records that
    are here stays. Open tasks that nobody has touched are routed again by what is active now; what somebody holds, or has
    answered, stays as it was asked for. What `deidentification` masks changes for what comes from now on, and needs the role `personal_data`:
    a project that ever kept any holds personal data from then on. A recogniser that is not installed is refused
    (`recogniser-not-installed`); `not_recognised` in the answer are the kinds that nothing looks for.
    """
    now, policies = utc_now(), body.whole()
    await projects.cleaned(runtime.compute, ProjectParts(policies=policies), project_id)

    def decide(project: Project) -> Project:
        newest = project.policies[-1]
        if newest.policies == policies:  # sent again
            return project.activated(None, None, newest.version if activate else None)
        return project.with_policies(policies, now, activate=activate)

    return await _change(runtime, project_id, expected, _guarded(manager, decide), response)


def _guarded(manager: Principal, decide: Callable[[Project], Project]) -> Callable[[Project], Project]:
    """Let only who has the role for personal data change what is masked."""

    def decided(project: Project) -> Project:
        after = decide(project)
        if not after.masks_as(project):
            manager.check_personal_data()
        return after

    return decided


async def _change(
    runtime: IngestRuntime,
    project_id: UUID,
    expected: frozenset[int] | None,
    decide: Callable[[Project], Project],
    response: Response,
    *,
    force: bool = False,
) -> ProjectOut:
    async with runtime.database.transaction() as session:
        changed = await projects.change(session, project_id, expected, decide, utc_now(), force=force)
    set_etag(response, changed.project.revision)
    return ProjectOut.of(changed.project, fit=changed.fit)
