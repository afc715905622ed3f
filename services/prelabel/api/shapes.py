"""What goes in and out over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from services.prelabel.domain import next_step
from services.prelabel.domain.learning_schedule import LearningProgress
from services.prelabel.domain.next_step import ComparisonWait
from services.prelabel.exceptions import TrainingFailure
from services.prelabel.operations.comparison import WaitingForLabels
from services.prelabel.storage.models import Model
from services.prelabel.storage.projects import Situation
from services.prelabel.storage.runs import Run
from services.prelabel.storage.selection import BatchRow
from shared.contracts.answers.examples import AnswersInCodePoints
from shared.contracts.events import ModelEvaluation, ModelManifest, ModelTest, RecordPredicted, Uncertainty
from shared.contracts.values import ModelStage, Probability
from shared.kit.actors import ACTOR_DESCRIPTION

PROJECT = "01993e5a-0409-7a81-8050-3991208ceec1"
MODEL = "01993e5a-a9a7-77ba-82cd-5201a5ef03b3"
RUN = "01993e5a-1e08-79c7-8b74-aa24a606a628"

MANIFEST_EXAMPLE: dict[str, Any] = {
    "task": "text_classification",
    "schema_version": 1,
    "question": "topic",
    "field": "message",
    "labels": ["billing", "delivery", "other"],
    "input_name": "text",
    "output_name": "probabilities",
    "lowercase": True,
}
_EVALUATION_EXAMPLE = {
    "held_out": 180,
    "accuracy": 0.93,
    "log_loss": 0.21,
    "calibration_error": 0.018,
    "temperature": 0.87,
    "against": "01993e5a-7450-7634-8ac6-050b99fbb314",
    "against_accuracy": 0.9,
    "split": "validation",
}
_TEST_EXAMPLE = {
    "records": 171,
    "accuracy": 0.924,
    "interval_low": 0.875,
    "interval_high": 0.955,
    "log_loss": 0.23,
    "calibration_error": 0.021,
    "untouched": True,
    "failure": None,
    "read_at": "2026-11-02T09:04:00Z",
}

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


def _example(example: dict[str, Any], *, from_attributes: bool = False) -> ConfigDict:
    return ConfigDict(
        json_schema_extra={"examples": [example]}, from_attributes=from_attributes, protected_namespaces=()
    )


def _request(example: dict[str, Any]) -> ConfigDict:
    """A body that comes in: a member that there is not is refused."""
    return ConfigDict(json_schema_extra={"examples": [example]}, extra="forbid", protected_namespaces=())


class LiveErrors(BaseModel):
    """What product systems report of the model in use."""

    confirmed: int = Field(ge=0, description="Reports that its answer was right.")
    corrected: int = Field(ge=0, description="Reports that its answer was wrong.")
    unknown: int = Field(ge=0, description="Reports of neither kind.")
    error_rate: Probability | None = Field(description="Corrected among confirmed and corrected; none without reports.")

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "LiveErrors":
        confirmed, corrected = counts.get("confirmed", 0), counts.get("corrected", 0)
        judged = confirmed + corrected
        return cls(
            confirmed=confirmed,
            corrected=corrected,
            unknown=counts.get("unknown", 0),
            error_rate=corrected / judged if judged else None,
        )


class ModelOut(BaseModel):
    """A model version."""

    model_config = _example(
        {
            "model_id": MODEL,
            "project_id": PROJECT,
            "version": 3,
            "revision": 2,
            "stage": "champion",
            "manifest": MANIFEST_EXAMPLE,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "size_bytes": 47_212,
            "temperature": 0.87,
            "evaluation": _EVALUATION_EXAMPLE,
            "test": _TEST_EXAMPLE,
            "compared": True,
            "training_run_id": RUN,
            "trained_on": 320,
            "contaminated_by": 0,
            "predecessor": "01993e5a-7450-7634-8ac6-050b99fbb314",
            "reason": "0.9300 right against 0.9000 on 180 validation labels",
            "created_by": "labels",
            "created_at": "2026-11-02T09:00:00Z",
            "decided_by": None,
            "set_aside": None,
            "next_step": None,
        },
        from_attributes=True,
    )

    model_id: UUID
    project_id: UUID
    version: int = Field(description="Counts the project's models.")
    revision: int = Field(description="Counts the changes of this model; also its ETag.")
    stage: ModelStage
    manifest: ModelManifest
    sha256: str
    size_bytes: int
    temperature: float = Field(description="What its confidences are tempered by; fitted when it was compared.")
    evaluation: ModelEvaluation | None = Field(
        description="What it was chosen by: labels of the validation split made by people."
    )
    test: ModelTest | None = Field(
        description="How good it is on the test split, read once after it was promoted and there were labels enough. Nothing"
        " was chosen by it, unless `untouched` is false."
    )
    compared: bool = Field(description="Whether its comparison with the champion is over.")
    training_run_id: UUID | None = Field(description="The run that made it; none for an uploaded model.")
    trained_on: int | None
    contaminated_by: int = Field(description="Records it was trained on that became gold later.")
    predecessor: UUID | None = Field(description="The champion that a rollback leads to.")
    reason: str
    created_by: str = Field(description=f"{ACTOR_DESCRIPTION} `labels`: learning.")
    created_at: datetime
    decided_by: str | None = Field(
        description=f"{ACTOR_DESCRIPTION} Null: a comparison gave it its stage for the `reason`, or nobody did yet."
    )
    set_aside: str | None = Field(
        description="Why it is asked no more, if it is so: it took too much time or memory again and again. Promoting it"
        " lets it try anew."
    )
    next_step: str | None = Field(
        default=None,
        description="What a challenger that is not compared yet waits for, in the answer to its upload and when it is read.",
    )

    @classmethod
    def of(cls, model: Model, next_step: str | None = None) -> "ModelOut":
        return cls.model_validate(model).model_copy(update={"next_step": next_step})


class ModelDetail(ModelOut):
    """A model version with what was reported of it."""

    live: LiveErrors
    unanswered: dict[str, int] = Field(
        description="Records that it was asked about in vain, by the reason, counted up to 10,000: `unreadable`, there was"
        " nothing that it could read; `unusable`, it broke on the record or gave no probabilities; `failed`, it took too"
        " long or answered in another shape. The records' predictions show which.",
        examples=[{"unusable": 2}],
    )
    thresholds: list[dict[str, Any]] = Field(description="The auto-accept thresholds that qa has set for it.")
    drift: list[dict[str, Any]] = Field(description="The newest drift that qa has detected in it.")


class StageChange(BaseModel):
    """Why a model is promoted, or rolled back."""

    model_config = _request({"reason": "Looked at 50 of its errors; none would have been auto-accepted."})

    reason: Reason = Field(description="Kept with the model and published; personal data in it is masked.")


class ArtifactLink(BaseModel):
    """Where the ONNX file can be fetched for a while, without a token."""

    model_config = _example(
        {
            "url": f"/v1/objects/models/{MODEL}?expires=1762074120&type=application/octet-stream&signature=…",
            "expires_at": "2026-11-02T09:02:00Z",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "size_bytes": 47_212,
        }
    )

    url: str
    expires_at: datetime
    sha256: str
    size_bytes: int


class InlineImage(BaseModel):
    """An image in the request; as in a record it may also be a data URL."""

    model_config = ConfigDict(extra="forbid")

    media_type: Literal["image/png", "image/jpeg"] | None = Field(
        default=None, description="What it is is seen from its bytes."
    )
    base64: str = Field(max_length=16 * 1024 * 1024, description="The file's bytes.")


class PredictItem(TypedDict):
    """One item to predict; a field that the model doesn't read is ignored."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # a request has a thousand: no models are made

    fields: Annotated[dict[str, str | InlineImage], Field(max_length=50)]


class PredictionRequest(BaseModel):
    """Items to predict."""

    model_config = _request({"items": [{"fields": {"message": "My parcel has not come."}}]})

    items: list[PredictItem] = Field(min_length=1, max_length=1000)
    model_id: UUID | None = Field(default=None, description="A model of the project; its champion without.")


class ItemPrediction(BaseModel):
    """The model's prediction for one item."""

    answers: AnswersInCodePoints
    confidence: Probability | None = Field(description="The calibrated probability that the answers are right.")
    distributions: dict[str, dict[str, Probability]]
    uncertainty: Uncertainty | None
    reason: str | None = Field(default=None, description="Why there is no answer.")


class PredictionAnswer(BaseModel):
    """Predictions, in the order of the items. Nothing of them is kept."""

    model_config = _example(
        {
            "model_id": MODEL,
            "model_version": 3,
            "schema_version": 1,
            "predictions": [
                {
                    "answers": {"topic": {"label": "delivery"}},
                    "confidence": 0.94,
                    "distributions": {"topic": {"billing": 0.04, "delivery": 0.94, "other": 0.02}},
                    "uncertainty": {"entropy": 0.24, "margin": 0.1, "least_confidence": 0.06},
                }
            ],
        },
    )

    model_id: UUID
    model_version: int
    schema_version: int
    predictions: list[ItemPrediction]


class RecordPrediction(BaseModel):
    """One of a record's predictions."""

    model_config = ConfigDict(protected_namespaces=())

    prediction_id: UUID = Field(description="The id of the event that published it.")
    revision: int
    prediction: RecordPredicted


class TrainingRequest(BaseModel):
    """Start a training by hand."""

    model_config = _request({"reason": "New classes were labelled."})

    reason: Reason


class TrainingAccepted(BaseModel):
    """The training has been queued."""

    model_config = _example({"job_id": "01993e5b-0c2e-7a3b-9d51-2f0e9a4f6f10", "run_id": RUN})

    job_id: UUID = Field(description="Its progress is at `GET /v1/jobs/{job_id}`.")
    run_id: UUID


class TrainingRunOut(BaseModel):
    """A training run."""

    model_config = _example(
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
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> "TrainingRunOut":
        return cls.model_validate(run)


class BatchOut(BaseModel):
    """A batch of active learning."""

    model_config = _example(
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

    model_config = _example(
        {
            "champion_id": MODEL,
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
    ) -> "LearningOut":
        """`waiting`: the newest first."""
        last, project = progress.last, situation.project
        newest = None
        if waiting:
            first = waiting[0].challenger
            newest = next_step.Waiting(first.model_id, first.version, waiting[0].supply)
        failure = None if newest_run is None else newest_run.failure_reason
        return cls(
            champion_id=situation.champion_id,
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
            next_step=next_step.of_project(project, progress, candidates, newest, failure),
        )


def models_out(rows: Sequence[Model]) -> list[ModelOut]:
    return [ModelOut.of(model) for model in rows]
