"""What may question a finalized label: a product's report, and on held-out records the champion.

Both open the next round; the label stands, marked `under_review`, until its next revision replaces it. Reports that
come meanwhile wait for that revision, so it does not matter which came first.
"""

from datetime import datetime

from services.qa.domain import decisions
from services.qa.domain.project import Project
from services.qa.domain.records import hits
from services.qa.domain.standing import Record
from services.qa.operations.asking import arbitrate, relabel, schema_of
from services.qa.storage import feedback, labels, predictions
from shared.contracts.values import Answers, LabelMethod
from shared.kit.database import Session

FEEDBACK = "feedback"
CHAMPION_DIFFERS = "champion_differs"


async def review(session: Session, project: Project, record: Record, now: datetime) -> None:
    """Look at what speaks against the current label of a finalized record."""
    if record.under_review:
        return
    label = await labels.current(session, record.record_id)
    if label is None or label.answers is None:
        return
    await _hear_reports(session, project, record, label, label.answers, now)
    if not record.under_review:
        await _ask_the_champion(session, project, record, label, label.answers)


async def _hear_reports(
    session: Session, project: Project, record: Record, label: labels.Label, answers: Answers, now: datetime
) -> None:
    for report in await feedback.pending(session, record.record_id):
        if record.under_review:
            return
        effect = await _hear(session, project, record, label, answers, report, now)
        await feedback.set_effect(session, report.feedback_id, effect, label.label_revision)


async def _hear(
    session: Session,
    project: Project,
    record: Record,
    label: labels.Label,
    answers: Answers,
    report: feedback.Report,
    now: datetime,
) -> str:
    """Let one report have its effect; answers which."""
    if report.schema_version != label.schema_version:
        return "other_schema"
    schema = schema_of(project, label.schema_version)
    wanted = decisions.after_feedback(
        contradicts=not all(hits(schema, answers, report.correction).values()),
        reopened=record.contrary_reports > 0,
        arbitrated_since=record.decision_final_for == label.schema_version,
    )
    if wanted is None:
        return "agrees_or_decided"
    record.contrary_reports += 1
    record.under_review = True
    record.review_reason = FEEDBACK
    if isinstance(wanted, decisions.Relabel):
        await relabel(session, record, wanted, FEEDBACK)
        return "relabel_requested"
    record.open_round(record.round + 1, is_final=False, requested_total=0)
    await arbitrate(session, record, [answers, report.correction], wanted.reason, now)
    return "arbitration_requested"


async def _ask_the_champion(
    session: Session, project: Project, record: Record, label: labels.Label, answers: Answers
) -> None:
    """Where the champion and people differ on a held-out record an expert looks, blind, once a record.

    People's own slips would otherwise eat the error budget that the model is held to.
    """
    if not record.held_out or record.expert_checked or label.method is not LabelMethod.CONSENSUS:
        return
    champion = await predictions.champion(session, project.project_id)
    if champion is None or champion.schema_version != label.schema_version:
        return
    prediction = await predictions.newest_of_model(session, record.record_id, champion.model_id, label.schema_version)
    if prediction is None:
        return
    schema = schema_of(project, label.schema_version)
    agrees = [
        hit for question, hit in hits(schema, prediction.answers, answers).items() if question in prediction.answers
    ]
    wanted = decisions.held_out_check(agrees=agrees, checked_before=record.expert_checked)
    if wanted is not None:
        record.expert_checked = True
        record.under_review = True
        record.review_reason = CHAMPION_DIFFERS
        await relabel(session, record, wanted, CHAMPION_DIFFERS)
