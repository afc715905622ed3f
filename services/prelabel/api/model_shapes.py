"""What goes in and out over HTTP about models."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.prelabel.api.shapes import MODEL, PROJECT, RUN, Reason, of_answer, of_request
from services.prelabel.domain.next_step import of_set_aside
from services.prelabel.storage.models import Model
from shared.contracts.events import ModelDrift, ModelEvaluation, ModelManifest, ModelTest
from shared.contracts.values import ModelStage, Probability
from shared.kit.actors import ACTOR_DESCRIPTION

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
    "calibration_error_low": 0.0,
    "calibration_error_high": 0.049,
    "temperature": 0.87,
    "tempering": {"applied": True, "gain": 0.012, "p_value": 0.003, "error_gain": 0.001},
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
    "calibration_error_low": 0.0,
    "calibration_error_high": 0.055,
    "untouched": True,
    "failure": None,
    "read_at": "2026-11-02T09:04:00Z",
}


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

    model_config = of_answer(
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
    temperature: float = Field(
        description="What its confidences are tempered by: fitted when it was compared, and 1 where held-out labels didn't"
        " show that tempering gains (`evaluation.tempering`)."
    )
    evaluation: ModelEvaluation | None = Field(
        description="What it was chosen by: labels of the validation split made by people."
    )
    test: ModelTest | None = Field(
        description="How good it is on the test split, read once after it was promoted and there were labels enough. Nothing"
        " was chosen by it, unless `untouched` is false."
    )
    compared: bool = Field(
        description="Whether it was measured, and compared with the champion where there was one. False of a model that got"
        " its stage without that, as with `use_now`; then `evaluation` is null."
    )
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
        description="What a challenger that is not compared yet waits for, in the answer to its upload and when it is read;"
        " and what to do about a model that is set aside.",
    )

    @classmethod
    def of(cls, model: Model, next_step: str | None = None) -> "ModelOut":
        """`next_step`: what a challenger waits for; of a model that is set aside it is what to do about that."""
        if model.set_aside is not None:
            next_step = of_set_aside(model.model_id, model.set_aside)
        compared = model.compared and model.evaluation is not None
        return cls.model_validate(model).model_copy(update={"next_step": next_step, "compared": compared})


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
    drift: list[ModelDrift] = Field(
        description="What has changed since it was made: one alarm of a kind, seen while it was champion."
    )


class StageChange(BaseModel):
    """Why a model is promoted, or rolled back."""

    model_config = of_request({"reason": "Looked at 50 of its errors; none would have been auto-accepted."})

    reason: Reason = Field(description="Kept with the model and published; personal data in it is masked.")


class ArtifactLink(BaseModel):
    """Where the ONNX file can be fetched for a while, without a token."""

    model_config = of_answer(
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
