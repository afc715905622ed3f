"""Predictions on demand, and those of a record."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Response

from services.prelabel import pictures
from services.prelabel.api.shapes import (
    InlineImage,
    Item,
    PredictionAnswer,
    PredictionRequest,
    RecordPrediction,
)
from services.prelabel.domain import prediction
from services.prelabel.inference import Item as Input
from services.prelabel.storage import models, projects, records
from services.prelabel.storage import predictions as kept
from services.prelabel.storage.models import Model
from services.prelabel.tools import tools_of
from shared.contracts.events import ModelManifest
from shared.contracts.values import RecordState, Role
from shared.kit.app import Runtime, RuntimeDep, SessionDep
from shared.kit.auth import Principal, requires
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
async def predict(runtime: RuntimeDep, _asker: Asker, project_id: UUID, asked: PredictionRequest) -> Response:
    """What the champion, or another model of the project, says of items in the request. Nothing of them is kept.

    An item that the model can't read has no answer and a reason; the others have theirs. With too many waiting the
    answer is 503.
    """
    model = await _model(runtime, project_id, asked.model_id)
    inputs = await asyncio.to_thread(_inputs, model.manifest, asked.items)
    rows = await tools_of(runtime).engine.predict(
        model.model_id, [item for item in inputs if not isinstance(item, _Unreadable)]
    )
    said = iter(prediction.answered(model.manifest, rows, model.temperature))
    predictions = [
        _without(item.reason) if isinstance(item, _Unreadable) else next(said) or _without("the model has no answer")
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


async def _model(runtime: Runtime, project_id: UUID, model_id: UUID | None) -> Model:
    async with runtime.database.transaction() as session:
        if model_id is not None:
            model = await models.get(session, model_id)
            if model.project_id != project_id:
                raise NotKnownHere("model", model_id)
            return model
        await projects.situation(session, project_id)
        champion = await models.champion(session, project_id)
    if champion is None:
        raise Problem(409, "no-champion", "The project has no champion yet.", "Name a model, or promote one.")
    return champion


class _Unreadable:
    def __init__(self, reason: str) -> None:
        self.reason = reason


def _inputs(manifest: ModelManifest, items: Sequence[Item]) -> list[Input | _Unreadable]:
    return [_input(manifest, item) for item in items]


def _input(manifest: ModelManifest, item: Item) -> Input | _Unreadable:
    value = item.fields.get(manifest.field)
    if value is None:
        return _Unreadable(f"it has no field {manifest.field}")
    if manifest.task == "text_classification":
        return value if isinstance(value, str) else _Unreadable(f"field {manifest.field} is no text")
    if not isinstance(value, InlineImage):
        return _Unreadable(f"field {manifest.field} is no image")
    try:
        image = pictures.read(base64.b64decode(value.base64, validate=True))
    except (binascii.Error, ValueError):  # UnreadablePicture is a ValueError
        return _Unreadable(f"field {manifest.field} is not a PNG or JPEG image in base64")
    return pictures.pixels(image, manifest.width or 1, manifest.height or 1, manifest.channels)
