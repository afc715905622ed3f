"""What goes in and out over HTTP about learning: training runs, batches, and what it waits for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.prelabel.api.shapes import MODEL, PROJECT, RUN, Reason, of_answer, of_request
from services.prelabel.domain import next_step
from services.prelabel.domain.learning_schedule import LearningProgress
from services.prelabel.domain.next_step import ComparisonWait
from services.prelabel.exceptions import TrainingFailure
from services.prelabel.operations.comparison import WaitingForLabels
from services.prelabel.storage.models import Model
from services.prelabel.storage.projects import Situation
from services.prelabel.storage.runs import Run
from services.prelabel.storage.selection import BatchRow
from shared.kit.actors import ACTOR_DESCRIPTION


class TrainingRequest(BaseModel):
    """Start a training by hand."""

    model_config = of_request({"reason": "New classes were labelled."})

    reason: Reason


class TrainingAccepted(BaseModel):
    """The training has been queued."""

    model_config = of_answer({"job_id": "01993e5b-0c2e-7a3b-9d51-2f0e9a4f6f10", "run_id": RUN})

    job_id: UUID = Field(description="Its progress is at `GET /v1/jobs/{job_id}`.")
    run_id: UUID


class TrainingRunOut(BaseModel):
    """A training run."""

    model_config = of_answer(
        {
            "run_id": RUN,
            "project_id": PROJECT,
            "model_id": MODEL,
            "state": "promoted",
            "started_by": "labels",
            "reason": "batch 2 is done",
            "batch": 2,
            "attempts": 1,
            "failure": None,
            "failure_reason": None,
            "examples": 320,
            "report": {"algorithm": "calibrated_support_vectors", "seconds": 0.31},
            "label_errors": {
                "outcome": "done",
                "examined": 320,
                "estimated_wrong": 0.03,
                "doubted": 16,
                "looked_at": "2026-11-02T09:00:09Z",
            },
            "created_at": "2026-11-02T08:59:59Z",
            "started_at": "2026-11-02T08:59:59Z",
            "ended_at": "2026-11-02T09:00:01Z",
        },
        from_attributes=True,
    )

    run_id: UUID
    project_id: UUID
    model_id: UUID = Field(description="The model that it makes; it exists once the run is comparing.")
    state: Literal["queued", "running", "comparing", "promoted", "rejected", "compared", "superseded", "failed"]
    started_by: str = Field(description=f"{ACTOR_DESCRIPTION} `labels`: learning.")
    reason: str
    batch: int | None = Field(description="The batch of active learning that led to it.")
    attempts: int
    failure: str | None = Field(description="Why the newest attempt failed.")
    failure_reason: TrainingFailure | None = Field(description="The same as one of a closed set.")
    examples: int | None = Field(description="How many labels it learnt from.")
    report: dict[str, Any] | None
    label_errors: dict[str, Any] | None = Field(
        default=None,
        description="What the look for wrong labels found that follows a training; null while it is due. `examined` labels"
        " were judged by models that did not learn from them, `estimated_wrong` is the share that is estimated to be wrong;"
        " the `doubted` ones are listed by qa. `outcome` other than `done`: why nothing was looked for.",
    )
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> "TrainingRunOut":
        return cls.model_validate(run)


class BatchOut(BaseModel):
    """A batch of active learning."""

    model_config = of_answer(
        {"batch": 2, "size": 80, "model_id": MODEL, "created_at": "2026-11-02T09:00:02Z", "still_open": 12},
        from_attributes=True,
    )

    batch: int
    size: int
    model_id: UUID | None = Field(description="The model whose scores it was chosen by; none in a cold start.")
    created_at: datetime
    still_open: int = Field(description="How many of its records have not ended yet.")

    @classmethod
    def of(cls, row: BatchRow) -> "BatchOut":
        return cls.model_validate(row)


class WaitingModel(BaseModel):
    """A challenger that is not compared yet."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: UUID
    version: int
    training_run_id: UUID | None = Field(description="The run that made it; none for an uploaded model.")
    held_out_labels: int = Field(
        description="How many labels of the validation split there are for it, counted up to those needed."
    )
    reason: ComparisonWait = Field(description="Why it is not compared yet.")
    failure: str | None = Field(description="Why the newest attempt at its comparison failed.")

    @classmethod
    def of(cls, waiting: WaitingForLabels) -> "WaitingModel":
        each = waiting.challenger
        return cls(
            model_id=each.model_id,
            version=each.version,
            training_run_id=each.training_run_id,
            held_out_labels=waiting.supply.have,
            reason=waiting.reason,
            failure=each.failure,
        )


class FailedTraining(BaseModel):
    """The newest training run, which made no model so far."""

    run_id: UUID
    reason: TrainingFailure | None = Field(description="None of a run that failed before reasons were kept.")
    detail: str
    at: datetime

    @classmethod
    def of(cls, run: Run | None) -> "FailedTraining | None":
        if run is None or run.failure is None:
            return None
        at = run.ended_at or run.started_at or run.created_at
        return cls(run_id=run.run_id, reason=run.failure_reason, detail=run.failure, at=at)


class LearningOut(BaseModel):
    """Where a project's learning stands, and what it waits for."""

    model_config = of_answer(
        {
            "champion_id": MODEL,
            "champion_set_aside": None,
            "batch": 2,
            "batch_size": 80,
            "batch_open": 12,
            "new_labels": 68,
            "candidates": 500,
            "training": False,
            "last_failure": None,
            "comparing": False,
            "waiting_models": [],
            "held_out_labels": None,
            "held_out_needed": 50,
            "waiting_reason": None,
            "rescoring": False,
            "next_step": "12 of 80 records of batch 2 are to be labelled.",
        },
    )

    champion_id: UUID | None
    champion_set_aside: str | None = Field(
        description="Why the champion is asked no more, if it is so: records get no prediction of it."
    )
    batch: int | None = Field(description="The newest batch.")
    batch_size: int
    batch_open: int = Field(description="How many of its records have not ended yet.")
    new_labels: int = Field(description="Labels since the newest training, counted up to the size of a batch.")
    candidates: int = Field(description="Records that may be selected, counted up to a bound.")
    training: bool
    last_failure: FailedTraining | None = Field(description="Why the newest training run has made no model.")
    comparing: bool = Field(description="Whether a challenger, trained here or uploaded, waits for its comparison.")
    waiting_models: list[WaitingModel] = Field(description="The newest challengers that wait, the newest first.")
    held_out_labels: int | None = Field(
        description="How many labels of the validation split there are for the newest one that waits."
    )
    held_out_needed: int = Field(description="How many labels of the validation split a comparison needs.")
    waiting_reason: ComparisonWait | None = Field(description="Why the newest one that waits is not compared yet.")
    rescoring: bool = Field(description="Whether records have yet to be scored by the champion.")
    next_step: str = Field(description="What learning waits for, as a sentence for people.")

    @classmethod
    def of(
        cls,
        situation: Situation,
        progress: LearningProgress,
        candidates: int,
        waiting: Sequence[WaitingForLabels],
        newest_run: Run | None,
        champion: Model | None,
    ) -> "LearningOut":
        """`waiting`: the newest first."""
        last, project = progress.last, situation.project
        newest = None
        if waiting:
            first = waiting[0].challenger
            newest = next_step.Waiting(first.model_id, first.version, waiting[0].supply)
        failure = None if newest_run is None else newest_run.failure_reason
        waits_for = next_step.of_project(project, progress, candidates, newest, failure)
        set_aside = None if champion is None else champion.set_aside
        if champion is not None and set_aside is not None:
            waits_for = f"{next_step.of_set_aside(champion.model_id, set_aside)} {waits_for}"
        return cls(
            champion_id=situation.champion_id,
            champion_set_aside=set_aside,
            batch=None if last is None else last.batch,
            batch_size=0 if last is None else last.size,
            batch_open=0 if last is None else last.still_open,
            new_labels=progress.labels.new,
            candidates=candidates,
            training=progress.training,
            last_failure=FailedTraining.of(newest_run),
            comparing=bool(waiting),
            waiting_models=[WaitingModel.of(each) for each in waiting],
            held_out_labels=None if newest is None else newest.supply.have,
            held_out_needed=project.learning.promotion_held_out,
            waiting_reason=waiting[0].reason if waiting else None,
            rescoring=progress.rescoring,
            next_step=waits_for,
        )
