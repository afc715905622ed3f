"""Labels that look wrong to models: how likely they are wrong with what people's votes say, and which are labelled again."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from services.qa.domain.record import Record
from shared.contracts.values import LabelMethod, RecordState

LABEL_DOUBTED: Final = "label_doubted"
"""Why a label is under review: models that did not learn from it say that it looks wrong."""

DAY: Final = timedelta(days=1)
"""In which a policy's `per_day` labels are sent to people."""

_BY_EXPERTS: Final = frozenset({LabelMethod.DECISION})
_VOTE_WEIGHT: Final = 0.5
"""Votes count half: their confidence is too high, and people err on the records that models err on."""
_SUREST: Final = 0.99
_LEAST: Final = 1e-6


def vote_confidence(parameters: Mapping[str, Any], question: str) -> float | None:
    """What the votes gave to the label of a question; None where no votes made it, or a model spoke with them."""
    if parameters.get("model_as_prior") is not None:
        return None
    found = parameters.get("questions", {}).get(question, {}).get("confidence")
    return float(found) if isinstance(found, int | float) else None


def doubt_with_votes(model_score: float, estimated_wrong: float, confidence: float | None) -> float:
    """The probability that a label is wrong, by the models and by the votes: odds multiplied, the votes' to their weight.

    `estimated_wrong`, the share of all labels that is wrong, is in the models' score already: votes that are as sure as
    that leave the score as it is.
    """
    if confidence is None:
        return model_score
    by_votes = _log_odds(1.0 - min(confidence, _SUREST)) - _log_odds(estimated_wrong)
    return 1.0 / (1.0 + math.exp(-_log_odds(model_score) - _VOTE_WEIGHT * by_votes))


def _log_odds(probability: float) -> float:
    within = min(max(probability, _LEAST), 1.0 - _LEAST)
    return math.log(within / (1.0 - within))


def may_be_sent(record: Record, method: LabelMethod) -> bool:
    """Whether the label of a record may be labelled again because models doubt it.

    What an arbiter or an expert decided is not asked of others; a held-out label measures models, so that none of them may
    choose which of these are looked at again.
    """
    finalized = record.state is RecordState.FINALIZED and not record.under_review
    return finalized and not record.held_out and method not in _BY_EXPERTS


def next_review(sent_before: int, oldest: datetime | None, per_day: int, now: datetime) -> datetime:
    """When more may be sent. `oldest`: when the first of those was sent that count for the day."""
    if sent_before < per_day or oldest is None:
        return now
    return oldest + DAY
