"""A record as queue keeps it, without its content: what routing and serving need to know."""

from dataclasses import dataclass
from uuid import UUID

from shared.contracts.events import RecordRouted, Selection
from shared.contracts.values import Answers, RecordState, Split


@dataclass(frozen=True, slots=True)
class Prediction:
    """The newest one that was made for routing; `model_id` None is cold start."""

    revision: int
    prediction_id: UUID
    model_id: UUID | None
    schema_version: int
    answers: Answers
    confidence: float | None


@dataclass(slots=True)
class Record:
    """The record under its lock. `known`: its content came. `waiting`: it can't be routed before its project is served.

    `labels_revision` and `requests_revision` are the newest of qa's that were obeyed; `routed` is what was published
    last, `routed_revision` how often.
    """

    record_id: UUID
    project_id: UUID
    state: RecordState = RecordState.OPEN
    known: bool = False
    revision: int = 0
    labels_revision: int = 0
    requests_revision: int = 0
    split: Split | None = None
    priority: int = 0
    prediction: Prediction | None = None
    selection: Selection | None = None
    round: int = 1
    waiting: bool = False
    threshold_revision: int = 0
    routed_revision: int = 0
    routed: RecordRouted | None = None
