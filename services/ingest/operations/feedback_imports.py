"""Feedback that comes in, chunk by chunk: prepared outside the event loop, committed together."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from uuid import UUID

from services.ingest.compute.lines import PreparedReports, Refused, prepare_reports
from services.ingest.domain.intake import IntakeProject
from services.ingest.domain.reports import GivenReport
from services.ingest.exceptions import NotAccepted
from services.ingest.imports import Line
from services.ingest.operations import files, projects, report_fitting, reports
from services.ingest.operations.chunks import chunks_of
from services.ingest.operations.context import IntakeContext
from services.ingest.operations.imports import Tally, interruption, keep_set, prepared
from services.ingest.operations.report_fitting import NotFitted
from services.ingest.operations.reports import KeptReport, ReportVerdict
from services.ingest.storage.assets import Asset
from shared.kit.clock import utc_now
from shared.kit.database import Session

TakenReportLine = tuple[int, KeptReport]


async def import_feedback(
    context: IntakeContext,
    project_id: UUID,
    lines: AsyncIterator[list[Line]],
    tally: Tally,
    let_go: Callable[[int], None],
) -> AsyncIterator[list[TakenReportLine]]:
    """Take reports in, a transaction a chunk; yields what is committed of each chunk. Raises what `import_records` does."""
    try:
        async with context.database.transaction() as session:
            project = await projects.open_for_intake(session, project_id)
        async with aclosing(chunks_of(lines, context.stopping)) as chunks:
            async for chunk in chunks:
                parts = await prepared(context, prepare_reports, project, chunk)
                yield await _commit(context, project, parts, tally)
                let_go(sum(line.size for line in chunk))
    except Exception as error:
        raise interruption(tally, error) from error


async def _commit(
    context: IntakeContext, project: IntakeProject, parts: list[PreparedReports], tally: Tally
) -> list[TakenReportLine]:
    read = [report for part in parts for report in part.reports]
    refused = [line for part in parts for line in part.refused]
    kept, late = await _keep(context, project, read)
    for _, report in kept:
        tally.count(duplicate=report.duplicate)
    tally.reject([*refused, *late])
    return kept


async def _keep(
    context: IntakeContext, project: IntakeProject, read: list[GivenReport]
) -> tuple[list[TakenReportLine], list[Refused]]:
    candidates = [one.candidate for one in read if one.candidate is not None]
    stored, verdicts = await files.store(context, project.project_id, candidates)
    given: list[GivenReport] = []
    refused: list[Refused] = []
    for one in sorted(read, key=lambda item: item.line):
        verdict = verdicts.get(one.candidate.record_id) if one.candidate else None
        if isinstance(verdict, NotAccepted):
            refused.append((one.line, verdict))
        else:
            given.append(replace(one, known_record=verdict.record_id) if verdict else one)
    kept: list[TakenReportLine] = []
    for line, judged in (await _keep_fitted(context, project, given, stored)).items():
        if isinstance(judged, NotAccepted):
            refused.append((line, judged))
        else:
            kept.append((line, judged))
    return sorted(kept, key=lambda item: item[0]), refused


async def _keep_fitted(
    context: IntakeContext, project: IntakeProject, given: Sequence[GivenReport], stored: dict[UUID, list[Asset]]
) -> dict[int, ReportVerdict]:
    """Fit the answers with nothing locked, then keep the set; again, where a report is about another record by then."""
    fits = await report_fitting.fit_known(context, project, given)

    async def keep(session: Session, some: Sequence[GivenReport]) -> dict[int, ReportVerdict]:
        await projects.open_for_intake(session, project.project_id)  # may be archived since the stream began
        return await reports.keep(session, project, some, stored, fits, utc_now())

    while True:
        try:
            return await keep_set(context.database, given, keep, lambda one: one.line)
        except NotFitted as error:
            wanted = error.wanted
        await report_fitting.fit(context, project, given, fits, wanted)
