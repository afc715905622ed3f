"""Records: taken in, listed, read, erased."""

from itertools import islice
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.ingest.api.bodies import NOTHING_TAKEN, NothingTaken, described, many_items
from services.ingest.api.shapes import ErasureOut, RecordOut, RecordsReport, RecordSummary, Rejection, TakenRecord
from services.ingest.domain.intake import MAX_EXTERNAL_ID, RecordIn
from services.ingest.operations import erasures, projects, records
from services.ingest.operations.imports import Tally
from services.ingest.operations.record_imports import import_records
from services.ingest.resources import IngestRuntimeDep
from services.ingest.storage import records as storage
from shared.contracts.erasure import ErasureReason
from shared.contracts.values import Origin, RecordState, Role, Split
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.clock import utc_now
from shared.kit.endpoints import edge_router
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import responses

router = edge_router("records")

Sender = Annotated[Principal, requires(Role.PRODUCT, Role.MANAGER)]
Reader = Annotated[Principal, requires(Role.PRODUCT, Role.MANAGER, Role.AUDITOR, content=True)]


@router.post(
    "/projects/{project_id}/records",
    responses=responses(404, 409, 415) | NOTHING_TAKEN,
    openapi_extra=described("records", RecordIn, "record"),
    response_model_exclude_none=True,
    summary="Send records",
)
async def send_records(runtime: IngestRuntimeDep, _sender: Sender, project_id: UUID, request: Request) -> RecordsReport:
    """One record or many, as a JSON batch or as a stream of any length; the good lines count, the bad are listed.

    What is committed is counted, in chunks of at most 1,000 lines; sending a stream again is safe. A record whose
    original content is known is answered as a duplicate and not doubled; another `external_id` of it becomes an alias.
    A line with a known `external_id` and another content is rejected (`content-differs`). If all lines are rejected the
    answer is a 422 `nothing-taken` with the same report.
    """
    limits = runtime.resources.limits
    tally = Tally(limits.max_reported_rejections)
    body = many_items(runtime, request, "records", project_id)
    taken: list[TakenRecord] = []
    duplicates: list[TakenRecord] = []
    async for chunk in import_records(runtime.resources.intake, project_id, body.lines, tally, body.let_go):
        room = limits.max_reported_rejections - len(duplicates)
        duplicates += [TakenRecord.of(line) for line in islice((one for one in chunk if one.kept.duplicate), room)]
        if body.is_batch:
            taken += [TakenRecord.of(line) for line in chunk]
    report = RecordsReport(
        accepted=tally.accepted,
        duplicates=tally.duplicates,
        duplicate_lines=duplicates,
        rejected=[Rejection.of(one) for one in tally.rejected],
        rejected_total=tally.rejected_total,
        image_changes=dict(tally.image_changes),
        records=taken if body.is_batch else None,
    )
    if tally.rejected_total and not tally.committed:
        raise NothingTaken(report, tally.rejected_total)
    return report


@router.get("/projects/{project_id}/records", responses=responses(404), summary="List records")
async def list_records(
    session: SessionDep,
    _reader: Reader,
    project_id: UUID,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
    split: Annotated[Split | None, Query()] = None,
    origin: Annotated[Origin | None, Query()] = None,
    state: Annotated[RecordState | None, Query(description="As qa last published it.")] = None,
    external_id: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MAX_EXTERNAL_ID,
            description="Only the record that came under it or has it as an alias, or the tombstone of that.",
        ),
    ] = None,
) -> Page[RecordSummary]:
    """By id, which is by age; without content."""
    last = decode_cursor(after, UUID)[0] if after else storage.FIRST
    filters = (split, origin, state)
    if external_id is None:
        await projects.check_known(session, project_id)
        rows = await storage.page(session, project_id, last, filters, limit + 1)
    else:
        rows = await records.page_of_named(session, project_id, external_id, last, filters)
    return page_of([RecordSummary.model_validate(row) for row in rows], limit, "record_id")


@router.get("/records/{record_id}", responses=responses(404), summary="Read a record")
async def read_record(session: SessionDep, runtime: IngestRuntimeDep, reader: Reader, record_id: UUID) -> RecordOut:
    """As it was published: de-identified. An erased record is its tombstone."""
    record = await records.load(session, record_id)
    reader.check_project(record.project_id)
    await runtime.check_content(reader, record.project_id, session)
    return RecordOut.of(record, await storage.aliases(session, record_id))


@router.delete("/records/{record_id}", status_code=204, responses=responses(404), summary="Erase a record")
async def erase_record(
    session: SessionDep,
    runtime: IngestRuntimeDep,
    sender: Sender,
    record_id: UUID,
    reason: Annotated[
        str,
        Query(
            min_length=1,
            max_length=500,
            description=(
                f"One of {', '.join(f'`{each}`' for each in ErasureReason)}. Anything else counts as `other` and is not "
                "kept: it could name the very person."
            ),
        ),
    ] = ErasureReason.REQUEST,
) -> Response:
    """By right: its content, its images and the names it had go, here and in every service; a tombstone stays.

    `GET /v1/records/{record_id}/erasure` shows how far that is. Erasing it again changes nothing. Its external id is refused from then on, so that an import that runs again does
    not bring it back.
    """
    record = await records.load(session, record_id, lock=True)
    sender.check_project(record.project_id)
    if await records.erase(session, record, ErasureReason.of(reason), utc_now()):
        session.on_commit(lambda: runtime.wake("sweep_assets"))
    return Response(status_code=204)


@router.get("/records/{record_id}/erasure", responses=responses(404), summary="Read the receipt of an erasure")
async def read_erasure(session: SessionDep, runtime: IngestRuntimeDep, sender: Sender, record_id: UUID) -> ErasureOut:
    """What each service held of an erased record, what is deleted, what is not yet, and until when at the latest.

    `not-erased` (404) for a record that nobody has erased.
    """
    record = await records.load(session, record_id)
    sender.check_project(record.project_id)
    return ErasureOut.of(await erasures.receipt(session, record, runtime.settings.event_retention_days))
