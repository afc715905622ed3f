"""A project, records and models for prelabel's tests."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
from PIL import Image

from services.prelabel.compute import training
from services.prelabel.compute.training import TrainingJob
from shared.contracts.answers import LabelSchema
from shared.contracts.events import (
    AssetReference,
    GoldPlaced,
    LabelFinalized,
    ModelManifest,
    PolicyVersion,
    ProjectChanged,
    RecordAccepted,
    SchemaVersion,
)
from shared.contracts.policies import Policies
from shared.contracts.values import LabelMethod, Origin, ProjectStatus, Split
from shared.kit.clock import new_id, utc_now
from tests.support.service import ServiceUnderTest

TEXT_SCHEMA = {
    "fields": [{"name": "message", "kind": "text"}],
    "questions": [{"name": "topic", "kind": "choice", "labels": ["billing", "delivery", "other"]}],
}
DIGIT_SCHEMA = {
    "fields": [{"name": "picture", "kind": "image"}],
    "questions": [{"name": "digit", "kind": "choice", "labels": [str(digit) for digit in range(10)]}],
}
WORDS = {
    "billing": ("invoice payment", "the bill is wrong", "refund my money", "card was charged twice"),
    "delivery": ("parcel is late", "courier never came", "where is my package", "shipping took weeks"),
    "other": ("hello there", "how are you", "thanks a lot", "just saying hi"),
}


def policies(**learning: Any) -> Policies:
    return Policies.model_validate({"learning": {"random_share": 0.0, **learning}})


def project(
    schema: Mapping[str, Any] = TEXT_SCHEMA,
    chosen: Policies | None = None,
    *,
    status: ProjectStatus = ProjectStatus.ACTIVE,
    versions: int = 1,
) -> ProjectChanged:
    now = utc_now()
    return ProjectChanged(
        name="a project",
        status=status,
        draw_salt="salt",
        schemas=[
            SchemaVersion(version=version, label_schema=LabelSchema.model_validate(schema), created_at=now)
            for version in range(1, versions + 1)
        ],
        guidelines=[],
        policies=[PolicyVersion(version=1, policies=chosen or policies(), created_at=now)],
        active_schema=versions,
        active_guideline=None,
        active_policy=1,
        holds_personal_data=bool(chosen and chosen.deidentification.kept),
    )


class World:
    """One project in a service under test."""

    def __init__(self, service: ServiceUnderTest) -> None:
        self.service = service
        self.project_id = new_id()
        self.truth: dict[UUID, str] = {}
        self.revisions: dict[UUID, int] = {}

    async def begin(
        self, schema: Mapping[str, Any] = TEXT_SCHEMA, chosen: Policies | None = None, *, revision: int = 1, **more: Any
    ) -> None:
        payload = project(schema, chosen, **more)
        await self.service.deliver(payload, project_id=self.project_id, revision=revision)

    async def text(self, label: str, number: int, split: Split = Split.TRAIN) -> UUID:
        words = WORDS[label]
        record_id = await self.record({"message": f"{words[number % len(words)]} number {number}"}, split)
        self.truth[record_id] = label
        return record_id

    async def digit(self, index: int, split: Split = Split.TRAIN) -> UUID:
        pixels, label = digits()[index]
        record_id = await self.record({"picture": await self.asset(png(pixels), 8, 8)}, split)
        self.truth[record_id] = label
        return record_id

    async def asset(self, data: bytes, width: int, height: int) -> AssetReference:
        asset_id = new_id()
        await self.service.runtime.objects.put(f"assets/{asset_id}", data)
        return AssetReference(
            asset_id=asset_id, media_type="image/png", sha256="0" * 64, size_bytes=len(data), width=width, height=height
        )

    async def record(
        self, fields: Mapping[str, Any], split: Split = Split.TRAIN, record_id: UUID | None = None
    ) -> UUID:
        record_id = record_id or new_id()
        await self.service.deliver(accepted(fields, split), project_id=self.project_id, record_id=record_id)
        return record_id

    async def label(
        self,
        record_id: UUID,
        label: str | None = None,
        split: Split = Split.TRAIN,
        *,
        question: str = "topic",
        method: LabelMethod = LabelMethod.CONSENSUS,
        schema_version: int = 1,
        trainable: bool | None = None,
    ) -> None:
        payload = LabelFinalized(
            label_revision=1,
            round=1,
            method=method,
            answers={question: {"label": label or self.truth[record_id]}},
            confidence=0.99,
            schema_version=schema_version,
            guideline_version=1,
            split=split,
            trainable=not split.held_out if trainable is None else trainable,
            annotations=2,
        )
        await self.deliver_state(record_id, payload)

    async def gold(self, record_id: UUID) -> None:
        await self.deliver_state(record_id, GoldPlaced(schema_version=1, exposures=10))

    async def deliver_state(self, record_id: UUID, payload: Any) -> None:
        """Deliver an event of qa's about a record, with the next revision of its state."""
        self.revisions[record_id] = self.revisions.get(record_id, 0) + 1
        await self.service.deliver(
            payload, project_id=self.project_id, record_id=record_id, revision=self.revisions[record_id]
        )

    async def upload(
        self,
        model: bytes,
        manifest: ModelManifest | Mapping[str, Any] | str,
        *roles: str,
        project_id: UUID | None = None,
        **parts: str,
    ) -> Any:
        text = manifest.model_dump_json() if isinstance(manifest, ModelManifest) else manifest
        text = text if isinstance(text, str) else json.dumps(text)
        return await self.service.client.post(
            f"/v1/projects/{project_id or self.project_id}/models",
            headers=self.service.token(*(roles or ("trainer",))),
            files={"model": ("model.onnx", model, "application/octet-stream")},
            data={"manifest": text, "reason": "made by hand", **parts},
        )

    async def champion(self, model: bytes | None = None, manifest: ModelManifest | None = None) -> UUID:
        """Upload a model and promote it by hand."""
        answer = await self.upload(model or text_model(), manifest or text_manifest())
        assert answer.status_code == 201, answer.text
        model_id = UUID(answer.json()["model_id"])
        promoted = await self.service.client.post(
            f"/v1/models/{model_id}/promotion", headers=self.service.token("trainer"), json={"reason": "to begin with"}
        )
        assert promoted.status_code == 200, promoted.text
        return model_id

    async def fetch(self, statement: str, *parameters: Any) -> list[Any]:
        async with self.service.database.transaction() as session:
            rows: list[Any] = await session.raw.fetch(statement, *parameters)
            return rows


def accepted(fields: Mapping[str, Any], split: Split = Split.TRAIN) -> RecordAccepted:
    return RecordAccepted(schema_version=1, fields=dict(fields), split=split, origin=Origin.COLLECTED)


@cache
def digits() -> Sequence[tuple[np.ndarray[Any, Any], str]]:
    """The digits that scikit-learn ships, as 8 x 8 grey values from 0 to 240."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    order = np.random.default_rng(1).permutation(len(loaded.target))
    return [((loaded.images[index] * 15).astype(np.uint8), str(loaded.target[index])) for index in order]


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def text_manifest(**changes: Any) -> ModelManifest:
    return ModelManifest(
        task="text_classification",
        schema_version=1,
        question="topic",
        field="message",
        labels=["billing", "delivery", "other"],
        input_name="input",
        output_name="probabilities",
        lowercase=True,
        collapse_whitespace=True,
    ).model_copy(update=changes)


def digit_manifest(**changes: Any) -> ModelManifest:
    return ModelManifest(
        task="image_classification",
        schema_version=1,
        question="digit",
        field="picture",
        labels=[str(digit) for digit in range(10)],
        input_name="input",
        output_name="probabilities",
        width=8,
        height=8,
    ).model_copy(update=changes)


def trained(manifest: ModelManifest, items: Sequence[Any], labels: Sequence[str]) -> bytes:
    """A real model, made by scikit-learn and skl2onnx."""
    return training.train(TrainingJob(manifest, items, labels, [1.0] * len(items))).data


@cache
def text_model(repetitions: int = 3) -> bytes:
    texts = [f"{words} number {number}" for label in WORDS for words in WORDS[label] for number in range(repetitions)]
    labels = [label for label in WORDS for _ in WORDS[label] for _ in range(repetitions)]
    return trained(text_manifest(), texts, labels)


@cache
def digit_model(first: int = 0, examples: int = 300) -> bytes:
    chosen = digits()[first : first + examples]
    return trained(digit_manifest(), [pixels[..., None] for pixels, _ in chosen], [label for _, label in chosen])


async def eventually(condition: Callable[[], Awaitable[Any]], within_s: float = 20.0) -> Any:
    """Wait until something is true."""
    async with asyncio.timeout(within_s):
        while not (found := await condition()):  # noqa: ASYNC110  the database notifies nobody
            await asyncio.sleep(0.02)
        return found
