"""Topic `feedback`: what a product system reports of a live prediction."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.answers.examples import AnswersInCodePoints
from shared.contracts.envelope import Payload
from shared.contracts.values import Probability, Verdict, Version


class FeedbackReceived(Payload):
    """`correction` is what the product holds to be true, when `verdict` is `corrected`; qa decides what it re-opens."""

    feedback_id: UUID
    model_id: UUID | None = None
    model_version: str | None = Field(default=None, max_length=200)
    schema_version: Version
    prediction: AnswersInCodePoints | None = None
    confidence: Probability | None = None
    verdict: Verdict
    correction: AnswersInCodePoints | None = None
    observed_at: AwareDatetime
