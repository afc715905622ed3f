"""Predictions on demand, and those of a record."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

import numpy as np
import orjson
from fastapi import Response

from services.prelabel.api.prediction_json import encode
from services.prelabel.api.prediction_shapes import (
    InlineImage,
    PredictionAnswer,
    PredictionRequest,
    PredictItem,
    RecordPrediction,
)
from services.prelabel.compute import pictures
from services.prelabel.domain import prediction
from services.prelabel.domain.items import Item, shape_of
from services.prelabel.operations import registry
from services.prelabel.operations.model_inputs import reduce_pictures
from services.prelabel.resources import PrelabelRuntime, PrelabelRuntimeDep
from services.prelabel.storage import predictions as kept
from services.prelabel.storage import records
from shared.contracts.events import ModelManifest
from shared.contracts.inline_images import MalformedInlineImage, read_inline_image
from shared.contracts.values import RecordState, Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.bodies import large_body
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, encode_cursor
from shared.kit.problems import Problem, responses

router = edge_router("predictions")

Asker = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.PRODUCT)]
Reader = Annotated[Principal, requires(Role.MANAGER, Role.TRAINER, Role.AUDITOR)]

_NEWEST = 2**31 - 1

_NO_PICTURE = "it is not a PNG or JPEG image in base64"
_UNREADABLE_PICTURE = "it is not a PNG or JPEG image, or reading it takes too much time or memory"
_NO_ANSWER = "the model has no answer"

Value = str | InlineImage | None


@router.post(
    "/projects/{project_id}/predictions",
    response_model=PredictionAnswer,
    responses=responses(404, 409),
    openapi_extra=large_body(),
    summary="Predict items",
)
async def predict(runtime: PrelabelRuntimeDep, _asker: Asker, project_id: UUID, asked: PredictionRequest) -> Response:
    """What the champion, or another model of the project, predicts for items in the request. Nothing of them is kept.

    An item that the model can't read has no answer and a reason; the others have theirs. With too many waiting the
    answer is 503.
    """
    model = await registry.model_to_ask(runtime.database, project_id, asked.model_id)
    inputs = await _inputs(runtime, project_id, model.manifest, asked.items)
    probabilities = np.full((len(asked.items), len(model.manifest.labels)), np.nan)
    if inputs.readable:
        probabilities[list(inputs.readable)] = await runtime.resources.inference.predict(
            model.model_id, list(inputs.readable.values()), project_id=project_id
        )
    made = prediction.predictions(probabilities, model.temperature)
    reasons = {row: inputs.unreadable.get(row, _NO_ANSWER) for row in np.flatnonzero(~made.sound).tolist()}
    answer = {
        "model_id": str(model.model_id),
        "model_version": model.version,
        "schema_version": model.manifest.schema_version,
        "predictions": orjson.Fragment(encode(model.manifest, made, reasons)),
    }
    return Response(orjson.dumps(answer), media_type="application/json")


@router.get("/records/{record_id}/predictions", responses=responses(404, 410), summary="List a record's predictions")
async def list_predictions(
    session: SessionDep,
    runtime: PrelabelRuntimeDep,
    reader: Reader,
    record_id: UUID,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RecordPrediction]:
    """All that was published, the newest first."""
    held = await records.get(session, record_id)
    if held is None:
        raise NotKnownHere("record", record_id)
    reader.check_project(held.project_id)
    await runtime.check_content(reader, held.project_id, session)
    if held.state is RecordState.ERASED:
        raise Problem(410, "record-erased", "The record was erased.")
    before = decode_cursor(after, int)[0] if after else _NEWEST
    read = await kept.page(session, record_id, min(before, _NEWEST), limit)
    items = [
        RecordPrediction(prediction_id=row.event_id, revision=row.revision, prediction=row.payload) for row in read.rows
    ]
    return Page(items=items, next=encode_cursor(items[-1].revision) if read.more else None)


@dataclass(slots=True)
class _Inputs:
    """By the item's place: what the model reads of it, or why it can't."""

    readable: dict[int, Item] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)


async def _inputs(
    runtime: PrelabelRuntime, project_id: UUID, manifest: ModelManifest, items: Sequence[PredictItem]
) -> _Inputs:
    """Texts as they are, pictures in the model's shape."""
    values = [item["fields"].get(manifest.field) for item in items]
    if manifest.task == "text_classification":
        return _texts(manifest.field, values)
    return await _pictures(runtime, project_id, manifest, values)


def _texts(name: str, values: Sequence[Value]) -> _Inputs:
    inputs = _Inputs()
    for place, value in enumerate(values):
        if isinstance(value, str):
            inputs.readable[place] = value
        else:
            inputs.unreadable[place] = _unfit(name, value, "text")
    return inputs


async def _pictures(
    runtime: PrelabelRuntime, project_id: UUID, manifest: ModelManifest, values: Sequence[Value]
) -> _Inputs:
    """Decoded in a confined worker, some at a time."""
    inputs = _Inputs()
    originals: list[tuple[int, bytes]] = []
    for place, value in enumerate(values):
        original = _original(manifest.field, value)
        if isinstance(original, bytes):
            originals.append((place, original))
        else:
            inputs.unreadable[place] = original
    shape, max_pixels = shape_of(manifest), runtime.settings.max_asset_pixels
    for start in range(0, len(originals), pictures.AT_ONCE):
        places, some = zip(*originals[start : start + pictures.AT_ONCE], strict=True)
        reduced = await reduce_pictures(runtime.compute, project_id, some, shape, max_pixels)
        for place, (pixels, _) in zip(places, reduced, strict=True):
            if pixels is None:
                inputs.unreadable[place] = _UNREADABLE_PICTURE
            else:
                inputs.readable[place] = pixels
    return inputs


def _original(name: str, value: Value) -> bytes | str:
    """A picture's bytes, or why there are none."""
    if value is None:
        return _unfit(name, value, "image")
    try:
        data = read_inline_image(value if isinstance(value, str) else value.model_dump())
    except MalformedInlineImage:
        return _NO_PICTURE
    return _unfit(name, value, "image") if data is None else data


def _unfit(name: str, value: Value, wanted: str) -> str:
    return f"it has no field {name}" if value is None else f"field {name} is no {wanted}"
