"""The check that guards every road in, live for a frontend."""

from typing import Annotated

from services.queue.api.shapes import ValidationIn, ValidationOut, ViolationOut
from services.queue.exceptions import SchemaViolated, UnknownSchemaVersion
from services.queue.operations import submission
from services.queue.resources import QueueRuntimeDep
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.values import Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.problems import Problem, responses

router = edge_router("validation")

Caller = Annotated[Principal, requires(Role.ANNOTATOR, Role.ARBITER, Role.MANAGER)]


@router.post(
    "/validate",
    openapi_extra=body_limit(2 * MAX_EVENT_BYTES),
    responses=responses(404, 409, 410),
    summary="Check answers",
)
async def validate_answers(
    session: SessionDep, principal: Caller, runtime: QueueRuntimeDep, body: ValidationIn
) -> ValidationOut:
    """Check answers; nothing is stored."""
    projects = runtime.resources.projects
    if body.token is not None:
        return _answer(await submission.check_answers(session, projects, principal, body.token, body.answers))
    if body.project_id is None:
        raise Problem(422, "nothing-to-check-against", "Give a lease's token or a project_id.", pointer="/project_id")
    principal.check_project(body.project_id)
    project = await projects.find(session, body.project_id)
    if project is None:
        raise NotKnownHere("project", body.project_id)
    version = project.content.active_schema if body.schema_version is None else body.schema_version
    schema = None if version is None else project.schemas.get(version)
    if schema is None:
        raise UnknownSchemaVersion
    try:
        await submission.check_answers_of_schema(schema, body.fields, body.answers)
    except SchemaViolated as violated:
        return _answer(violated.errors)
    return _answer([])


def _answer(errors: list[dict[str, str]]) -> ValidationOut:
    return ValidationOut(valid=not errors, violations=[ViolationOut(**error) for error in errors])
