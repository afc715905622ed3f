"""What goes in and out over HTTP about predictions."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from services.prelabel.api.shapes import MODEL, of_answer, of_request
from shared.contracts.answers.examples import AnswersInCodePoints
from shared.contracts.events import RecordPredicted, Uncertainty
from shared.contracts.values import Probability


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

    model_config = of_request({"items": [{"fields": {"message": "My parcel has not come."}}]})

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

    model_config = of_answer(
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
