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
from services.prelabel.exceptions import InferenceFailed, ModelFileErased
from services.prelabel.loop_names import COMPARE, TEST, UNLEARN
from services.prelabel.operations import comparison, registry
from services.prelabel.operations.checks import check_model
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.resources import PrelabelRuntime, PrelabelRuntimeDep, wake_scoring
from services.prelabel.storage import models, predictions, projects, reports
from services.prelabel.storage.models import Model
from shared.contracts.events import ModelEvaluation, ModelManifest
from shared.contracts.personal_data import mask
from shared.contracts.rules import read_error
from shared.contracts.values import ModelStage, Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit, hold_file
from shared.kit.clock import new_id, utc_now
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.conditions import ExpectedRevisions, set_etag
from shared.kit.database import Session
from shared.kit.endpoints import edge_router
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import Problem, ProblemError, pointer_to, responses

router = edge_router("models")

Trainer = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER)]
Viewer = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.AUDITOR)]

_LARGEST_UPLOAD = 512 * 1024 * 1024
_LINK_TTL_S = 120
_MOST_MEASURED_NOW = 500
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
    reason: Annotated[str, Form(description="Where it comes from.", min_length=1, max_length=2000)] = "uploaded",
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
    async with runtime.database.transaction() as session:
        known = await registry.check_upload(
            session, runtime.resources.projects, project_id, declared, registry.fingerprint(data)
        )
        next_step = None if known is None else await _next_step(session, runtime, known)
    if known is not None:
        response.status_code = 200
        if use_now:
            return _with_tag(response, await _promote(runtime, known, reason, principal))
        return _with_tag(response, known, next_step)
    checked = await check_model(
        runtime.compute, data, declared, project_id=project_id, timeout_s=limits.check_timeout_s,
        memory_mb=limits.check_memory_mb,
    )  # fmt: skip
    model_id = new_id()
    await registry.write_file(runtime.database, runtime.objects, model_id, data, utc_now())
    async with runtime.database.transaction() as session:
        added = await registry.register(
            session, model_id=model_id, project_id=project_id, manifest=checked, data=data, reason=_masked(reason),
            created_by=principal.actor, now=utc_now(),
        )  # fmt: skip
        next_step = await _next_step(session, runtime, added)
    if added.model_id != model_id:  # the same model came at the same time
        runtime.wake(UNLEARN)  # which deletes its file
        response.status_code = 200
    if use_now:
        return _with_tag(response, await _promote(runtime, added, reason, principal))
    runtime.wake(COMPARE)
    return _with_tag(response, added, next_step)


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
        **ModelOut.of(model, await _next_step(session, runtime, model)).model_dump(),
        live=LiveErrors.of(await reports.feedback_counts(session, model_id)),
        unanswered=await predictions.count_unanswered(session, model_id, _MOST_COUNTED),
        thresholds=await reports.notes(session, model_id, "threshold"),
        drift=await reports.notes(session, model_id, "drift"),
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
    async with runtime.database.transaction() as session:
        model = await models.get(session, model_id)
    principal.check_project(model.project_id)
    return _with_tag(response, await _promote(runtime, model, change.reason, principal, expected))


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
        session, model_id, _masked(change.reason), utc_now(), decided_by=principal.actor, expected=expected
    )
    session.on_commit(lambda: wake_scoring(runtime, champion.project_id))
    session.on_commit(lambda: runtime.wake(TEST))
    session.on_commit(lambda: runtime.wake(UNLEARN))
    return _with_tag(response, champion)


async def _promote(
    runtime: PrelabelRuntime,
    model: Model,
    reason: str,
    principal: Principal,
    expected: frozenset[int] | None = None,
) -> Model:
    """Make it the champion because somebody decided so."""
    evaluation = await _evaluated_now(runtime, model)
    async with runtime.database.transaction() as session:
        champion = await registry.promote(
            session, model.model_id, _masked(reason), utc_now(), evaluation=evaluation, expected=expected,
            decided_by=principal.actor,
        )  # fmt: skip
    wake_scoring(runtime, champion.project_id)
    runtime.wake(TEST)
    runtime.wake(UNLEARN)
    return champion


async def _evaluated_now(runtime: PrelabelRuntime, model: Model) -> ModelEvaluation | None:
    """Measure a challenger that was not compared yet; None when there is nothing to measure it on, or that failed."""
    if model.stage is not ModelStage.CHALLENGER or model.compared:
        return None
    async with runtime.database.transaction() as session:
        contest = await comparison.prepare(session, model, _MOST_MEASURED_NOW)
    if not contest.examples:
        return None
    try:
        outcome = await comparison.measure(
            runtime.resources.inference, Reader(runtime.objects, runtime.compute, model.project_id), contest
        )
    except (InferenceFailed, ComputeFailed):
        return None
    return None if outcome is None else comparison.evaluated(contest, outcome)


def _manifest(text: str) -> ModelManifest:
    try:
        return ModelManifest.model_validate_json(text, strict=True)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        if any(item["type"] == "json_invalid" for item in found):
            raise Problem(422, "malformed-json", "The manifest is not JSON (RFC 8259).", pointer="/manifest") from None
        errors = [
            ProblemError(pointer=pointer_to(["manifest", *error.path]), rule=error.rule, detail=error.detail)
            for error in map(read_error, found)
        ]
        raise Problem(422, "manifest-refused", "The manifest is not one.", errors=errors) from None


def _masked(reason: str) -> str:
    return mask(reason)


async def _next_step(session: Session, runtime: PrelabelRuntime, model: Model) -> str | None:
    return await comparison.next_step_of(session, runtime.resources.projects, model)


def _with_tag(response: Response, model: Model, next_step: str | None = None) -> ModelOut:
    set_etag(response, model.revision)
    return ModelOut.of(model, next_step)
