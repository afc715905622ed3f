"""Assets: images that are sent apart from their records, and all images when they are looked at."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from services.ingest.api.bodies import HOW_TO_CONVERT
from services.ingest.api.shapes import AssetOut
from services.ingest.media import IMAGE, InlineFile
from services.ingest.operations import files, projects
from services.ingest.resources import IngestRuntime, IngestRuntimeDep
from services.ingest.storage.assets import Asset, object_key
from shared.contracts.values import Role
from shared.kit.auth import Principal, requires
from shared.kit.bodies import hold_file, large_body, lift_body_limit, require_media_type
from shared.kit.clock import utc_now
from shared.kit.endpoints import edge_router
from shared.kit.problems import Problem, responses

router = edge_router("assets")

_FORM_BYTES = 64 * 1024
_FORM = "multipart/form-data"
_OF_TABLES = (".csv", ".tsv", ".xls", ".xlsx")

Sender = Annotated[Principal, requires(Role.PRODUCT, Role.MANAGER)]
Viewer = Annotated[
    Principal, requires(Role.MANAGER, Role.PRODUCT, Role.AUDITOR, Role.ANNOTATOR, Role.ARBITER, Role.TRAINER)
]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "image/png": _BINARY,
            "image/jpeg": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    },
    **large_body(),
}


@router.post(
    "/projects/{project_id}/assets",
    status_code=201,
    responses=responses(404, 409, 413, 415),
    openapi_extra=BODY,
    summary="Upload an image",
)
async def upload_asset(runtime: IngestRuntimeDep, _sender: Sender, project_id: UUID, request: Request) -> AssetOut:
    """A PNG or JPEG, as the body or as the part `file` of a form. It is kept upright, in sRGB and without metadata;
    `changes` lists what that took.

    A record refers to it by `{"asset_id": …}`; until one does, it is kept for a day.
    """
    context = runtime.resources.intake
    data = await _read_body(request, context.limits.max_asset_bytes)
    async with context.database.transaction() as session:
        project = await projects.open_for_intake(session, project_id)
    asset = await files.upload(context, project, InlineFile(IMAGE.name, data))
    return await _answer(runtime, asset)


async def _read_body(request: Request, max_bytes: int) -> bytes:
    media_type = require_media_type(request, *IMAGE.upload_types, _FORM)
    if media_type != _FORM:
        lift_body_limit(request, max_bytes)
        return await request.body()
    lift_body_limit(request, max_bytes + _FORM_BYTES)
    async with request.form(max_files=10, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(
                422, "file-missing", "The form has no image.", "The part named file holds the image.", pointer="/file"
            )
        if (file.filename or "").lower().endswith(_OF_TABLES):
            raise Problem(
                415,
                "media-type-not-accepted",
                "The media type is not one of those accepted.",
                f"This takes one PNG or JPEG. Records come to `POST …/records`; {HOW_TO_CONVERT} shows how to make them of a table.",
                pointer="/file",
                headers={"Accept": ", ".join(IMAGE.upload_types)},
            )
        await hold_file(request, file.size or 0)
        return await file.read()


@router.get(
    "/assets/{asset_id}",
    response_model=AssetOut,
    responses={**responses(404), 307: {"description": "With `redirect=true`: to the image itself."}},
    summary="Look at an image",
)
async def read_asset(
    runtime: IngestRuntimeDep,
    viewer: Viewer,
    asset_id: UUID,
    redirect: Annotated[bool, Query(description="Answer with a redirection to the image.")] = False,
) -> Response:
    """What is known of it, with a URL that needs no token for a while."""
    async with runtime.database.transaction() as session:
        asset = await files.load(session, asset_id)
        viewer.check_project(asset.project_id)
        await runtime.check_content(viewer, asset.project_id, session)
    answer = await _answer(runtime, asset)
    if redirect:
        return RedirectResponse(answer.url, status_code=307)
    return Response(answer.model_dump_json(), media_type="application/json")


async def _answer(runtime: IngestRuntime, asset: Asset) -> AssetOut:
    ttl_s = runtime.resources.limits.asset_url_ttl_s
    expires_at = utc_now() + timedelta(seconds=ttl_s)
    url = await runtime.objects.signed_url(object_key(asset.asset_id), ttl_s, media_type=asset.media_type)
    return AssetOut.of(asset, url, expires_at)
