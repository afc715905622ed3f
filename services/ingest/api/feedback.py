"""Feedback: what product systems report of live predictions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError

from services.ingest.api.intake import in_transaction, interrupted, store_images
from services.ingest.api.lines import Line, LineRefused, Tally
from services.ingest.api.many import described, read_many
from services.ingest.api.shapes import FeedbackReport, FeedbackSummary, ModelFeedback, TakenReport
from services.ingest.domain.intake import Candidate, IntakeProject, NotAccepted, accept, of_validation
from services.ingest.domain.reports import ReportIn
from services.ingest.operations import projects, records, reports
from services.ingest.operations.reports import KeptReport
from services.ingest.resources import IngestRuntime, IngestRuntimeDep
from services.ingest.storage import feedback as storage
from shared.contracts.values import Role, Verdict
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Session
from shared.kit.endpoints import edge_router
from shared.kit.problems import responses

router = edge_router("feedback")

Sender = Annotated[Principal, requires(Role.PRODUCT, Role.MANAGER)]
Reader = Annotated[Principal, requires(Role.PRODUCT, Role.MANAGER, Role.AUDITOR, Role.TRAINER)]


@router.post(
    "/projects/{project_id}/feedback",
    responses=responses(404, 409, 415),
    openapi_extra=described("feedback", ReportIn, "report"),
    response_model_exclude_none=True,
    summary="Report live predictions",
)
async def send_feedback(
    runtime: IngestRuntimeDep, _sender: Sender, project_id: UUID, request: Request
) -> FeedbackReport:
    """What a deployed model answered and what turned out to be true; what it re-opens is decided later.

    A report that was sent before (by its `feedback_id`) has no second effect. An input that is not known becomes a
    record of origin `deployment`.
    """
    tally = Tally(runtime.resources.limits.max_reported_rejections)
    body = await read_many(request, "feedback", runtime.resources.limits.max_line_bytes)
    taken: list[TakenReport] | None = [] if body.is_batch else None
    async for chunk in import_feedback(runtime, project_id, body.chunks, tally):
        if taken is not None:
            taken += [
                TakenReport(line=line, feedback_id=kept.feedback_id, record_id=kept.record_id, duplicate=kept.duplicate)
                for line, kept in chunk
            ]
    return FeedbackReport(
        accepted=tally.accepted,
        duplicates=tally.duplicates,
        rejected=tally.rejected,
        rejected_total=tally.rejected_total,
        feedback=taken,
    )


Read = tuple[int, ReportIn, Candidate | None]
Refusals = list[tuple[int, str, str, str]]


async def import_feedback(
    runtime: IngestRuntime, project_id: UUID, chunks: AsyncIterator[list[Line]], tally: Tally
) -> AsyncIterator[list[tuple[int, KeptReport]]]:
    """Take reports in, a transaction per chunk and a savepoint per report; yields what is committed of each chunk."""
    async with runtime.database.transaction() as session:
        project = await projects.open_for_intake(session, project_id)
    async for chunk in chunks:
        read, refused = await asyncio.to_thread(_read, project, chunk)
        try:
            kept, late = await _commit(runtime, project, read)
        except Exception as error:
            raise interrupted(tally, error) from error
        for _, report in kept:
            tally.count(duplicate=report.duplicate)
        for refusal in sorted([*refused, *late]):
            tally.reject(*refusal)
        yield kept


def _read(project: IntakeProject, chunk: list[Line]) -> tuple[list[Read], Refusals]:
    """Check the reports' shapes, and make their inputs fit to become records; takes CPU time."""
    read: list[Read] = []
    refused: Refusals = []
    for line in chunk:
        try:
            given = _parse(line)
            read.append((line.number, given, accept(project, given.record(), new_id()) if given.fields else None))
        except (LineRefused, NotAccepted) as error:
            refused.append((line.number, error.pointer, error.reason, error.detail))
    return read, refused


def _parse(line: Line) -> ReportIn:
    try:
        return ReportIn.model_validate(line.parse())
    except ValidationError as error:
        raise of_validation(error) from None


async def _commit(
    runtime: IngestRuntime, project: IntakeProject, read: list[Read]
) -> tuple[list[tuple[int, KeptReport]], Refusals]:
    candidates = [candidate for _, _, candidate in read if candidate is not None]
    images, verdicts = await store_images(runtime, project.project_id, candidates)
    # Two batches about the same records go through them in the same order.
    ordered = sorted(read, key=lambda item: (str(item[1].record_id), item[1].external_id or "", item[0]))

    async def keep(session: Session) -> tuple[list[tuple[int, KeptReport]], Refusals]:
        await projects.open_for_intake(session, project.project_id)  # may be archived since the stream began
        kept: list[tuple[int, KeptReport]] = []
        refused: Refusals = []
        for line, given, candidate in ordered:
            verdict = verdicts.get(candidate.record_id) if candidate else None
            try:
                if isinstance(verdict, records.Refused):
                    raise NotAccepted(verdict.pointer, verdict.reason, verdict.detail)
                known = verdict.record_id if verdict and given.record_id is None else None
                async with session.savepoint():
                    report = await reports.report(
                        session, project, given, known, candidate, images, new_id(), utc_now()
                    )
                kept.append((line, report))
            except NotAccepted as error:
                refused.append((line, error.pointer, error.reason, error.detail))
        return sorted(kept, key=lambda item: item[0]), refused

    return await in_transaction(runtime.database, keep)


@router.get("/projects/{project_id}/feedback/summary", responses=responses(404), summary="Sum feedback up")
async def summarize_feedback(session: SessionDep, _reader: Reader, project_id: UUID) -> FeedbackSummary:
    """How often each model was confirmed and corrected."""
    await projects.check_known(session, project_id)
    models: dict[str, ModelFeedback] = {}
    for model, verdict, count in await storage.summary(session, project_id):
        entry = models.setdefault(model, ModelFeedback(model=model, reports=0, by_verdict={}))
        entry.by_verdict[Verdict(verdict)] = count
        entry.reports += count
    return FeedbackSummary(models=list(models.values()))
