"""The registry of models."""

import json
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import File, Form, Request, Response, UploadFile
from pydantic import ValidationError

from services.prelabel.api.model_shapes import (
    MANIFEST_EXAMPLE,
    ArtifactLink,
    LiveErrors,
    ModelDetail,
    ModelOut,
    StageChange,
)
from services.prelabel.exceptions import ManifestRefused, ModelFileErased
from services.prelabel.loop_names import COMPARE, TEST, UNLEARN
from services.prelabel.operations import comparison, promotion, registry, uploads
from services.prelabel.resources import PrelabelRuntime, PrelabelRuntimeDep, backends_of, wake_scoring
from services.prelabel.storage import models, predictions, projects, reports
from services.prelabel.storage.models import Model
from shared.contracts.events import ModelManifest
from shared.contracts.personal_data import mask
from shared.contracts.rules import read_error
from shared.contracts.values import Role
from shared.contracts.visible import Visible
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit, hold_file
from shared.kit.clock import utc_now
from shared.kit.conditions import ExpectedRevisions, set_etag
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import MalformedJson
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import Problem, ProblemError, pointer_to, responses
from shared.kit.storable_json import parse_json

router = edge_router("models")

Trainer = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER)]
Viewer = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.AUDITOR)]

_LARGEST_UPLOAD = 512 * 1024 * 1024
_LINK_TTL_S = 120
_MOST_COUNTED = 10_000
_NEWEST = 2**31 - 1


@router.post(
    "/projects/{project_id}/models",
    status_code=201,
    responses={
        200: {"model": ModelOut, "description": "The same model was uploaded before."},
        **responses(404, 409, 413, 422),
    },
    openapi_extra=body_limit(_LARGEST_UPLOAD),
    summary="Upload a model",
)
async def upload_model(
    runtime: PrelabelRuntimeDep,
    principal: Trainer,
    project_id: UUID,
    response: Response,
    model: Annotated[UploadFile, File(description="The ONNX file, with its weights inside.")],
    manifest: Annotated[
        str, Form(description="The manifest, as JSON.", max_length=1_000_000, examples=[json.dumps(MANIFEST_EXAMPLE)])
    ],
    request: Request,
    reason: Annotated[
        str, Form(description="Where it comes from.", min_length=1, max_length=2000), Visible
    ] = "uploaded",
    use_now: Annotated[
        bool,
        Form(
            description="Make it the champion at once, without a comparison; the `reason` is then to be given, and is kept"
            " with who decided so."
        ),
    ] = False,
) -> ModelOut:
    """An ONNX file and its manifest become a challenger, once a process of its own has tried the file out.

    The same bytes with the same manifest are the same model: then it is answered with 200.
    """
    if use_now and "reason" not in await request.form():
        missing = ProblemError(pointer="/reason", rule="missing", detail="Say why it is used without a comparison.")
        raise Problem(422, "invalid-request", "The request breaks a rule.", errors=[missing])
    declared = _manifest(manifest)
    limits = runtime.resources.uploads
    await hold_file(request, min(model.size or 0, limits.model_bytes))
    data = await model.read(limits.model_bytes + 1)
    if len(data) > limits.model_bytes:
        raise Problem(
            413,
            "body-too-large",
            "The body is too large.",
            f"A model has at most {limits.model_bytes} bytes.",
        )
    try:
        uploaded = await uploads.upload(
            backends_of(runtime), principal, limits, project_id=project_id, manifest=declared, data=data,
            reason=mask(reason), use_now=use_now,
        )  # fmt: skip
    except ManifestRefused as error:
        error.pointer = f"/manifest{error.pointer}"
        raise
    if uploaded.is_new:
        runtime.wake(COMPARE)
    else:
        response.status_code = 200
        runtime.wake(UNLEARN)  # which deletes the file of one that came at the same time
    if use_now:
        _wake_after_promotion(runtime, project_id)
    return _with_tag(response, uploaded.model, uploaded.next_step)


@router.get("/projects/{project_id}/models", responses=responses(404), summary="List models")
async def list_models(
    session: SessionDep, _viewer: Viewer, project_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ModelOut]:
    """The project's models, the newest first."""
    await projects.check_exists(session, project_id)
    before = decode_cursor(after, int)[0] if after else _NEWEST
    rows = await models.page(session, project_id, min(before, _NEWEST), limit + 1)
    return page_of([ModelOut.of(row) for row in rows], limit, "version")


@router.get("/models/{model_id}", responses=responses(404), summary="Read a model")
async def read_model(
    session: SessionDep, runtime: PrelabelRuntimeDep, viewer: Viewer, model_id: UUID, response: Response
) -> ModelDetail:
    """With its live error rate, how often it had no answer, and what qa has set and seen for it."""
    model = await models.get(session, model_id)
    viewer.check_project(model.project_id)
    set_etag(response, model.revision)
    return ModelDetail(
        **ModelOut.of(model, await comparison.next_step_of(session, runtime.resources.projects, model)).model_dump(),
        live=LiveErrors.of(await reports.feedback_counts(session, model_id)),
        unanswered=await predictions.count_unanswered(session, model_id, _MOST_COUNTED),
        thresholds=await reports.notes(session, model_id, "threshold"),
        drift=list(model.drift),
    )


@router.get("/models/{model_id}/artifact", responses=responses(404, 410), summary="Get a model's file")
async def read_artifact(
    session: SessionDep, runtime: PrelabelRuntimeDep, trainer: Trainer, model_id: UUID
) -> ArtifactLink:
    """A URL that needs no token, for two minutes."""
    model = await models.get(session, model_id)
    trainer.check_project(model.project_id)
    await runtime.check_content(trainer, model.project_id, session)  # it holds words of what it learnt from
    if model.file_retired:
        raise ModelFileErased(f"model {model_id}")
    url = await runtime.objects.signed_url(model.key, _LINK_TTL_S)
    return ArtifactLink(
        url=url,
        expires_at=utc_now() + timedelta(seconds=_LINK_TTL_S),
        sha256=model.sha256,
        size_bytes=model.size_bytes,
    )


@router.post("/models/{model_id}/promotion", responses=responses(404, 410, 412), summary="Promote a model")
async def promote_model(
    runtime: PrelabelRuntimeDep,
    principal: Trainer,
    model_id: UUID,
    change: StageChange,
    response: Response,
    expected: ExpectedRevisions,
) -> ModelOut:
    """Make a model the champion, whatever the comparison found. Records are scored anew.

    So an uploaded model is put to use where there is nothing yet to compare it with. One that was never compared is
    measured on the labels of the validation split that are there, to calibrate it.
    """
    champion = await promotion.promote(backends_of(runtime), principal, model_id, mask(change.reason), expected)
    _wake_after_promotion(runtime, champion.project_id)
    return _with_tag(response, champion)


@router.post("/models/{model_id}/rollback", responses=responses(404, 409, 410, 412), summary="Roll a champion back")
async def roll_back_model(
    session: SessionDep,
    runtime: PrelabelRuntimeDep,
    principal: Trainer,
    model_id: UUID,
    change: StageChange,
    response: Response,
    expected: ExpectedRevisions,
) -> ModelOut:
    """Retire the champion; the one before it is champion again and is answered. Records are scored anew."""
    principal.check_project((await models.get(session, model_id)).project_id)
    champion = await registry.roll_back(
        session, model_id, mask(change.reason), utc_now(), decided_by=principal.actor, expected=expected
    )
    session.on_commit(lambda: _wake_after_promotion(runtime, champion.project_id))
    return _with_tag(response, champion)


def _wake_after_promotion(runtime: PrelabelRuntime, project_id: UUID) -> None:
    wake_scoring(runtime, project_id)
    runtime.wake(TEST)
    runtime.wake(UNLEARN)


def _manifest(text: str) -> ModelManifest:
    try:
        parse_json(text.encode(errors="surrogatepass"))
        return ModelManifest.model_validate_json(text, strict=True)
    except MalformedJson:
        raise Problem(422, "malformed-json", "The manifest is not JSON (RFC 8259).", pointer="/manifest") from None
    except Problem as problem:
        pointer = f"/manifest{problem.pointer or ''}"
        raise Problem(problem.status, problem.type, problem.title, problem.explanation, pointer=pointer) from None
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        errors = [
            ProblemError(pointer=pointer_to(["manifest", *error.path]), rule=error.rule, detail=error.detail)
            for error in map(read_error, found)
        ]
        raise Problem(422, "manifest-refused", "The manifest is not one.", errors=errors) from None


def _with_tag(response: Response, model: Model, next_step: str | None = None) -> ModelOut:
    set_etag(response, model.revision)
    return ModelOut.of(model, next_step)
