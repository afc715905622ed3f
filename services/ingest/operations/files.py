"""Files of records: made safe in worker processes, written to the object store, deleted when nobody holds them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import structlog

from services.ingest.compute.files import TOO_LARGE
from services.ingest.compute.files import make_safe as make_safe_in_worker
from services.ingest.domain.intake import IntakeProject, RecordCandidate, file_hash
from services.ingest.exceptions import ImageTooLarge, NotAccepted, NotAnImage, ObjectsNotDeleted
from services.ingest.media import FileLimits, InlineFile, SafeFile
from services.ingest.operations.context import IntakeContext
from services.ingest.operations.records import Verdict, compare
from services.ingest.storage import assets as storage
from services.ingest.storage import records as record_storage
from services.ingest.storage.assets import Asset, object_key
from shared.contracts.values import json_pointer
from shared.kit.clock import utc_now
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.database import Database, Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.images.changes import ImageChange
from shared.kit.images.cost import decoding_mb
from shared.kit.objects import Objects

log = structlog.get_logger()

GRACE: Final = timedelta(hours=1)
"""How long a file that was written waits for its record to be committed before it is swept away."""

_WRITTEN_AT_ONCE: Final = 16
_GROUP_BYTES: Final = 512 * 1024
_TIMEOUT_S: Final = 30.0

# Four bytes a pixel, as decoded and as turned, what Pillow needs to write it, and the file before and after.
_BYTES_PER_PIXEL: Final = 14
_BASE_MEMORY_MB: Final = 64

SafeOrNot = SafeFile | NotAnImage | ImageTooLarge


async def make_safe(context: IntakeContext, project_id: UUID, file: InlineFile) -> SafeFile:
    """What is kept of one file.

    Raises:
        NotAnImage, ImageTooLarge: it is refused.
    """
    (safe,) = await _make_group_safe(context, project_id, [file])
    if isinstance(safe, SafeFile):
        return safe
    raise safe


async def store(
    context: IntakeContext, project_id: UUID, candidates: Sequence[RecordCandidate]
) -> tuple[dict[UUID, list[Asset]], dict[UUID, Verdict]]:
    """Make the files of candidates safe and write them to the object store; verdicts on those that need none any more.

    The ids are noted for deletion before anything is written: a file whose record is never committed is swept away.
    """
    with_files = [item for item in candidates if item.files]
    if not with_files:
        return {}, {}
    async with context.database.transaction() as session:
        held = await record_storage.find_held(session, project_id, with_files)
    verdicts: dict[UUID, Verdict] = {}
    # What is known already needs no work. A content under another external id goes on: `keep` names it. So does what has
    # an uploaded file as well: what the content is, is known only there.
    for item in with_files:
        known = held.by_external.get(item.external_hash) if item.external_hash else held.of(item)
        if known is not None and (known.erased or not item.assets):
            verdicts[item.record_id] = compare(item, known)
    new = [item for item in with_files if item.record_id not in verdicts]
    placed: dict[UUID, list[tuple[Asset, bytes]]] = {}
    for item, safe in zip(new, await _make_all_safe(context, project_id, new), strict=True):
        if isinstance(safe, NotAccepted):
            verdicts[item.record_id] = safe
        else:
            placed[item.record_id] = _place(item, safe, project_id)
    everything = [pair for pairs in placed.values() for pair in pairs]
    if everything:
        async with context.database.transaction() as session:
            await storage.schedule_deletion(session, [asset.asset_id for asset, _ in everything], utc_now() + GRACE)
        await write_objects(context.objects, everything)
    return {record_id: [asset for asset, _ in pairs] for record_id, pairs in placed.items()}, verdicts


async def _make_all_safe(
    context: IntakeContext, project_id: UUID, candidates: Sequence[RecordCandidate]
) -> list[dict[str, SafeFile] | NotAccepted]:
    """The files of each candidate by field, or why the first one that is refused is."""
    every = [(item, name, file) for item in candidates for name, file in item.files.items()]
    groups: list[list[InlineFile]] = []
    size = 0
    for _, _, file in every:
        if not groups or size + len(file.data) > _GROUP_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += len(file.data)
    made = await asyncio.gather(*(_make_group_safe(context, project_id, group) for group in groups))
    outcomes = iter([one for group in made for one in group])
    found: dict[UUID, dict[str, SafeFile] | NotAccepted] = {item.record_id: {} for item in candidates}
    for item, name, _ in every:
        outcome, sofar = next(outcomes), found[item.record_id]
        if isinstance(sofar, NotAccepted):
            continue
        if isinstance(outcome, SafeFile):
            sofar[name] = outcome
        else:
            reason = "image-too-large" if isinstance(outcome, ImageTooLarge) else "image-unreadable"
            found[item.record_id] = NotAccepted(json_pointer("fields", name), reason, str(outcome))
    return [found[item.record_id] for item in candidates]


async def _make_group_safe(context: IntakeContext, project_id: UUID, files: Sequence[InlineFile]) -> list[SafeOrNot]:
    """In one call of a worker; halved until the file stands alone that needs more time or memory than it may have."""
    limits = context.limits.files
    try:
        rows = await context.compute.run(
            make_safe_in_worker,
            [(file.kind, file.data) for file in files],
            limits.max_bytes,
            limits.max_pixels,
            project_id=project_id,
            timeout_s=_TIMEOUT_S,
            memory_mb=_memory_mb(limits),
            shared_mb=max(decoding_mb(file.data, limits.max_pixels) for file in files),
            untrusted=True,
        )
    except ComputeFailed as error:
        if len(files) == 1:
            return [ImageTooLarge(f"it can't be decoded within its limits: {error}")]
        middle = len(files) // 2
        halves = [await _make_group_safe(context, project_id, half) for half in (files[:middle], files[middle:])]
        return [*halves[0], *halves[1]]
    made: list[SafeOrNot] = []
    for row in rows:
        if len(row) == 2:  # noqa: PLR2004  a refusal: reason and detail
            made.append(ImageTooLarge(row[1]) if row[0] == TOO_LARGE else NotAnImage(row[1]))
        else:
            made.append(SafeFile(*row[:5], tuple(ImageChange(change) for change in row[5])))
    return made


def _memory_mb(limits: FileLimits) -> int:
    return _BASE_MEMORY_MB + (limits.max_pixels * _BYTES_PER_PIXEL + 2 * limits.max_bytes) // (1024 * 1024)


def _place(candidate: RecordCandidate, safe: dict[str, SafeFile], project_id: UUID) -> list[tuple[Asset, bytes]]:
    """Give a candidate's files their ids and put the references into its fields. Annotators see these ids: random ones."""
    placed: list[tuple[Asset, bytes]] = []
    for name, file in safe.items():
        asset = _asset(uuid4(), project_id, file, bytes.fromhex(candidate.hashed[name]))
        candidate.fields[name] = asset.reference()
        placed.append((asset, file.data))
    candidate.files = {}
    return placed


def new_asset(project: IntakeProject, asset_id: UUID, original: bytes, file: SafeFile) -> Asset:
    return _asset(asset_id, project.project_id, file, file_hash(project, original))


def _asset(asset_id: UUID, project_id: UUID, file: SafeFile, original_hash: bytes) -> Asset:
    return Asset(
        asset_id=asset_id,
        project_id=project_id,
        media_type=file.media_type,
        sha256=file.sha256,
        size_bytes=len(file.data),
        width=file.width,
        height=file.height,
        original_hash=original_hash,
        changes=file.changes,
    )


async def write_objects(objects: Objects, placed: Sequence[tuple[Asset, bytes]]) -> None:
    """Write files to the object store. Call it after their deletion was scheduled, so that none can be forgotten."""
    gate = asyncio.Semaphore(_WRITTEN_AT_ONCE)

    async def write(asset: Asset, data: bytes) -> None:
        async with gate:
            await objects.put(object_key(asset.asset_id), data, asset.media_type)

    async with asyncio.TaskGroup() as group:
        for asset, data in placed:
            group.create_task(write(asset, data))


async def upload(context: IntakeContext, project: IntakeProject, file: InlineFile) -> Asset:
    """Keep a file that is sent apart from its record; until a record holds it, it waits for a while.

    Raises:
        NotAnImage, ImageTooLarge: it is refused.
    """
    safe = await make_safe(context, project.project_id, file)
    asset = new_asset(project, uuid4(), file.data, safe)
    async with context.database.transaction() as session:
        ttl = timedelta(seconds=context.limits.unattached_asset_ttl_s)
        await storage.schedule_deletion(session, [asset.asset_id], utc_now() + ttl)
    await write_objects(context.objects, [(asset, safe.data)])
    async with context.database.transaction() as session:
        await storage.insert(session, project.project_id, [asset])
    return asset


async def load(session: Session, asset_id: UUID) -> Asset:
    """Raises NotKnownHere."""
    asset = await storage.load(session, asset_id)
    if asset is None:
        raise NotKnownHere("asset", asset_id)
    return asset


async def sweep(database: Database, objects: Objects, now: datetime) -> int:
    """Delete files whose time has come and that no record holds; return how many were settled.

    First the rows, so that no record can hold them any more, then the objects, then the note that they are to be deleted: what
    a crash leaves between is deleted again by the next sweep.
    """
    async with database.autocommit() as session:
        due = await storage.due(session, now)
    if not due:
        return 0
    async with database.transaction() as session:
        free, kept = await storage.release(session, due)
    deleted = [asset_id for asset_id, gone in zip(free, await _delete_objects(objects, free), strict=True) if gone]
    if deleted:
        async with database.transaction() as session:
            await storage.cancel_deletion(session, deleted)
    if len(deleted) < len(free):
        raise ObjectsNotDeleted(f"{len(free) - len(deleted)} objects could not be deleted")
    return len(free) + len(kept)


async def _delete_objects(objects: Objects, asset_ids: Sequence[UUID]) -> list[bool]:
    gate = asyncio.Semaphore(_WRITTEN_AT_ONCE)

    async def delete(asset_id: UUID) -> bool:
        async with gate:
            try:
                await objects.delete(object_key(asset_id))
            except Exception as error:
                log.warning("asset_not_deleted", asset_id=str(asset_id), exc_info=error)
                return False
            return True

    return list(await asyncio.gather(*(delete(asset_id) for asset_id in asset_ids)))
