"""Feedback: what product systems report of live predictions."""

from typing import Annotated
from uuid import UUID

from fastapi import Request

from services.ingest.api.bodies import NOTHING_TAKEN, NothingTaken, described, many_items
from services.ingest.api.shapes import FeedbackReport, FeedbackSummary, ModelFeedback, Rejection, TakenReport
from services.ingest.domain.reports import ReportIn
from services.ingest.operations import projects
from services.ingest.operations.feedback_imports import import_feedback
from services.ingest.operations.imports import Tally
from services.ingest.resources import IngestRuntimeDep
from services.ingest.storage import feedback as storage
from shared.contracts.values import Role, Verdict
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.endpoints import edge_router
from shared.kit.problems import responses

router = edge_router("feedback")

Sender = Annotated[Principal, requires(Role.PRODUCT, Role.MANAGER)]
Reader = Annotated[Principal, requires(Role.PRODUCT, Role.MANAGER, Role.AUDITOR, Role.TRAINER)]


@router.post(
    "/projects/{project_id}/feedback",
    responses=responses(404, 409, 415) | NOTHING_TAKEN,
    openapi_extra=described("feedback", ReportIn, "report"),
    response_model_exclude_none=True,
    summary="Report live predictions",
)
async def send_feedback(
    runtime: IngestRuntimeDep, _sender: Sender, project_id: UUID, request: Request
) -> FeedbackReport:
    """What a deployed model answered and what turned out to be true; what it re-opens is decided later.

    A report that was sent before (by its `feedback_id`) has no second effect. An input that is not known becomes a
    record of origin `deployment`. Fields of a known record have to be its own (`content-differs`). If all reports are
    rejected the answer is a 422 `nothing-taken` with the same report of them.
    """
    limits = runtime.resources.limits
    tally = Tally(limits.max_reported_rejections)
    body = many_items(runtime, request, "feedback", project_id)
    taken: list[TakenReport] = []
    async for chunk in import_feedback(runtime.resources.intake, project_id, body.lines, tally, body.let_go):
        if body.is_batch:
            taken += [TakenReport.of(line, kept) for line, kept in chunk]
    report = FeedbackReport(
        accepted=tally.accepted,
        duplicates=tally.duplicates,
        rejected=[Rejection.of(one) for one in tally.rejected],
        rejected_total=tally.rejected_total,
        feedback=taken if body.is_batch else None,
    )
    if tally.rejected_total and not tally.committed:
        raise NothingTaken(report, tally.rejected_total)
    return report


@router.get("/projects/{project_id}/feedback/summary", responses=responses(404), summary="Sum feedback up")
async def summarize_feedback(session: SessionDep, _reader: Reader, project_id: UUID) -> FeedbackSummary:
    """How often each model was confirmed and corrected, by the name that the reports give it.

    Whether a `model_id` is one of the project's models is not checked: one that is not has an entry of its own.
    """
    await projects.check_known(session, project_id)
    models: dict[str, ModelFeedback] = {}
    for model, verdict, count in await storage.summary(session, project_id):
        entry = models.setdefault(model, ModelFeedback(model=model, reports=0, by_verdict={}))
        entry.by_verdict[Verdict(verdict)] = count
        entry.reports += count
    return FeedbackSummary(models=list(models.values()))
