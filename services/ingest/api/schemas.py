"""One version of a project's schema, and the JSON Schema of answers to it."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Path, Response

from services.ingest.api.projects import Reader
from services.ingest.api.shapes import SCHEMA_EXAMPLE
from services.ingest.operations import projects
from shared.contracts.answers import LabelSchema, answers_schema
from shared.contracts.answers.json_schema import MEDIA_TYPE
from shared.contracts.events import SchemaVersion
from shared.kit.app import SessionDep
from shared.kit.conditions import KnownTags, unless_known
from shared.kit.endpoints import edge_router
from shared.kit.problems import responses

router = edge_router("projects")

Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "You have it already."}}
_ANSWERS_EXAMPLE = answers_schema(LabelSchema.model_validate(SCHEMA_EXAMPLE))


@router.get(
    "/projects/{project_id}/schemas/{version}",
    response_model=SchemaVersion,
    responses={**_NOT_MODIFIED, **responses(404)},
    summary="Read a schema version",
)
async def read_schema(
    session: SessionDep, _reader: Reader, project_id: UUID, version: Version, known: KnownTags
) -> Response:
    """A version never changes."""
    found = await projects.load_schema(session, project_id, version)
    return unless_known(found.model_dump_json().encode(), "application/json", known)


@router.get(
    "/projects/{project_id}/schemas/{version}/answers.schema.json",
    response_class=Response,
    responses={
        200: {
            "description": "The JSON Schema of answers.",
            "content": {MEDIA_TYPE: {"schema": {"type": "object"}, "example": _ANSWERS_EXAMPLE}},
        },
        **_NOT_MODIFIED,
        **responses(404),
    },
    summary="Read the JSON Schema of answers",
)
async def read_answers_schema(
    session: SessionDep, _reader: Reader, project_id: UUID, version: Version, known: KnownTags
) -> Response:
    """Draft 2020-12, of all answers under a schema version: `{question_name: answer}`, as they are submitted.

    It refuses nothing that a submit accepts in canonical form: labels in NFC, boxes within the image. Rules that JSON Schema
    can't express, such as that spans lie within the text, are named in each answer's `$comment`. Offsets of text count
    Unicode code points, unless `offset_unit` is given with the answers.
    """
    found = await projects.load_schema(session, project_id, version)
    return unless_known(orjson.dumps(answers_schema(found.label_schema)), MEDIA_TYPE, known)
