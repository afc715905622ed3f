"""Topic `labels`: how records end. `revision` counts qa's changes of the record's state."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.contracts.answers.examples import AnswersInCodePoints
from shared.contracts.envelope import Payload, Secret
from shared.contracts.values import Calibrated, LabelMethod, Probability, Role, Split, Version


class LabelFinalized(Payload):
    """The answer the system stands behind. Never published for gold.

    `trainable`: people made it (or policy admits machine labels) and its split is `train`.
    `annotations` is how many counted; `model_id` the model whose answer was accepted, for `auto_accept`.
    `calibrated`: what the confidence was calibrated on; None: an earlier release made the label.
    """

    label_revision: int = Field(ge=1)
    round: int = Field(ge=1)
    method: LabelMethod
    answers: AnswersInCodePoints
    confidence: Probability
    schema_version: Version
    guideline_version: Version | None
    split: Split
    trainable: bool
    annotations: int = Field(ge=0)
    model_id: UUID | None = None
    calibrated: Calibrated | None = None


class LabelRetracted(Payload):
    """The label stands no more: the record is open again, or is gold."""

    label_revision: int = Field(ge=1)
    reason: str


class RecordUnlabelable(Payload):
    """Nobody could label the record. Not for ever: it opens again when an arbiter appears."""

    reason: str


class GoldPlaced(Payload):
    """The record measures annotators from now on. The answer stays in qa.

    `exposures` is how many annotators it may be served to.
    """

    secrets: ClassVar = (Secret(("exposures",), frozenset({Role.MANAGER})),)

    schema_version: Version
    exposures: int = Field(ge=1)


class GoldWithdrawn(Payload):
    """The record is gold no more; it stays out of training and is never served again as gold."""

    reason: str
