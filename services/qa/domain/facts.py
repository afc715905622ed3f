"""The facts of one record that its verdict rests on, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.qa.domain.record import Record
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.domain.votes import Distribution
from shared.contracts.answers import LabelSchema
from shared.contracts.policies import RedundancyPolicy
from shared.contracts.values import Answers, RecordState, TaskKind

AGREEMENT_DRAWN = "agreement_drawn"
"""Why a label is under review: it was drawn among those that a model agrees with."""

CHAMPION_DIFFERS = "champion_differs"
"""Why a label is under review: the model in use differs from it."""

AnnotationRole = Literal["vote", "gold", "decision", "void", "late", "superseded"]
"""How an annotation counts: for the label of its round, for the assessment of its annotator on gold, as an arbiter's
decision, no more since its annotator was paused, not for a label since it came when the round was over, or not since
its annotator corrected it."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotator's answers as they count now.

    `paused`: the annotator is, in this project. `era`: the annotator's drift alarms before it was made.
    """

    annotation_id: UUID
    annotation_revision: int
    annotator_id: UUID
    role: AnnotationRole
    round: int
    task_id: UUID
    task_kind: TaskKind
    answers: Answers
    schema_version: int
    guideline_version: int
    paused: bool
    era: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered for a record. `distributions`: probability by class, by question."""

    prediction_id: UUID
    model_id: UUID | None
    schema_version: int
    answers: Answers
    confidence: float | None
    distributions: Mapping[str, Distribution]
    predicted_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """A product's correction that has had no effect yet."""

    feedback_id: UUID
    correction: Answers
    schema_version: int


@dataclass(frozen=True, slots=True)
class CurrentLabel:
    """The label that stands."""

    label_revision: int
    schema_version: int
    answers: Answers


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute that no arbiter could decide."""

    schema_version: int
    reason: str
    disputed: Sequence[Answers]


@dataclass(frozen=True, slots=True)
class ArbitrationChange:
    """What queue reported of the arbitration task: an arbiter may serve it again, or nobody can, since `at`."""

    servable: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """All that decides what happens to a record now.

    `annotations` are those of the present round in the order of their submission; `prediction` is the one that queue
    routed by, once it is here; `reports` are in the order of their observation, and `more_reports` may be pending after
    them. `arbitration` is set only when queue has just reported it, `dispute` only where it can be reopened.
    `decide_again`: estimates have changed, so votes that were too few may be enough.
    """

    record: Record
    schemas: Mapping[int, LabelSchema]
    policy: RedundancyPolicy
    annotations: Sequence[Annotation] = ()
    prediction: Prediction | None = None
    estimates: Mapping[str, StoredEstimates] = field(default_factory=dict)
    label: CurrentLabel | None = None
    reports: Sequence[Report] = ()
    more_reports: bool = False
    arbitration: ArbitrationChange | None = None
    dispute: Dispute | None = None
    decide_again: bool = False

    @property
    def given_up(self) -> bool:
        """Whether there was no arbiter either, when one was asked."""
        return self.record.unservable_at is not None or self.record.state is RecordState.UNLABELABLE

    @property
    def votes(self) -> list[Annotation]:
        """The annotations that count for the label of this round."""
        return [one for one in self.annotations if one.role == "vote" and not one.paused]

    @property
    def paused_votes(self) -> list[Annotation]:
        """Votes whose annotators are paused by now."""
        return [one for one in self.annotations if one.role == "vote" and one.paused]

    @property
    def voided(self) -> int:
        """How many annotations of this round took a slot and count no more."""
        return sum(one.role == "void" for one in self.annotations) + len(self.paused_votes)

    @property
    def slots_total(self) -> int:
        """How many annotations the round collects once each paused vote has got another slot."""
        return self.record.slots_total + len(self.paused_votes)

    @property
    def decision(self) -> Annotation | None:
        """What an arbiter decided in this round."""
        return next((one for one in self.annotations if one.role == "decision"), None)

    @property
    def needs_consensus(self) -> bool:
        """Whether the votes of the round decide now: all that it collects are in."""
        record = self.record
        if not record.expects_answers or not record.slots_total or record.auto_accepted or record.arbitrating:
            return False
        if record.round_is_final or self.given_up or self.decision is not None:
            return False
        votes = self.votes
        return bool(votes) and (len(votes) + self.voided >= self.slots_total or self.decides_early)

    @property
    def decides_early(self) -> bool:
        """Whether the votes decide again though one is still waited for, that was requested since they were too few."""
        record = self.record
        counted = len(self.votes)
        waits = counted + self.voided < self.slots_total
        return self.decide_again and waits and record.round == 1 and 0 < record.due_total <= counted

    @property
    def needs_label(self) -> bool:
        """Whether the label under review is compared with the answer of an expert who was asked by chance."""
        record = self.record
        drawn = record.under_review and record.review_reason == AGREEMENT_DRAWN
        return drawn and record.round_is_final and record.expects_answers and bool(self.votes)

    @property
    def needs_prediction(self) -> bool:
        """Whether the prediction that queue routed by is asked for: as the label, or as the consensus' prior."""
        if self.record.routed_prediction_id is None or not self.record.expects_answers or self.given_up:
            return False
        return self.record.auto_accepted or (self.needs_consensus and not self.record.by_people_alone)

    @property
    def may_be_final(self) -> bool:
        """Whether a label stands, or may come of these facts: a report has no effect before."""
        record = self.record
        if not record.expects_answers:
            return record.state is RecordState.FINALIZED
        if self.decision is not None:
            return True
        if (record.arbitrating or self.given_up) and not record.servable_again:
            return False
        if record.auto_accepted:
            return self.prediction is not None
        votes = self.votes
        return bool(votes) and (record.round_is_final or len(votes) + self.voided >= self.slots_total)
