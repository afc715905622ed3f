"""Predictions on demand, and those of a record."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Response

from services.prelabel.api.shapes import (
    InlineImage,
    PredictionAnswer,
    PredictionRequest,
    PredictItem,
    RecordPrediction,
)
from services.prelabel.compute import pictures
from services.prelabel.domain import prediction
from services.prelabel.domain.items import Item, shape_of
from services.prelabel.exceptions import ModelSetAside
from services.prelabel.resources import PrelabelRuntime, PrelabelRuntimeDep
from services.prelabel.storage import models, projects, records
from services.prelabel.storage import predictions as kept
from services.prelabel.storage.models import Model
from shared.contracts.events import ModelManifest
from shared.contracts.inline_images import MalformedInlineImage, read_inline_image
from shared.contracts.values import RecordState, Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.compute.pool import ComputePool
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, encode_cursor
from shared.kit.problems import Problem, responses

router = edge_router("predictions")

Asker = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.PRODUCT)]
Reader = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.AUDITOR)]

_NEWEST = 2**31 - 1


@router.post(
    "/projects/{project_id}/predictions",
    response_model=PredictionAnswer,
    responses=responses(404, 409),
    summary="Predict items",
)
async def predict(runtime: PrelabelRuntimeDep, _asker: Asker, project_id: UUID, asked: PredictionRequest) -> Response:
    """What the champion, or another model of the project, predicts for items in the request. Nothing of them is kept.

    An item that the model can't read has no answer and a reason; the others have theirs. With too many waiting the
    answer is 503.
    """
    model = await _model(runtime, project_id, asked.model_id)
    if model.set_aside is not None:
        raise ModelSetAside(model.set_aside)
    inputs = await _inputs(runtime.compute, project_id, model.manifest, asked.items)
    rows = await runtime.resources.inference.predict(
        model.model_id, [item for item in inputs if not isinstance(item, _Unreadable)], project_id=project_id
    )
    answered = iter(prediction.answered(model.manifest, rows, model.temperature))
    predictions = [
        _without(item.reason)
        if isinstance(item, _Unreadable)
        else next(answered) or _without("the model has no answer")
        for item in inputs
    ]
    answer = {
        "model_id": str(model.model_id),
        "model_version": model.version,
        "schema_version": model.manifest.schema_version,
        "predictions": predictions,
    }
    return Response(orjson.dumps(answer), media_type="application/json")


def _without(reason: str) -> dict[str, Any]:
    return {"answers": {}, "confidence": None, "distributions": {}, "uncertainty": None, "reason": reason}


@router.get("/records/{record_id}/predictions", responses=responses(404, 410), summary="List a record's predictions")
async def list_predictions(
    session: SessionDep, reader: Reader, record_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[RecordPrediction]:
    """All that was published, the newest first."""
    held = await records.get(session, record_id)
    if held is None:
        raise NotKnownHere("record", record_id)
    reader.check_project(held.project_id)
    if held.state is RecordState.ERASED:
        raise Problem(410, "record-erased", "The record was erased.")
    before = decode_cursor(after, int)[0] if after else _NEWEST
    rows = await kept.page(session, record_id, min(before, _NEWEST), limit + 1)
    items = [
        RecordPrediction(prediction_id=row.event_id, revision=row.revision, prediction=row.payload)
        for row in rows[:limit]
    ]
    return Page(items=items, next=encode_cursor(items[-1].revision) if len(rows) > limit else None)


async def _model(runtime: PrelabelRuntime, project_id: UUID, model_id: UUID | None) -> Model:
    async with runtime.database.autocommit() as session:
        if model_id is not None:
            model = await models.get(session, model_id)
            if model.project_id != project_id:
                raise NotKnownHere("model", model_id)
            return model
        champion = await models.champion(session, project_id)
        if champion is None:
            await projects.check_exists(session, project_id)
            raise Problem(409, "no-champion", "The project has no champion yet.", "Name a model, or promote one.")
        return champion


class _Unreadable:
    def __init__(self, reason: str) -> None:
        self.reason = reason


async def _inputs(
    compute: ComputePool, project_id: UUID, manifest: ModelManifest, items: Sequence[PredictItem]
) -> list[Item | _Unreadable]:
    """What the model reads of each item."""
    values = [item.fields.get(manifest.field) for item in items]
    if manifest.task == "text_classification":
        return [value if isinstance(value, str) else _no_value(manifest.field, value, "text") for value in values]
    return await _pictures(compute, project_id, manifest, [_original(manifest.field, value) for value in values])


async def _pictures(
    compute: ComputePool, project_id: UUID, manifest: ModelManifest, values: Sequence[bytes | _Unreadable]
) -> list[Item | _Unreadable]:
    """Pictures in the model's shape, decoded in a confined worker, some at a time."""
    places = [place for place, value in enumerate(values) if isinstance(value, bytes)]
    read: list[Item | _Unreadable] = [value if isinstance(value, _Unreadable) else _NO_PICTURE for value in values]
    shape = shape_of(manifest)
    for start in range(0, len(places), pictures.AT_ONCE):
        some = places[start : start + pictures.AT_ONCE]
        originals = [values[place] for place in some]
        reduced = await compute.run(pictures.reduce, originals, shape, project_id=project_id, untrusted=True)
        for place, (pixels, _) in zip(some, reduced, strict=True):
            if pixels is not None:
                read[place] = pixels
    return read


_NO_PICTURE = _Unreadable("it is not a PNG or JPEG image in base64")


def _original(field: str, value: str | InlineImage | None) -> bytes | _Unreadable:
    if value is None:
        return _no_value(field, value, "image")
    try:
        data = read_inline_image(value if isinstance(value, str) else value.model_dump())
    except MalformedInlineImage:
        return _NO_PICTURE
    return _no_value(field, value, "image") if data is None else data


def _no_value(field: str, value: str | InlineImage | None, wanted: str) -> _Unreadable:
    return _Unreadable(f"it has no field {field}" if value is None else f"field {field} is no {wanted}")
