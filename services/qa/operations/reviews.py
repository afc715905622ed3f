"""What questions a finalized label: a product's report. (Tests of models question held-out labels: see `thresholds`.)

The label stands, marked `under_review`, until its next revision replaces it. Reports that come meanwhile wait for that
revision, so it does not matter which came first.
"""

from datetime import datetime

from services.qa.domain import decisions
from services.qa.domain.project import Project
from services.qa.domain.records import hits
from services.qa.domain.standing import Record
from services.qa.operations.asking import arbitrate, relabel, schema_of
from services.qa.storage import feedback, labels
from shared.contracts.values import Answers
from shared.kit.database import Session

FEEDBACK = "feedback"
RELABEL = "relabel_requested"
ARBITRATION = "arbitration_requested"
_OPENING = {RELABEL, ARBITRATION}
"""Effects of a report that begin a review."""


async def review(session: Session, project: Project, record: Record, now: datetime) -> None:
    """Look at what speaks against the current label of a finalized record."""
    if record.under_review:
        return
    label = await labels.current(session, record.record_id)
    if label is None or label.answers is None:
        return
    for report in await feedback.pending(session, record.record_id):
        effect = await _hear(session, project, record, label, label.answers, report, now)
        await feedback.set_effect(session, report.feedback_id, effect, label.label_revision)
        if effect in _OPENING:
            return


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
        return RELABEL
    record.open_round(record.round + 1, is_final=False, requested_total=0)
    await arbitrate(session, record, [answers, report.correction], wanted.reason, now)
    return ARBITRATION
