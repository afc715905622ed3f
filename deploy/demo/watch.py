"""Following what qa publishes, as any outside program may: `GET /v1/events?after=`."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deploy.demo.client import Client
from deploy.demo.project import QUESTION, Stage

_POLL_S = 0.5
_MODELS_EVERY = 6
_PAGE = 1000


@dataclass
class Watch:
    """What qa and prelabel have published so far."""

    client: Client
    stage: Stage
    ended: dict[UUID, str] = field(default_factory=dict)
    labels: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    under_review: set[UUID] = field(default_factory=set)
    disputes: set[UUID] = field(default_factory=set)
    relabels: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    paused: dict[UUID, str] = field(default_factory=dict)
    drifted: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)
    assessments: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)
    thresholds: dict[tuple[str, str | None], float | None] = field(default_factory=dict)
    """Of each class of each model, the newest."""
    models: list[Mapping[str, Any]] = field(default_factory=list)
    _after: int = 0

    @property
    def all_ended(self) -> bool:
        """Every record has an end state and none waits for a new label."""
        return len(self.ended) >= len(self.stage.truth) > 0 and not self.under_review

    async def follow(self, done: asyncio.Event) -> None:
        looks = 0
        while not done.is_set():
            await self.catch_up()
            if looks % _MODELS_EVERY == 0:
                await self.look_at_models()
            looks += 1
            await asyncio.sleep(_POLL_S)

    async def catch_up(self) -> None:
        while True:
            query = {"limit": _PAGE, "after": self._after}
            page = await self.client.call("qa", "GET", "/events", self.stage.manager, params=query)
            for item in page["items"]:
                self._take(item["event"])
                self._after = item["position"]
            if len(page["items"]) < _PAGE:
                return

    async def look_at_models(self) -> None:
        path = f"/projects/{self.stage.project_id}/models"
        page = await self.client.call("prelabel", "GET", path, self.stage.manager, params={"limit": _PAGE})
        self.models = page["items"]

    def _take(self, event: Mapping[str, Any]) -> None:
        if event.get("record_id"):
            self._take_of_record(event["type"], UUID(event["record_id"]), event["payload"])
        else:
            self._take_of_project(event["type"], event["payload"])

    def _take_of_record(self, kind: str, record_id: UUID, payload: Mapping[str, Any]) -> None:
        match kind:
            case "LabelFinalized":
                self.ended[record_id] = "finalized"
                self.labels[record_id] = (payload["answers"][QUESTION]["label"], payload["method"])
                self.under_review.discard(record_id)
            case "GoldPlaced":
                self.ended[record_id] = "gold"
            case "RecordUnlabelable":
                self.ended[record_id] = "unlabelable"
                self.under_review.discard(record_id)
            case "LabelRetracted":
                self.ended.pop(record_id, None)
            case "ArbitrationRequested":
                self.disputes.add(record_id)
                self._reopen(record_id)
            case "RelabelRequested":
                self.relabels[payload["reason"]].add(record_id)
                self._reopen(record_id)

    def _take_of_project(self, kind: str, payload: Mapping[str, Any]) -> None:
        match kind:
            case "AnnotatorAssessed":
                self._assess(payload)
            case "DriftDetected" if payload["subject"] == "annotator":
                self.drifted[UUID(payload["subject_id"])] = payload
            case "AutoAcceptThresholdSet":
                self.thresholds[payload["model_id"], payload["label"]] = payload["threshold"]

    def _reopen(self, record_id: UUID) -> None:
        if record_id in self.ended:
            self.under_review.add(record_id)

    def _assess(self, payload: Mapping[str, Any]) -> None:
        annotator_id = UUID(payload["annotator_id"])
        self.assessments[annotator_id] = payload
        if payload["status"] == "paused":
            self.paused[annotator_id] = payload.get("reason") or ""
