"""Topic `annotations`: what queue decided on a record, and what people did."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.answers.examples import AnswersInCodePoints
from shared.contracts.envelope import Payload
from shared.contracts.values import Probability, Route, TaskKind, Version


class RecordRouted(Payload):
    """How much human work a record gets, again on every change of it.

    `slots_total` is how many annotations the round collects (0 for `auto_accept`). `audit`: the record would have been
    auto-accepted and was drawn to be checked blind. `blind`: people see no prediction. `explored`: drawn by chance into
    the random share. `selection_probability` is the logged chance with which the draw decided as it did.
    `prediction_id` is the `RecordPredicted` event that the decision read.
    """

    route: Route
    task_kind: TaskKind
    task_id: UUID | None
    round: int = Field(ge=1)
    slots_total: int = Field(ge=0)
    schema_version: Version
    guideline_version: Version | None
    policy_version: Version
    model_id: UUID | None
    prediction_id: UUID | None
    threshold: Probability | None
    audit: bool
    blind: bool
    explored: bool
    selection_probability: Probability
    reason: str | None = None


class AnnotationSubmitted(Payload):
    """One annotator's answers to one task. `active_s` is the time the frontend measured, in seconds.

    `prediction_shown` is the id of the prediction that the annotator saw, None when blind. `reason` is required of an
    arbiter. A correction is the same `annotation_id` with a higher `annotation_revision`.
    """

    annotation_id: UUID
    annotation_revision: int = Field(default=1, ge=1)
    task_id: UUID
    task_kind: TaskKind
    round: int = Field(ge=1)
    slot: int = Field(ge=1)
    annotator_id: UUID
    answers: AnswersInCodePoints
    schema_version: Version
    guideline_version: Version
    leased_at: AwareDatetime
    submitted_at: AwareDatetime
    active_s: float | None = Field(default=None, ge=0.0)
    prediction_shown: UUID | None = None
    reason: str | None = None


class TaskSkipped(Payload):
    task_id: UUID
    task_kind: TaskKind
    round: int = Field(ge=1)
    annotator_id: UUID
    reason: str


class TaskUnservable(Payload):
    """Nobody is left who may answer the task: all skipped it, or nobody has the skill."""

    task_id: UUID
    task_kind: TaskKind
    round: int = Field(ge=1)
    reason: str


class TaskServable(Payload):
    """Somebody who may answer a task has come since `TaskUnservable` was published for it. It stays closed until qa asks again."""

    task_id: UUID
    task_kind: TaskKind
    round: int = Field(ge=1)
