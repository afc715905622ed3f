"""From a row of probabilities to what is published of a record."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.prelabel.domain.calibration import Floats, temper
from services.prelabel.domain.uncertainty import Unsureness, unsureness
from shared.contracts.events import ModelManifest, RecordPredicted, Selection, Unanswered, Uncertainty
from shared.contracts.values import Answers, RecordState, ScoredFor

_DIGITS = 6


def scored_for(state: RecordState, *, held_out: bool) -> ScoredFor:
    """A held-out record that has its label is there to measure the model; every other is to be routed."""
    return ScoredFor.EVALUATION if held_out and state is RecordState.FINALIZED else ScoredFor.ROUTING


class WhyNot(StrEnum):
    """Why a model that was asked has no answer; see `Unanswered`."""

    UNREADABLE = "unreadable"
    UNUSABLE = "unusable"
    FAILED = "failed"


def without_answer(
    schema_version: int,
    draw: float,
    selection: Selection | None,
    purpose: ScoredFor,
    unanswered: Unanswered | None = None,
) -> RecordPredicted:
    """The prediction of a record that no model has an answer for: how early its turn comes, by chance, and who was asked."""
    return RecordPredicted(
        model_id=None,
        model_version=None,
        schema_version=schema_version,
        answers={},
        confidence=None,
        acquisition_score=draw,
        selection=selection,
        scored_for=purpose,
        unanswered=unanswered,
    )


class Answered(TypedDict):
    """A model's prediction for one item, as it is published."""

    answers: Answers
    confidence: float
    distributions: dict[str, dict[str, float]]
    uncertainty: dict[str, float]


@dataclass(frozen=True, slots=True)
class Predictions:
    """A model's predictions, one row per item: shapes [n], and [n, labels] for `distribution`.

    `sound` is false where the model gave none; the row's other values mean nothing then. `best` is the label's index,
    `confidence` its tempered probability.
    """

    sound: NDArray[np.bool_]
    best: NDArray[np.intp]
    confidence: Floats
    distribution: Floats
    unsureness: Unsureness


def predictions(probabilities: Floats, temperature: float) -> Predictions:
    """From raw probabilities, shape [n, labels]; a row of NaN is where the model gave none."""
    sound = np.isfinite(probabilities.sum(axis=1))
    tempered = np.minimum(1.0, temper(np.where(sound[:, None], probabilities, 1.0), temperature))
    return Predictions(
        sound, tempered.argmax(axis=1), tempered.max(axis=1), tempered.round(_DIGITS), unsureness(tempered)
    )


def answered(manifest: ModelManifest, probabilities: Floats, temperature: float) -> list[Answered | None]:
    """One answer per row; None for a row of NaN, where the model gave none. Rows of one label share their `answers`."""
    if len(probabilities) == 0:
        return []
    made = predictions(probabilities, temperature)
    question, labels = manifest.question, manifest.labels
    answers_of: list[Answers] = [{question: {"label": label}} for label in labels]
    columns = zip(
        made.sound.tolist(),
        made.best.tolist(),
        made.confidence.tolist(),
        made.distribution.tolist(),
        made.unsureness.entropy.tolist(),
        made.unsureness.margin.tolist(),
        made.unsureness.least_confidence.tolist(),
        strict=True,
    )
    return [
        {
            "answers": answers_of[best],
            "confidence": confidence,
            "distributions": {question: dict(zip(labels, distribution, strict=True))},
            "uncertainty": {"entropy": entropy, "margin": margin, "least_confidence": least_confidence},
        }
        if is_sound
        else None
        for is_sound, best, confidence, distribution, entropy, margin, least_confidence in columns
    ]


def predicted(answer: Answered, manifest: ModelManifest, model_id: UUID, model_version: int) -> RecordPredicted:
    """The answer as an event, for routing and not selected; the acquisition score is the unsureness by margin."""
    return RecordPredicted(
        model_id=model_id,
        model_version=model_version,
        schema_version=manifest.schema_version,
        answers=answer["answers"],
        confidence=answer["confidence"],
        distributions=answer["distributions"],
        uncertainty=Uncertainty(**answer["uncertainty"]),
        acquisition_score=answer["uncertainty"]["margin"],
        scored_for=ScoredFor.ROUTING,
    )


def selected_for(prediction: RecordPredicted, selection: Selection | None, purpose: ScoredFor) -> RecordPredicted:
    """The same answers, with why the record was selected and what they were made for."""
    return prediction.model_copy(update={"selection": selection, "scored_for": purpose})
