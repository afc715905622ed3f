"""From chunks of lines to committed chunks: thinking in a thread, images to the object store, one transaction each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from services.ingest.api.lines import Line, LineRefused, Tally
from services.ingest.domain.intake import Candidate, IntakeProject, NotAccepted, read_record
from services.ingest.domain.projects import ProjectArchived
from services.ingest.operations import assets, projects, records
from services.ingest.operations.records import Kept, Refused
from services.ingest.resources import IngestRuntime
from services.ingest.storage import assets as asset_storage
from services.ingest.storage import records as record_storage
from services.ingest.storage.assets import Asset
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database, DatabaseErrorKind, Session, database_error_kind
from shared.kit.problems import Problem

T = TypeVar("T")

TRIES = 5
IMAGE_GRACE = timedelta(hours=1)
"""How long an image that was written waits for its record to be committed before it is swept away."""


@dataclass(slots=True)
class Prepared:
    """A chunk that was thought through: what may be kept, by line, and what was refused."""

    candidates: list[tuple[int, Candidate]]
    refused: list[tuple[int, Refused]]


@dataclass(frozen=True, slots=True)
class Taken:
    line: int
    kept: Kept


async def import_records(
    runtime: IngestRuntime, project_id: UUID, chunks: AsyncIterator[list[Line]], tally: Tally
) -> AsyncIterator[list[Taken]]:
    """Take chunks in, one transaction each; yields what was taken of each, once it is committed.

    While a chunk is being committed the next one is thought through.

    Raises:
        Problem: 503, the database failed; the detail says how many lines are committed.
    """
    async with runtime.database.transaction() as session:
        project = await projects.open_for_intake(session, project_id)
    committing: asyncio.Task[list[Taken]] | None = None
    try:
        async for chunk in chunks:
            prepared = await asyncio.to_thread(prepare, project, chunk)
            if committing is not None:
                yield await committing
            committing = asyncio.create_task(commit(runtime, project_id, prepared, tally))
        if committing is not None:
            yield await committing
    except Exception as error:
        raise interrupted(tally, error) from error
    finally:
        if committing is not None and not committing.done():
            await asyncio.wait({committing})


def interrupted(tally: Tally, error: Exception) -> Exception:
    """What is answered to an error in a stream: the error itself, unless lines are committed, which then has to be said."""
    if not tally.committed:
        return error
    committed = f"{tally.committed} lines are committed"
    if isinstance(error, Problem):
        said = f"{error.explanation or error.title} {committed}."
        return Problem(error.status, error.type, error.title, said, headers=error.headers)
    if isinstance(error, ProjectArchived):
        return Problem(409, "project-archived", "The project was archived in the middle of the stream.", committed)
    if database_error_kind(error) is None:
        return error
    return Problem(
        503,
        "import-interrupted",
        "The database failed in the middle of the stream.",
        f"{committed}; send the stream again, they will count as duplicates.",
        headers={"Retry-After": "2"},
    )


def prepare(project: IntakeProject, chunk: Sequence[Line]) -> Prepared:
    """Parse, check, de-identify and hash the lines of a chunk; takes CPU time."""
    prepared = Prepared([], [])
    for line in chunk:
        try:
            prepared.candidates.append((line.number, read_record(project, line.parse(), new_id)))
        except (LineRefused, NotAccepted) as error:
            prepared.refused.append((line.number, Refused(error.pointer, error.reason, error.detail)))
    return prepared


async def commit(runtime: IngestRuntime, project_id: UUID, prepared: Prepared, tally: Tally) -> list[Taken]:
    """Keep a chunk in one transaction and count its lines."""
    images, verdicts = await store_images(runtime, project_id, [item for _, item in prepared.candidates])

    async def keep(session: Session) -> dict[UUID, records.Verdict]:
        # Read again in the transaction: a project that was archived meanwhile takes nothing more in.
        project = await projects.open_for_intake(session, project_id)
        waiting = [item for _, item in prepared.candidates if not verdicts or item.record_id not in verdicts]
        return await records.keep(session, project, waiting, images) if waiting else {}

    verdicts = {**verdicts, **await in_transaction(runtime.database, keep)}
    taken: list[Taken] = []
    refused = list(prepared.refused)
    for number, candidate in prepared.candidates:
        verdict = verdicts[candidate.record_id]
        if isinstance(verdict, Kept):
            tally.count(duplicate=verdict.duplicate)
            taken.append(Taken(number, verdict))
        else:
            refused.append((number, verdict))
    for number, why in sorted(refused, key=lambda item: item[0]):
        tally.reject(number, why.pointer, why.reason, why.detail)
    return taken


async def in_transaction(database: Database, run: Callable[[Session], Awaitable[T]]) -> T:
    """Run in a transaction of its own, again when it loses against another one."""
    for left in reversed(range(TRIES)):
        try:
            async with database.transaction() as session:
                return await run(session)
        except Exception as error:
            if database_error_kind(error) is not DatabaseErrorKind.RETRY or not left:
                raise
    raise AssertionError("unreachable")


async def store_images(
    runtime: IngestRuntime, project_id: UUID, candidates: Sequence[Candidate]
) -> tuple[dict[UUID, list[Asset]], dict[UUID, records.Verdict]]:
    """Read the images of candidates and write them to the object store; verdicts on those that need none any more.

    The ids are noted as doomed before anything is written: an image whose record is never committed is swept away.
    """
    with_images = [item for item in candidates if item.images]
    if not with_images:
        return {}, {}
    async with runtime.database.transaction() as session:
        held = await record_storage.find_held(session, project_id, with_images)
    verdicts: dict[UUID, records.Verdict] = {}
    # What is known already needs no work. A content under another external id goes on: `keep` names it.
    for item in with_images:
        known = held.by_external.get(item.external_hash) if item.external_hash else held.of(item)
        if known is not None:
            verdicts[item.record_id] = records.ERASED if known.erased else Kept(known.record_id, duplicate=True)
    limits = runtime.resources.limits
    new = [item for item in with_images if item.record_id not in verdicts]
    read = await asyncio.to_thread(assets.read_images, new, limits.max_asset_bytes, limits.max_asset_pixels)
    placed: dict[UUID, list[tuple[Asset, bytes]]] = {}
    for item in new:
        images = read[item.record_id]
        if isinstance(images, Refused):
            verdicts[item.record_id] = images
        else:
            placed[item.record_id] = assets.place_images(item, images, project_id, uuid4)
    everything = [pair for pairs in placed.values() for pair in pairs]
    if everything:
        async with runtime.database.transaction() as session:
            doomed = [asset.asset_id for asset, _ in everything]
            await asset_storage.doom(session, doomed, utc_now() + IMAGE_GRACE)
        await assets.write_objects(runtime.objects, everything)
    return {record_id: [asset for asset, _ in pairs] for record_id, pairs in placed.items()}, verdicts
