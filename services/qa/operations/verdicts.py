"""Load the facts of records, judge them, change them: the one road to a label, for sets of records.

What is small is judged here, in the transaction that brought the facts. Where answers of many parts are compared, the
record is marked, and `pending_verdicts` judges it outside of transactions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from services.qa.domain.facts import ArbitrationChange, CurrentLabel, Dispute, RecordFacts
from services.qa.domain.project import Project
from services.qa.domain.record import Record
from services.qa.domain.verdict import RecordReport, RecordVerdict, is_heavy, judge
from services.qa.domain.votes import voter
from services.qa.operations.changes import RecordChanges
from services.qa.storage import annotations, estimates, feedback, labels, predictions, routes
from services.qa.storage.estimates import SchemaKey
from shared.contracts.values import RecordState
from shared.kit.database import Session

_OVER = {RecordState.GOLD, RecordState.ERASED}
_REPORTS_AT_ONCE = 100
"""The oldest reports of a record are judged first, as if they had come one by one; the loop judges those after them."""

VERDICT_PENDING: Final = "verdict-pending"
"""What is woken in this process once a record is committed whose verdict is left for later."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A locked record that something new is known of. `decide_again`: estimates have changed."""

    record: Record
    project: Project
    arbitration: ArbitrationChange | None = None
    decide_again: bool = False


async def judge_records(session: Session, changes: RecordChanges, subjects: Sequence[Subject]) -> None:
    """Bring locked records as far as their facts allow."""
    judged = [one for one in subjects if one.record.known and one.record.state not in _OVER]
    for subject, facts in zip(judged, await load_facts(session, judged), strict=True):
        if is_heavy(facts):
            if facts.decides_early:
                continue  # it is judged when the vote comes
            changes.postpone(subject.record)
        else:
            changes.end_pending(subject.record)
            apply(changes, subject, facts, judge(facts))
    if changes.postpones:
        session.wake(VERDICT_PENDING)


def apply(changes: RecordChanges, subject: Subject, facts: RecordFacts, verdict: RecordVerdict) -> None:
    """Apply the verdict to the record; where its label stands and further reports are pending, they are judged next."""
    changes.apply(subject.project, subject.record, verdict)
    record = subject.record
    had_effect = {step.feedback_id for step in verdict if isinstance(step, RecordReport)}
    waiting = any(one.feedback_id not in had_effect for one in facts.reports)
    reported = waiting or facts.more_reports
    if record.reported is not reported:
        record.reported = reported
        changes.touch(record)
    if facts.more_reports and not waiting and record.state is RecordState.FINALIZED and not record.under_review:
        changes.postpone(record)


async def load_facts(session: Session, subjects: Sequence[Subject]) -> list[RecordFacts]:
    """The facts of records, in their order: one statement a table, none for what is known not to be there."""
    facts = [
        RecordFacts(
            record=one.record,
            schemas=one.project.label_schemas,
            policy=one.project.policies.redundancy,
            arbitration=one.arbitration,
            decide_again=one.decide_again,
        )
        for one in subjects
    ]
    facts = await _with_annotations(session, facts)
    facts = await _with_predictions(session, facts)
    facts = await _with_estimates(session, facts)
    facts = await _with_labels(session, facts)
    facts = await _with_reports(session, facts)
    return await _with_disputes(session, facts)


async def _with_annotations(session: Session, facts: Sequence[RecordFacts]) -> list[RecordFacts]:
    rounds = {
        one.record.record_id: one.record.round for one in facts if one.record.annotated and one.record.expects_answers
    }
    if not rounds:
        return list(facts)
    found = await annotations.of_rounds(session, rounds)
    return [replace(one, annotations=found.get(one.record.record_id, ())) for one in facts]


async def _with_predictions(session: Session, facts: Sequence[RecordFacts]) -> list[RecordFacts]:
    wanted = [one.record.routed_prediction_id for one in facts if one.needs_prediction]
    if not wanted:
        return list(facts)
    found = await predictions.find(session, [one for one in wanted if one is not None])
    with_predictions = [
        replace(one, prediction=found.get(one.record.routed_prediction_id)) if one.record.routed_prediction_id else one
        for one in facts
    ]
    missing = {
        one.record.record_id: one.record.routed_revision
        for one in with_predictions
        if one.needs_prediction and one.prediction is None
    }
    if missing:
        # Records of earlier releases wait for what is kept no more: a prediction that holds no model's answers.
        by_id = {one.record.record_id: one.record for one in with_predictions}
        for record_id in await routes.without_model(session, missing):
            by_id[record_id].routed_prediction_id = None
    return with_predictions


async def _with_estimates(session: Session, facts: Sequence[RecordFacts]) -> list[RecordFacts]:
    keys = {
        one.record.record_id: SchemaKey(one.record.project_id, one.votes[-1].schema_version)
        for one in facts
        if one.needs_consensus
    }
    if not keys:
        return list(facts)
    voters = {
        (keys[one.record.record_id], voter(vote.annotator_id, vote.era))
        for one in facts
        if one.record.record_id in keys
        for vote in one.votes
    }
    found = await estimates.of_voters(session, voters)
    return [
        replace(one, estimates=found.get(keys[one.record.record_id], {})) if one.record.record_id in keys else one
        for one in facts
    ]


async def _with_labels(session: Session, facts: Sequence[RecordFacts]) -> list[RecordFacts]:
    """With the labels that experts were asked about."""
    wanted = [one.record.record_id for one in facts if one.needs_label]
    if not wanted:
        return list(facts)
    found = await labels.current(session, wanted)
    return [replace(one, label=_current(found.get(one.record.record_id))) if one.needs_label else one for one in facts]


async def _with_reports(session: Session, facts: Sequence[RecordFacts]) -> list[RecordFacts]:
    wanted = {one.record.record_id: one.record for one in facts if one.record.reported and one.may_be_final}
    reports = await feedback.pending(session, wanted, _REPORTS_AT_ONCE + 1) if wanted else {}
    final = [
        record_id
        for record_id in reports
        if wanted[record_id].state is RecordState.FINALIZED and not wanted[record_id].under_review
    ]
    current_labels = await labels.current(session, final) if final else {}
    found = []
    for one in facts:
        record_id = one.record.record_id
        if record_id in wanted:
            pending = reports.get(record_id, [])
            found.append(
                replace(
                    one,
                    reports=pending[:_REPORTS_AT_ONCE],
                    more_reports=len(pending) > _REPORTS_AT_ONCE,
                    label=_current(current_labels.get(record_id)) or one.label,
                )
            )
        else:
            found.append(replace(one, more_reports=True) if one.record.reported else one)
    return found


def _current(label: labels.Label | None) -> CurrentLabel | None:
    if label is None or label.answers is None:
        return None
    return CurrentLabel(label.label_revision, label.schema_version, label.answers)


async def _with_disputes(session: Session, facts: Sequence[RecordFacts]) -> list[RecordFacts]:
    reopened = [
        one.record.record_id
        for one in facts
        if one.given_up and one.arbitration is not None and one.arbitration.servable
    ]
    if not reopened:
        return list(facts)
    found: Mapping[UUID, Dispute] = await labels.undecided(session, reopened)
    return [replace(one, dispute=found.get(one.record.record_id)) for one in facts]
