"""From a row of probabilities to what is published of a record."""

from uuid import UUID

import numpy as np

from services.prelabel.domain.calibration import Floats, temper
from services.prelabel.domain.uncertainty import unsureness
from shared.contracts.events import ModelManifest, RecordPredicted, Selection, Uncertainty
from shared.contracts.values import RecordState, ScoredFor

_DIGITS = 6


def scored_for(state: RecordState, *, held_out: bool) -> ScoredFor:
    """A held-out record that has its label is there to measure the model; every other is to be routed."""
    return ScoredFor.EVALUATION if held_out and state is RecordState.FINALIZED else ScoredFor.ROUTING


def without_answer(
    schema_version: int, draw: float, selection: Selection | None, purpose: ScoredFor
) -> RecordPredicted:
    """What is said of a record that no model has an answer for: only how early its turn comes, by chance."""
    return RecordPredicted(
        model_id=None,
        model_version=None,
        schema_version=schema_version,
        answers={},
        confidence=None,
        acquisition_score=draw,
        selection=selection,
        scored_for=purpose,
    )


def answers_of(
    manifest: ModelManifest,
    probabilities: Floats,
    temperature: float,
    *,
    model_id: UUID,
    model_version: int,
) -> list[RecordPredicted | None]:
    """One prediction per row, for routing and not selected; None for a row of NaN, where the model gave no answer.

    `confidence` is the tempered probability of the best label; the acquisition score is the unsureness by margin.
    """
    sound = np.isfinite(probabilities.sum(axis=1))
    tempered = temper(np.where(sound[:, None], probabilities, 1.0), temperature)
    unsure = unsureness(tempered)
    made: list[RecordPredicted | None] = []
    for index in range(len(probabilities)):
        if not sound[index]:
            made.append(None)
            continue
        row = tempered[index]
        best = int(row.argmax())
        margin = float(unsure.margin[index])
        made.append(
            RecordPredicted(
                model_id=model_id,
                model_version=model_version,
                schema_version=manifest.schema_version,
                answers={manifest.question: {"label": manifest.labels[best]}},
                confidence=min(1.0, float(row[best])),
                distributions={
                    manifest.question: {
                        label: min(1.0, round(float(value), _DIGITS))
                        for label, value in zip(manifest.labels, row, strict=True)
                    }
                },
                uncertainty=Uncertainty(
                    entropy=float(unsure.entropy[index]),
                    margin=margin,
                    least_confidence=float(unsure.least_confidence[index]),
                ),
                acquisition_score=margin,
                scored_for=ScoredFor.ROUTING,
            )
        )
    return made


def announced(prediction: RecordPredicted, selection: Selection | None, purpose: ScoredFor) -> RecordPredicted:
    """The same answers, with why the record was selected and what they were made for."""
    return prediction.model_copy(update={"selection": selection, "scored_for": purpose})
