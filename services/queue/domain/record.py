"""A record as queue keeps it, without its content: its prediction, what was decided on it, and its tasks."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.routing import Lane
from services.queue.domain.tasks import Purpose, Task
from shared.contracts.draws import draw
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import RecordRouted, Selection
from shared.contracts.values import Answers, RecordState, Split


@dataclass(frozen=True, slots=True)
class Prediction:
    """The newest one that was made for routing; `model_id` None is cold start."""

    revision: int
    prediction_id: UUID
    model_id: UUID | None
    schema_version: int
    answers: Answers
    confidence: float | None


@dataclass(slots=True)
class Record:
    """A record under its lock, with its tasks and their slots.

    `labels_revision` and `requests_revision` are the newest of qa's that were obeyed. `waiting`: it is to be
    routed once its project has a schema and a guideline, or since the project was changed while somebody held the record. `routed` is the route that was published last, `routed_revision` counts them.
    """

    record_id: UUID
    project_id: UUID
    split: Split
    priority: int = 0
    state: RecordState = RecordState.OPEN
    revision: int = 1
    labels_revision: int = 0
    requests_revision: int = 0
    round: int = 1
    prediction: Prediction | None = None
    selection: Selection | None = None
    waiting: bool = False
    routed: RecordRouted | None = None
    routed_revision: int = 0
    tasks: list[Task] = field(default_factory=list)

    def annotation_task(self) -> Task | None:
        """The annotation task of the present round."""
        return next(
            (task for task in self.tasks if task.purpose is Purpose.ANNOTATION and task.round == self.round), None
        )

    def add_task(
        self,
        task_id: UUID,
        project: Project,
        purpose: Purpose,
        lane: Lane,
        pool: str,
        now: datetime,
        *,
        blind: bool,
        schema_version: int | None = None,
        revision: int = 0,
    ) -> Task:
        """A task of the record's round, pinned to the versions that are active; `revision` is that of qa's request."""
        version = schema_version or project.content.active_schema
        assert version is not None
        task = Task(
            task_id,
            self.project_id,
            self.record_id,
            self.round,
            purpose,
            version,
            project.content.active_guideline,
            lane,
            pool,
            blind,
            now,
            requested_revision=revision,
        )
        self.tasks.append(task)
        return task

    def close_tasks_before(self, revision: int, *, leased_too: bool, unserved_too: bool = True) -> None:
        """Close the tasks, but for those that qa asked for after this revision.

        `unserved_too`: what nobody could serve is wanted no more, either.
        """
        for task in self.tasks:
            if (task.open or (task.unserved and unserved_too)) and task.requested_revision <= revision:
                task.close(leased_too=leased_too)


@dataclass(frozen=True)
class RecordDraws:
    """The draws of a record; each is computed when it is first asked for, which most decisions do with one or two."""

    salt: str
    record_id: UUID

    @cached_property
    def explore(self) -> float:
        return draw(self.salt, "explore", self.record_id)

    @cached_property
    def audit(self) -> float:
        return draw(self.salt, "audit", self.record_id)

    @cached_property
    def blind(self) -> float:
        return draw(self.salt, "blind", self.record_id)

    @cached_property
    def serve(self) -> float:
        return draw(self.salt, "serve", self.record_id)


@dataclass(frozen=True, slots=True)
class Publication:
    """An event to be published of a record; `cause` is the event that led to it."""

    record_id: UUID
    project_id: UUID
    payload: Payload
    revision: int = 1
    cause: Event[Any] | None = None


@dataclass(slots=True)
class Effects:
    """What a set of decisions changes beside the records: events to publish, and the projects' counters."""

    publications: list[Publication] = field(default_factory=list)
    counts: Counter[tuple[UUID, str]] = field(default_factory=Counter)

    def publish(self, record: Record, payload: Payload, revision: int = 1, cause: Event[Any] | None = None) -> None:
        self.publications.append(Publication(record.record_id, record.project_id, payload, revision, cause))

    def count(self, project_id: UUID, counter: str, amount: int = 1) -> None:
        self.counts[project_id, counter] += amount

    def publish_route(self, record: Record, routed: RecordRouted, cause: Event[Any] | None = None) -> None:
        """Publish the route if it differs from the one before; another prediction alone is no difference."""
        old = record.routed
        if old is not None and _decision(old) == _decision(routed):
            return
        record.routed_revision += 1
        record.routed = routed
        self.publish(record, routed, record.routed_revision, cause)
        wanted = routed.slots_total
        if old is not None:
            wanted -= old.slots_total if old.round == routed.round else 0
            self.count(record.project_id, f"route.{old.route}", -1)
        self.count(record.project_id, f"route.{routed.route}")
        self.count(record.project_id, "annotations_wanted", wanted)

    def change_state(self, record: Record, state: RecordState) -> None:
        if record.state is not state:
            self.count(record.project_id, f"records.{record.state}", -1)
            self.count(record.project_id, f"records.{state}")
            record.state = state


_decision = attrgetter(*(name for name in RecordRouted.model_fields if name not in {"prediction_id", "reason"}))
