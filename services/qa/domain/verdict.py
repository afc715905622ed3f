"""What happens to a record now: a pure function of its facts.

The verdict is a list of steps, empty while nothing is to be done. It depends on all facts and not on which of them came
last, so it is asked for after each of them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain import decisions
from services.qa.domain.facts import AGREEMENT_DRAWN, Annotation, CurrentLabel, Dispute, Prediction, RecordFacts
from services.qa.domain.record_consensus import consensus_of, hits, work_us
from services.qa.domain.votes import Consensus, Distribution, voter
from shared.contracts.values import Answers, Calibrated, LabelMethod, RecordState

FEEDBACK = "feedback"
"""Why a label is under review: a product reported a correction that differs from it."""

EXPERT_CONTRADICTS = "expert_contradicts"
"""Why an arbiter decides: an expert's blind answer differs from what people and the model agreed on."""

SERVABLE_AGAIN = "servable_again"
"""Why something is requested again: somebody came who may serve what nobody could."""

ANNOTATOR_PAUSED = "annotator_paused"
CONSENSUS_FAILED = "consensus_failed"
COMPARISON_FAILED = "comparison_failed"

_DECIDED = {RecordState.GOLD, RecordState.ERASED}
_LIGHT_US = 1_000.0
"""So many microseconds of CPU an event loop may be held for one record."""


@dataclass(frozen=True, slots=True)
class VoidVotes:
    """The annotators of these votes are paused: they count no more, and each slot is replaced."""

    votes: Sequence[Annotation]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeLabel:
    """The record gets the next revision of its label; it rests on the annotations `counted`."""

    method: LabelMethod
    answers: Answers
    confidence: float
    schema_version: int
    guideline_version: int | None
    counted: Sequence[UUID] = ()
    model_id: UUID | None = None
    prediction_id: UUID | None = None
    decision_id: UUID | None = None
    final_for: int | None = None
    calibrated: Calibrated = Calibrated.DEFAULT
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestAnnotations:
    """The round should collect `slots_total` annotations in all."""

    slots_total: int
    reason: str


@dataclass(frozen=True, slots=True)
class RequestArbitration:
    """An arbiter decides between these answers."""

    answers: Sequence[Answers]
    reason: str


@dataclass(frozen=True, slots=True)
class RepeatArbitration:
    """An arbiter has come for a dispute that nobody could decide."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody may decide: the record is unlabelable, or its label under review stands, until somebody may."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WithdrawDispute:
    """No arbiter is there, but somebody may annotate by now: people go on."""


@dataclass(frozen=True, slots=True)
class ReviewByPeople:
    """The label is questioned: the next round is opened, the label stands meanwhile."""

    relabel: decisions.Relabel
    reason: str


@dataclass(frozen=True, slots=True)
class ReviewByArbiter:
    """The label is questioned again: an arbiter decides in the next round. `because`: why it is under review."""

    answers: Sequence[Answers]
    reason: str
    because: str = FEEDBACK


@dataclass(frozen=True, slots=True)
class RecordReport:
    """A product's report has had its effect on this revision of the label."""

    feedback_id: UUID
    effect: str
    label_revision: int


Step = (
    VoidVotes
    | FinalizeLabel
    | RequestAnnotations
    | RequestArbitration
    | RepeatArbitration
    | GiveUp
    | WithdrawDispute
    | ReviewByPeople
    | ReviewByArbiter
    | RecordReport
)
RecordVerdict = list[Step]


def judge(facts: RecordFacts) -> RecordVerdict:
    """What the facts lead to. CPU work: microseconds, unless `is_heavy`."""
    record = facts.record
    if not record.known or record.state in _DECIDED:
        return []
    steps = _advance(facts) if record.expects_answers else []
    final = next((one for one in steps if isinstance(one, FinalizeLabel)), None)
    if final is not None and not any(isinstance(one, ReviewByArbiter) for one in steps):
        label = CurrentLabel(record.label_revision + 1, final.schema_version, final.answers)
        return [*steps, *_review(facts, label, final.final_for or record.decision_final_for)]
    if record.state is RecordState.FINALIZED and not record.under_review and facts.label is not None:
        return [*steps, *_review(facts, facts.label, record.decision_final_for)]
    return steps


def is_heavy(facts: RecordFacts) -> bool:
    """Whether the verdict may take more than some milliseconds: answers of many parts are compared."""
    if facts.needs_prediction and facts.prediction is None:
        return False  # there is nothing to decide yet
    compared: dict[int, list[Answers]] = defaultdict(list)
    if facts.needs_consensus:
        compared[facts.votes[-1].schema_version] += [one.answers for one in facts.votes]
    if facts.needs_label and facts.label is not None:
        compared[facts.label.schema_version] += [facts.label.answers, *(one.answers for one in facts.votes)]
    if facts.reports:
        for report in facts.reports:
            compared[report.schema_version].append(report.correction)
        for one in facts.annotations:
            if one.role == "decision":
                compared[one.schema_version].append(one.answers)
        if facts.label is not None:
            compared[facts.label.schema_version].append(facts.label.answers)
    work = [
        work_us(facts.schemas[version], answers) for version, answers in compared.items() if version in facts.schemas
    ]
    return sum(work) > _LIGHT_US


def set_aside(facts: RecordFacts) -> RecordVerdict:
    """The verdict where it could not be computed: an arbiter decides; a report has no effect and keeps the reason."""
    if facts.needs_consensus:
        return [*_void(facts), RequestArbitration([one.answers for one in facts.votes], CONSENSUS_FAILED)]
    steps = judge(replace(facts, reports=()))
    revision = facts.record.label_revision + any(isinstance(one, FinalizeLabel) for one in steps)
    return [*steps, *(RecordReport(one.feedback_id, COMPARISON_FAILED, revision) for one in facts.reports)]


def _advance(facts: RecordFacts) -> RecordVerdict:
    record = facts.record
    if facts.decision is not None:
        return [_decided(facts, facts.decision)]
    if record.arbitrating or facts.given_up:
        return _wait_for_arbiter(facts)
    if record.auto_accepted:
        return [] if facts.prediction is None else [_accepted(facts, facts.prediction)]
    return _count(facts) if record.slots_total else []


def _decided(facts: RecordFacts, decision: Annotation) -> FinalizeLabel:
    return FinalizeLabel(
        method=LabelMethod.DECISION,
        answers=decision.answers,
        confidence=1.0,
        schema_version=decision.schema_version,
        guideline_version=decision.guideline_version,
        counted=[one.annotation_id for one in facts.annotations if one.role in {"vote", "decision"}],
        decision_id=decision.annotation_id,
        final_for=decision.schema_version if facts.record.review_reason == FEEDBACK else None,
        parameters={"by": "arbiter", "reason": facts.record.review_reason},
    )


def _wait_for_arbiter(facts: RecordFacts) -> RecordVerdict:
    record, change = facts.record, facts.arbitration
    no_arbiter = facts.given_up or (change is not None and not change.servable)
    if no_arbiter and record.servable_again:
        state = RecordState.OPEN if record.state is RecordState.UNLABELABLE else record.state
        reopened = replace(record, arbitrating=False, unservable_at=None, state=state)
        return [WithdrawDispute(), *_advance(replace(facts, record=reopened))]
    if change is None:
        return []
    if record.arbitrating and not change.servable:
        return [GiveUp(change.reason, change.at)]
    if facts.given_up and change.servable and facts.dispute is not None:
        return [RepeatArbitration(facts.dispute)]
    return []


def _accepted(facts: RecordFacts, prediction: Prediction) -> FinalizeLabel:
    return FinalizeLabel(
        method=LabelMethod.AUTO_ACCEPT,
        answers=prediction.answers,
        confidence=prediction.confidence or 0.0,
        schema_version=prediction.schema_version,
        guideline_version=facts.record.guideline_version,
        model_id=prediction.model_id,
        prediction_id=prediction.prediction_id,
        parameters={"by": "model"},
    )


def _void(facts: RecordFacts) -> RecordVerdict:
    return [VoidVotes(facts.paused_votes)] if facts.paused_votes else []


def _count(facts: RecordFacts) -> RecordVerdict:
    """Decide by the votes, if all that the round collects are in."""
    votes, steps = facts.votes, _void(facts)
    if facts.record.round_is_final and votes:
        return [*steps, _by_expert(facts, votes[0]), *_confirm(facts, votes[0])]
    replaced: RecordVerdict = [RequestAnnotations(facts.slots_total, ANNOTATOR_PAUSED)] if steps else []
    consensus: Mapping[str, Consensus] = {}
    if facts.needs_consensus:
        if facts.needs_prediction and facts.prediction is None:
            return [*steps, *replaced]  # queue read it before us; it is on its way
        consensus = _consensus(facts, votes)
    collected = len(votes) + facts.voided if facts.decides_early else facts.slots_total
    decision = decisions.decide(
        consensus, counted=len(votes), voided=facts.voided, slots_total=collected, policy=facts.policy
    )
    if isinstance(decision, decisions.Finalize):
        return [*steps, _by_consensus(facts, decision, votes, consensus)]
    if facts.decides_early:
        return [*steps, *replaced]  # the vote that is waited for is still wanted
    return [*steps, *(_ask(facts, decision) or replaced)]


def _ask(facts: RecordFacts, decision: decisions.Wait | decisions.AskMore | decisions.Arbitrate) -> RecordVerdict:
    """What is requested when the votes give no label, also where nobody may serve the round any more."""
    record, answers = facts.record, [one.answers for one in facts.votes]
    if isinstance(decision, decisions.Arbitrate):
        return [RequestArbitration(answers, decision.reason)]
    if record.unservable and not record.servable_again:
        return [RequestArbitration(answers, "unservable")]
    wanted = decision.slots_total if isinstance(decision, decisions.AskMore) else 0
    if record.unservable:
        return [RequestAnnotations(max(wanted, facts.slots_total), SERVABLE_AGAIN)]
    return [RequestAnnotations(wanted, decision.reason)] if isinstance(decision, decisions.AskMore) else []


def _prior(facts: RecordFacts, schema_version: int) -> Mapping[str, Distribution] | None:
    """The model's prediction as a prior; nothing where people decide alone or it answers another schema."""
    prediction = facts.prediction
    if facts.record.by_people_alone or prediction is None or prediction.model_id is None:
        return None
    return (prediction.distributions or None) if prediction.schema_version == schema_version else None


def _consensus(facts: RecordFacts, votes: Sequence[Annotation]) -> Mapping[str, Consensus]:
    version = votes[-1].schema_version
    named = [(voter(one.annotator_id, one.era), one.answers) for one in votes]
    return consensus_of(facts.schemas[version], named, facts.estimates, _prior(facts, version))


def _by_expert(facts: RecordFacts, vote: Annotation) -> FinalizeLabel:
    """The round was asked of an expert whose answer is final."""
    return FinalizeLabel(
        method=LabelMethod.DECISION,
        answers=vote.answers,
        confidence=1.0,
        schema_version=vote.schema_version,
        guideline_version=vote.guideline_version,
        counted=[vote.annotation_id],
        parameters={"by": "expert", "reason": facts.record.review_reason},
    )


def _confirm(facts: RecordFacts, vote: Annotation) -> RecordVerdict:
    """Ask an arbiter where an expert alone contradicts what people and a model agreed on: it may be a slip.

    The expert's answer stands meanwhile, and for good where there is no arbiter.
    """
    label = facts.label
    if not facts.needs_label or label is None or label.schema_version != vote.schema_version:
        return []
    if all(hits(facts.schemas[label.schema_version], vote.answers, label.answers).values()):
        return []
    return [ReviewByArbiter([label.answers, vote.answers], EXPERT_CONTRADICTS, AGREEMENT_DRAWN)]


def _by_consensus(
    facts: RecordFacts,
    decision: decisions.Finalize,
    votes: Sequence[Annotation],
    consensus: Mapping[str, Consensus],
) -> FinalizeLabel:
    prediction = facts.prediction if _prior(facts, votes[-1].schema_version) else None
    return FinalizeLabel(
        method=LabelMethod.CONSENSUS,
        answers=decision.answers,
        confidence=decision.confidence,
        calibrated=decision.calibrated,
        schema_version=votes[-1].schema_version,
        guideline_version=max(one.guideline_version for one in votes),
        counted=[one.annotation_id for one in votes],
        prediction_id=None if prediction is None else prediction.prediction_id,
        parameters={
            "questions": {
                question: {"method": one.method, "confidence": one.confidence, "calibrated": one.calibrated}
                for question, one in consensus.items()
            },
            "posterior_target": facts.policy.posterior_target,
            "voters": [voter(one.annotator_id, one.era) for one in votes],
            "model_as_prior": None if prediction is None else str(prediction.model_id),
        },
    )


def _review(facts: RecordFacts, label: CurrentLabel, final_for: int | None) -> RecordVerdict:
    """What products report against a label that is not under review yet, up to the report that opens one."""
    steps: RecordVerdict = []
    for report in facts.reports:
        noted = RecordReport(report.feedback_id, "other_schema", label.label_revision)
        if report.schema_version != label.schema_version:
            steps.append(noted)
            continue
        wanted = decisions.after_feedback(
            contradicts=not all(hits(facts.schemas[label.schema_version], label.answers, report.correction).values()),
            reopened=facts.record.contrary_reports > 0,
            arbitrated_since=final_for == label.schema_version,
        )
        if wanted is None:
            steps.append(replace(noted, effect="agrees_or_decided"))
        elif isinstance(wanted, decisions.Relabel):
            return [*steps, replace(noted, effect="relabel_requested"), ReviewByPeople(wanted, FEEDBACK)]
        else:
            review = ReviewByArbiter([label.answers, report.correction], wanted.reason)
            return [*steps, replace(noted, effect="arbitration_requested"), review]
    return steps
