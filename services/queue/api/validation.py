"""The check that guards every road in, live for a frontend."""

from typing import Annotated

from services.queue.api.shapes import LEASE_ID_EXAMPLE, ValidationIn, ValidationOut, ViolationOut
from services.queue.exceptions import UnknownSchemaVersion, errors_of
from services.queue.operations import work_check
from services.queue.resources import QueueRuntime, QueueRuntimeDep
from shared.contracts.answers import Content, LabelSchema
from shared.contracts.answers.examples import body_examples
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.values import Role
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit
from shared.kit.database import Session
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.problems import Problem, responses

router = edge_router("validation")

Caller = Annotated[Principal, requires(Role.ANNOTATOR, Role.ARBITER, Role.MANAGER)]


@router.post(
    "/validate",
    openapi_extra={**body_limit(2 * MAX_EVENT_BYTES), **body_examples(token=LEASE_ID_EXAMPLE)},
    responses=responses(404, 409, 410, 413),
    summary="Check answers",
)
async def validate_answers(principal: Caller, runtime: QueueRuntimeDep, body: ValidationIn) -> ValidationOut:
    """Check answers as a submit does; nothing is stored. Of a picture in `fields` give width and height."""
    async with runtime.database.autocommit() as session:
        schema, content = await _checked_against(session, runtime, principal, body)
    found = errors_of(await work_check.violations_of(schema, content, body.answers, body.offset_unit))
    return ValidationOut(valid=not found, violations=[ViolationOut(**error) for error in found])


async def _checked_against(
    session: Session, runtime: QueueRuntime, principal: Principal, body: ValidationIn
) -> tuple[LabelSchema, Content]:
    """The lease's schema and content, or those that the body names."""
    projects = runtime.resources.projects
    if body.token is not None:
        _refuse_beside_token(body)
        return await work_check.schema_and_content(session, projects, principal, body.token)
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
    return schema, body.fields


def _refuse_beside_token(body: ValidationIn) -> None:
    """Raises the 422 problem: a lease has its own project, schema version and content, and others would count for nothing."""
    for name in ("project_id", "schema_version", "fields"):
        if name in body.model_fields_set and getattr(body, name) is not None:
            raise Problem(
                422,
                "checked-against-two",
                "Answers are checked against one thing.",
                f"The token's lease says what they are checked against: leave {name} out, or the token.",
                pointer=f"/{name}",
            )
