"""A small world around qa: events of the other services, made by hand."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.contracts.answers import LabelSchema
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import (
    AnnotationSubmitted,
    AnnotatorChanged,
    FeedbackReceived,
    GuidelineVersion,
    ModelChanged,
    ModelManifest,
    PolicyVersion,
    ProjectChanged,
    RecordAccepted,
    RecordErased,
    RecordPredicted,
    RecordRouted,
    SchemaVersion,
    TaskServable,
    TaskUnservable,
)
from shared.contracts.policies import Policies, RedundancyPolicy
from shared.contracts.values import (
    AnnotatorStatus,
    ModelStage,
    Origin,
    Pool,
    ProjectStatus,
    Role,
    Route,
    ScoredFor,
    Split,
    TaskKind,
    Verdict,
)
from shared.kit.clock import new_id, utc_now
from tests.support.service import ServiceUnderTest, envelope, service_under_test

LABELS = ["cat", "dog", "bird", "fish"]
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "animal", "kind": "choice", "labels": LABELS}],
    }
)


def animal(label: str) -> dict[str, Any]:
    return {"animal": {"label": label}}


def two_are_enough(**more: Any) -> Policies:
    """Two strangers who agree on one of four classes reach the target; one does not."""
    return Policies(redundancy=RedundancyPolicy(posterior_target=0.9), **more)


@dataclass
class World:
    """One project in one running qa."""

    service: ServiceUnderTest
    project_id: UUID = field(default_factory=new_id)
    schemas: Sequence[LabelSchema] = (SCHEMA,)
    policies: Policies = field(default_factory=two_are_enough)
    revisions: dict[tuple[str, UUID], int] = field(default_factory=lambda: defaultdict(int))
    now: datetime = field(default_factory=lambda: utc_now() - timedelta(days=1))

    def next(self, what: str, key: UUID) -> int:
        self.revisions[what, key] += 1
        return self.revisions[what, key]

    def moment(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def headers(self, *roles: str, projects: Collection[UUID] | None = None) -> dict[str, str]:
        return self.service.token(*(roles or (Role.MANAGER,)), projects=projects)

    async def get(self, path: str, expect: int = 200, **params: Any) -> Any:
        answer = await self.service.client.get(f"/v1{path}", headers=self.headers(), params=params)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def put(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.service.client.put(f"/v1{path}", headers=self.headers(), json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.service.client.post(f"/v1{path}", headers=self.headers(), json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def delete(self, path: str, status: int = 204) -> None:
        answer = await self.service.client.delete(f"/v1{path}", headers=self.headers())
        assert answer.status_code == status, answer.text

    def event(self, payload: Payload, record_id: UUID | None = None, revision: int = 1) -> Event[Any]:
        return envelope(payload, self.project_id, record_id, revision)

    async def deliver(self, *events: Event[Any]) -> None:
        for event in events:
            await self.service.deliver(event, key=event.record_id or event.project_id)

    async def deliver_set(self, *events: Event[Any]) -> None:
        """In one batch."""
        await self.service.deliver_many(events)

    async def published(self, payload: type[Payload], record_id: UUID | None = None) -> list[Any]:
        """The payloads that were published, of one record or of all in this project."""
        published = await self.service.published(payload, self.project_id)
        return [one.payload for one in published if record_id in {None, one.record_id}]

    def project(self, status: ProjectStatus = ProjectStatus.ACTIVE) -> Event[Any]:
        at = self.moment()
        payload = ProjectChanged(
            name="Animals",
            status=status,
            draw_salt="salt",
            schemas=[
                SchemaVersion(version=number, label_schema=schema, created_at=at)
                for number, schema in enumerate(self.schemas, start=1)
            ],
            guidelines=[GuidelineVersion(version=1, markdown="Look closely.", created_at=at)],
            policies=[PolicyVersion(version=1, policies=self.policies, created_at=at)],
            active_schema=len(self.schemas),
            active_guideline=1,
            active_policy=1,
            holds_personal_data=bool(self.policies.deidentification.kept),
        )
        return self.event(payload, revision=self.next("project", self.project_id))

    def accepted(self, record_id: UUID, split: Split = Split.TRAIN, fields: Any = None, **more: Any) -> Event[Any]:
        payload = RecordAccepted(
            schema_version=1,
            fields=fields or {"text": "It has whiskers."},
            slice={"source": "zoo"},
            split=split,
            origin=Origin.COLLECTED,
            **more,
        )
        return self.event(payload, record_id, 1)

    def erased(self, record_id: UUID) -> Event[Any]:
        return self.event(RecordErased(reason="asked for"), record_id, 2)

    def routed(
        self,
        record_id: UUID,
        slots: int = 2,
        *,
        route: Route = Route.PEOPLE,
        number: int = 1,
        prediction: Event[Any] | None = None,
        audit: bool = False,
        threshold: float | None = None,
        schema_version: int = 1,
        revision: int | None = None,
    ) -> Event[Any]:
        payload = RecordRouted(
            route=route,
            task_kind=TaskKind.ANNOTATION,
            task_id=new_id(),
            round=number,
            slots_total=slots,
            schema_version=schema_version,
            guideline_version=1,
            policy_version=1,
            model_id=None if prediction is None else prediction.payload.model_id,
            prediction_id=None if prediction is None else prediction.id,
            threshold=threshold,
            audit=audit,
            blind=audit,
            explored=False,
            selection_probability=1.0,
        )
        return self.event(payload, record_id, revision or self.next("route", record_id))

    def predicted(
        self,
        record_id: UUID,
        label: str,
        confidence: float = 0.9,
        *,
        model_id: UUID | None = None,
        scored_for: ScoredFor = ScoredFor.ROUTING,
        answers: Any = None,
    ) -> Event[Any]:
        rest = (1.0 - confidence) / (len(LABELS) - 1)
        payload = RecordPredicted(
            model_id=model_id or new_id(),
            model_version=1,
            schema_version=1,
            answers=answers or animal(label),
            confidence=confidence,
            distributions={"animal": {one: confidence if one == label else rest for one in LABELS}},
            acquisition_score=0.5,
            scored_for=scored_for,
        )
        return self.event(payload, record_id, self.next("prediction", record_id))

    def scored(self, record_id: UUID) -> Event[Any]:
        """What prelabel publishes of a record where no model answers yet."""
        payload = RecordPredicted(
            model_id=None,
            model_version=None,
            schema_version=1,
            answers={},
            confidence=None,
            acquisition_score=0.5,
            scored_for=ScoredFor.ROUTING,
        )
        return self.event(payload, record_id, self.next("prediction", record_id))

    def annotated(
        self,
        record_id: UUID,
        answers: Mapping[str, Any] | str,
        *,
        annotator_id: UUID | None = None,
        number: int = 1,
        kind: TaskKind = TaskKind.ANNOTATION,
        slot: int = 1,
        reason: str | None = None,
        schema_version: int = 1,
        shown: UUID | None = None,
        task_id: UUID | None = None,
    ) -> Event[Any]:
        at = self.moment()
        payload = AnnotationSubmitted(
            annotation_id=new_id(),
            task_id=task_id or new_id(),
            task_kind=kind,
            round=number,
            slot=slot,
            annotator_id=annotator_id or new_id(),
            answers=animal(answers) if isinstance(answers, str) else dict(answers),
            schema_version=schema_version,
            guideline_version=1,
            leased_at=at - timedelta(seconds=10),
            submitted_at=at,
            active_s=5.0,
            prediction_shown=shown,
            reason=reason,
        )
        return self.event(payload, record_id, self.next("annotation", record_id))

    def decided(self, record_id: UUID, answers: Mapping[str, Any] | str, number: int = 1) -> Event[Any]:
        return self.annotated(
            record_id, answers, number=number, kind=TaskKind.ARBITRATION, reason="The guideline says so."
        )

    def unservable(self, record_id: UUID, kind: TaskKind = TaskKind.ANNOTATION, number: int = 1) -> Event[Any]:
        payload = TaskUnservable(task_id=new_id(), task_kind=kind, round=number, reason="no_skill")
        return self.event(payload, record_id, self.next("annotation", record_id))

    def servable(self, record_id: UUID, kind: TaskKind = TaskKind.ANNOTATION, number: int = 1) -> Event[Any]:
        payload = TaskServable(task_id=new_id(), task_kind=kind, round=number)
        return self.event(payload, record_id, self.next("annotation", record_id))

    def annotator(
        self, annotator_id: UUID, pool: Pool = Pool.CROWD, status: AnnotatorStatus = AnnotatorStatus.ACTIVE
    ) -> Event[Any]:
        payload = AnnotatorChanged(annotator_id=annotator_id, pool=pool, status=status)
        return envelope(payload, None, None, self.next("annotator", annotator_id))

    def model(self, model_id: UUID, stage: ModelStage = ModelStage.CHAMPION, **more: Any) -> Event[Any]:
        payload = ModelChanged(
            model_id=model_id,
            version=1,
            stage=stage,
            manifest=ModelManifest(
                task="text_classification",
                schema_version=1,
                question="animal",
                field="text",
                labels=LABELS,
                input_name="text",
                output_name="probabilities",
            ),
            sha256="0" * 64,
            reason="better",
            created_at=self.moment(),
            **more,
        )
        return self.event(payload, revision=self.next("model", model_id))

    def feedback(self, record_id: UUID, correction: str | None, *, verdict: Verdict = Verdict.CORRECTED) -> Event[Any]:
        payload = FeedbackReceived(
            feedback_id=new_id(),
            schema_version=1,
            verdict=verdict,
            correction=None if correction is None else animal(correction),
            observed_at=self.moment(),
        )
        return self.event(payload, record_id, self.next("feedback", record_id))

    async def open_record(self, split: Split = Split.TRAIN, slots: int = 2, **route: Any) -> UUID:
        """A record that waits for annotations."""
        record_id = new_id()
        await self.deliver(self.accepted(record_id, split), self.routed(record_id, slots, **route))
        return record_id

    async def finalized(self, label: str = "cat", split: Split = Split.TRAIN) -> UUID:
        """A record with a consensus of two."""
        record_id = await self.open_record(split)
        await self.deliver(self.annotated(record_id, label), self.annotated(record_id, label, slot=2))
        return record_id

    async def state(self, record_id: UUID) -> dict[str, Any]:
        found: dict[str, Any] = (await self.lineage(record_id))["state"]
        return found

    async def label(self, record_id: UUID) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/records/{record_id}/label")
        return found

    async def lineage(self, record_id: UUID) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/records/{record_id}/lineage")
        return found


@asynccontextmanager
async def running_qa() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("qa") as service:
        yield service
