"""A small world around queue: events of the other services, made by hand, and people who work."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

from shared.contracts.answers import LabelSchema
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import (
    AnnotationsRequested,
    AnnotatorAssessed,
    ArbitrationRequested,
    AutoAcceptThresholdSet,
    GoldPlaced,
    GoldWithdrawn,
    GuidelineVersion,
    LabelFinalized,
    PolicyVersion,
    ProjectChanged,
    RecordAccepted,
    RecordErased,
    RecordPredicted,
    RecordRouted,
    RelabelRequested,
    SchemaVersion,
    Selection,
)
from shared.contracts.policies import Policies
from shared.contracts.values import (
    AssessmentStatus,
    LabelMethod,
    Origin,
    Pool,
    ProjectStatus,
    Role,
    ScoredFor,
    Split,
)
from shared.kit.clock import new_id, utc_now
from tests.support.service import ServiceUnderTest, envelope, service_under_test

P = TypeVar("P", bound=Payload)

LABELS = ["positive", "neutral", "negative"]
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "sentiment", "kind": "choice", "labels": LABELS}],
    }
)
PLAIN: dict[str, Any] = {
    "learning": {"random_share": 0.0, "random_rate": 0.0, "enabled": False},
    "gold": {"entry_test": 0, "share": 0.0},
    "serving": {"blind_share": 0.0},
    "redundancy": {"without_model": 1, "with_model": 1, "held_out": 2},
}
"""Policies without chance: no gold, nothing blind, nothing explored, everything open at once."""


def policies(**changes: Mapping[str, Any]) -> Policies:
    """The plain policies with some parts changed."""
    merged = {name: dict(part) for name, part in PLAIN.items()}
    for name, part in changes.items():
        merged[name] = merged.get(name, {}) | dict(part)
    return Policies.model_validate(merged)


def sentiment(label: str = "positive") -> dict[str, Any]:
    return {"sentiment": {"label": label}}


@dataclass
class Person:
    """Somebody who works through the HTTP API."""

    world: "World"
    subject: str
    annotator_id: UUID
    roles: tuple[str, ...] = (Role.ANNOTATOR,)

    @property
    def headers(self) -> dict[str, str]:
        return self.world.service.token(*self.roles, subject=self.subject)

    async def ask(self, count: int = 1, **more: Any) -> httpx.Response:
        return await self.world.client.post(
            f"/v1/projects/{self.world.project_id}/leases", headers=self.headers, json={"count": count, **more}
        )

    async def lease(self, count: int = 1, **more: Any) -> list[dict[str, Any]]:
        answer = await self.ask(count, **more)
        assert answer.status_code == 200, answer.text
        leases: list[dict[str, Any]] = answer.json()["leases"]
        return leases

    async def one(self) -> dict[str, Any]:
        [lease] = await self.lease()
        return lease

    async def nothing(self, **more: Any) -> str:
        body = (await self.ask(**more)).json()
        assert body["leases"] == []
        assert body["retry_after_s"] >= 1
        reason: str = body["reason"]
        return reason

    async def submit(self, token: str, answers: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        body = {"answers": sentiment() if answers is None else answers, **more}
        return await self.world.client.put(f"/v1/leases/{token}/annotation", headers=self.headers, json=body)

    async def skip(self, token: str, **more: Any) -> httpx.Response:
        return await self.world.client.post(
            f"/v1/leases/{token}/skip", headers=self.headers, json={"reason": "I can't tell.", **more}
        )

    async def release(self, token: str) -> httpx.Response:
        return await self.world.client.delete(f"/v1/leases/{token}", headers=self.headers)

    async def work(self) -> int:
        """Answer everything there is; answers how much it was."""
        done = 0
        while leases := await self.lease():
            answer = await self.submit(leases[0]["token"], reason="I read it.")
            assert answer.status_code == 200, answer.text
            done += 1
        return done


@dataclass
class World:
    """One project in one running queue."""

    service: ServiceUnderTest
    project_id: UUID = field(default_factory=new_id)
    policies: Policies = field(default_factory=policies)
    schemas: Sequence[LabelSchema] = (SCHEMA,)
    guidelines: int = 1
    model_id: UUID = field(default_factory=new_id)
    salt: str = "salt"
    policy_versions: list[Policies] = field(default_factory=list)
    revisions: dict[tuple[str, UUID], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def client(self) -> httpx.AsyncClient:
        return self.service.client

    @property
    def manager(self) -> dict[str, str]:
        return self.service.token(Role.MANAGER)

    def next(self, what: str, key: UUID) -> int:
        self.revisions[what, key] += 1
        return self.revisions[what, key]

    async def publish(self, payload: Payload, record_id: UUID | None = None, revision: int = 1) -> UUID:
        return await self.service.deliver(self.event(payload, record_id, revision))

    def event(self, payload: Payload, record_id: UUID | None = None, revision: int = 1) -> Event[Any]:
        return envelope(payload, self.project_id, record_id, revision)

    async def open(self, status: ProjectStatus = ProjectStatus.ACTIVE) -> "World":
        await self.publish(self.project(status), revision=self.next("project", self.project_id))
        return self

    def project(self, status: ProjectStatus = ProjectStatus.ACTIVE) -> ProjectChanged:
        now = utc_now()
        if not self.policy_versions or self.policy_versions[-1] != self.policies:
            self.policy_versions.append(self.policies)
        return ProjectChanged(
            name="Tone",
            status=status,
            draw_salt=self.salt,
            schemas=[SchemaVersion(version=n, label_schema=one, created_at=now) for n, one in self._numbered()],
            guidelines=[
                GuidelineVersion(version=n, markdown="Be fair.", created_at=now) for n in range(1, self.guidelines + 1)
            ],
            policies=[
                PolicyVersion(version=n, policies=one, created_at=now)
                for n, one in enumerate(self.policy_versions, start=1)
            ],
            active_schema=len(self.schemas) or None,
            active_guideline=self.guidelines or None,
            active_policy=len(self.policy_versions),
            holds_personal_data=any(one.deidentification.kept for one in self.policy_versions),
        )

    def _numbered(self) -> list[tuple[int, LabelSchema]]:
        return list(enumerate(self.schemas, start=1))

    async def change(self, **changes: Any) -> None:
        """Publish the project with `schemas`, `guidelines` or `policies` changed, and let its open tasks follow."""
        for name, value in changes.items():
            setattr(self, name, value)
        await self.open()
        await self.service.run_loop("reroute")

    async def person(self, pool: Pool = Pool.CROWD, *roles: str, subject: str | None = None, **more: Any) -> Person:
        """An annotator who is invited to the project."""
        person = await self.stranger(pool, *roles, subject=subject, **more)
        await self.invite(person)
        return person

    async def invite(self, person: Person) -> None:
        path = f"/v1/projects/{self.project_id}/annotators/{person.annotator_id}"
        assert (await self.client.put(path, headers=self.manager)).status_code == 204

    async def remove(self, person: Person) -> None:
        path = f"/v1/projects/{self.project_id}/annotators/{person.annotator_id}"
        assert (await self.client.delete(path, headers=self.manager)).status_code == 204
        await self.service.run_loop("take_back")

    async def stranger(self, pool: Pool = Pool.CROWD, *roles: str, subject: str | None = None, **more: Any) -> Person:
        """An annotator who has nothing to do with the project yet."""
        subject = subject or f"person-{uuid4().hex[:8]}"
        body = {"name": "Ada", "subject": subject, "pool": pool, **more}
        answer = await self.client.post("/v1/annotators", headers=self.manager, json=body)
        assert answer.status_code == 201, answer.text
        return Person(self, subject, UUID(answer.json()["annotator_id"]), roles or (Role.ANNOTATOR,))

    async def people(self, count: int, pool: Pool = Pool.CROWD) -> list[Person]:
        return [await self.person(pool) for _ in range(count)]

    def accepted(self, split: Split = Split.TRAIN, text: str = "a text", **more: Any) -> RecordAccepted:
        return RecordAccepted(schema_version=1, fields={"text": text}, split=split, origin=Origin.COLLECTED, **more)

    def predicted(
        self,
        label: str | None = None,
        confidence: float = 0.9,
        *,
        selected: bool = False,
        scored_for: ScoredFor = ScoredFor.ROUTING,
    ) -> RecordPredicted:
        """Without a label: no model."""
        return RecordPredicted(
            model_id=self.model_id if label else None,
            model_version=1 if label else None,
            schema_version=len(self.schemas),
            answers=sentiment(label) if label else {},
            confidence=confidence if label else None,
            acquisition_score=0.5,
            selection=Selection(batch=0, strategy="margin", probability=0.25) if selected else None,
            scored_for=scored_for,
        )

    async def record(
        self,
        split: Split = Split.TRAIN,
        label: str | None = None,
        confidence: float = 0.9,
        *,
        selected: bool = False,
        record_id: UUID | None = None,
        **more: Any,
    ) -> UUID:
        """A record that came in and was scored. Its text is its id, so that a test knows it in a lease."""
        record_id = record_id or new_id()
        await self.publish(self.accepted(split, **{"text": str(record_id)} | more), record_id)
        await self.predict(record_id, label, confidence, selected=selected)
        return record_id

    async def predict(
        self, record_id: UUID, label: str | None = None, confidence: float = 0.9, *, selected: bool = False
    ) -> UUID:
        payload = self.predicted(label, confidence, selected=selected)
        return await self.publish(payload, record_id, self.next("prediction", record_id))

    async def records(self, count: int, **more: Any) -> list[UUID]:
        return [await self.record(**more) for _ in range(count)]

    async def from_qa(self, record_id: UUID, payload: Payload) -> UUID:
        """An event of qa about a record: it counts one revision over all of it."""
        return await self.publish(payload, record_id, self.next("qa", record_id))

    async def finalize(self, record_id: UUID, round_: int = 1) -> None:
        await self.from_qa(record_id, finalized(round_))

    async def gold(self, record_id: UUID, exposures: int = 50, schema_version: int = 1) -> None:
        await self.from_qa(record_id, GoldPlaced(schema_version=schema_version, exposures=exposures))

    async def withdraw_gold(self, record_id: UUID) -> None:
        await self.from_qa(record_id, GoldWithdrawn(reason="wrong"))

    async def request(self, record_id: UUID, slots_total: int, round_: int = 1) -> None:
        await self.from_qa(record_id, AnnotationsRequested(round=round_, slots_total=slots_total, reason="unsure"))

    async def relabel(self, record_id: UUID, round_: int = 2, slots_total: int = 1, **more: Any) -> None:
        await self.from_qa(
            record_id, RelabelRequested(round=round_, slots_total=slots_total, reason="contradicted", **more)
        )

    async def arbitrate(self, record_id: UUID, round_: int = 1) -> None:
        await self.from_qa(record_id, arbitration(round_))

    async def erase(self, record_id: UUID) -> None:
        await self.publish(RecordErased(reason="asked for"), record_id, 2)

    async def threshold(self, threshold: float | None, revision: int = 1, label: str | None = None) -> None:
        await self.publish(self.threshold_of(threshold, revision, label))
        await self.service.run_loop("reroute")

    def threshold_of(
        self, threshold: float | None, revision: int = 1, label: str | None = None
    ) -> AutoAcceptThresholdSet:
        return AutoAcceptThresholdSet(
            model_id=self.model_id,
            schema_version=1,
            question="sentiment",
            label=label,
            threshold_revision=revision,
            threshold=threshold,
            error_budget=0.02,
            confidence_level=0.95,
            reason="evidence",
        )

    async def assess(self, person: Person, status: AssessmentStatus, revision: int = 1) -> None:
        await self.publish(
            AnnotatorAssessed(
                annotator_id=person.annotator_id,
                assessment_revision=revision,
                status=status,
                accuracy=None,
                interval_low=0.0,
                interval_high=1.0,
                gold_answers=0,
                answers=0,
            )
        )

    async def expire_leases(self) -> None:
        """As if all leases had run out."""
        async with self.service.database.transaction() as session:
            await session.raw.execute("UPDATE slots SET until = now() - interval '1 second' WHERE state = 'leased'")
        await self.service.run_loop("expire_leases")

    async def published(self, payload: type[P], record_id: UUID | None = None) -> list[Event[P]]:
        """What was published of that type, of one record or of all in this project."""
        events = await self.service.published(payload, self.project_id)
        return [event for event in events if record_id in {None, event.record_id}]

    async def routes(self, record_id: UUID) -> list[RecordRouted]:
        return [event.payload for event in await self.published(RecordRouted, record_id)]

    async def route(self, record_id: UUID) -> RecordRouted:
        return (await self.routes(record_id))[-1]

    async def slots(self, record_id: UUID) -> list[str]:
        """The states of the record's slots, in the order of its tasks and slots."""
        async with self.service.database.transaction() as session:
            rows = await session.raw.fetch(
                "SELECT s.state FROM slots s JOIN tasks t ON t.task_id = s.task_id WHERE s.record_id = $1"
                " ORDER BY t.opened_at, s.slot",
                record_id,
            )
        return [row[0] for row in rows]

    async def progress(self) -> dict[str, Any]:
        answer = await self.client.get(f"/v1/projects/{self.project_id}/progress", headers=self.manager)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def finalized(round_: int = 1, method: LabelMethod = LabelMethod.CONSENSUS) -> LabelFinalized:
    return LabelFinalized(
        label_revision=1,
        round=round_,
        method=method,
        answers=sentiment(),
        confidence=0.99,
        schema_version=1,
        guideline_version=1,
        split=Split.TRAIN,
        trainable=True,
        annotations=1,
    )


def arbitration(round_: int = 1, disputed: Sequence[str] = ("positive", "negative")) -> ArbitrationRequested:
    return ArbitrationRequested(
        round=round_, schema_version=1, disputed=[sentiment(label) for label in disputed], reason="they disagree"
    )


@asynccontextmanager
async def world(chosen: Policies | None = None, **overrides: Any) -> AsyncIterator[World]:
    """A running queue with one open project; `overrides` are settings."""
    async with service_under_test("queue", **overrides) as service:
        yield await World(service, policies=chosen or policies()).open()


def shown(lease: Mapping[str, Any]) -> str:
    """The text of the record that a lease shows; the id of one that `World.record` made."""
    text: str = lease["record"]["fields"]["text"]
    return text


def tokens_of(leases: Collection[Mapping[str, Any]]) -> set[str]:
    return {lease["token"] for lease in leases}
