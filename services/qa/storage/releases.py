"""Releases: what was asked for, the snapshot of labels each holds, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.storage.json import dump, loaded
from services.qa.storage.records import NOWHERE
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class Release:
    release_id: UUID
    project_id: UUID
    name: str
    options: Mapping[str, Any]
    status: str
    status_reason: str | None
    job_id: UUID | None
    requested_by: str
    requested_at: datetime
    published_at: datetime | None
    records: int | None
    manifest: Mapping[str, Any] | None
    manifest_sha256: str | None
    supersedes: UUID | None
    superseded_by: UUID | None
    revision: int


_RELEASE = (
    "release_id, project_id, name, options, status, status_reason, job_id, requested_by, requested_at, published_at,"
    " records, manifest, manifest_sha256, supersedes, superseded_by, revision"
)
_ADD = """
INSERT INTO releases (release_id, project_id, name, options, status, requested_by, requested_at, supersedes)
VALUES ($1, $2, $3, $4, 'building', $5, $6, $7) ON CONFLICT (project_id, name) DO NOTHING RETURNING release_id
"""
_SET_JOB = "UPDATE releases SET job_id = $2 WHERE release_id = $1"
_FIND = f"SELECT {_RELEASE} FROM releases WHERE release_id = $1"  # noqa: S608  our own column names
_LOCK = f"{_FIND} FOR UPDATE"
_LIST = f"""
SELECT {_RELEASE} FROM releases WHERE project_id = $1 AND release_id > $2 ORDER BY release_id LIMIT $3
"""  # noqa: S608  our own column names
_ALL_PUBLISHED = f"""
SELECT {_RELEASE} FROM releases WHERE release_id > $1 AND status = 'published' ORDER BY release_id LIMIT $2
"""  # noqa: S608  our own column names

# One statement is one snapshot: labels are never changed afterwards, so the release can be written page by page.
# What was ever gold is kept out of the training split.
_TAKE_SNAPSHOT = """
INSERT INTO release_records (release_id, record_id, label_id, split)
SELECT $1, labels.record_id, labels.label_id, labels.split
FROM labels JOIN records USING (record_id)
WHERE labels.project_id = $2 AND labels.current AND records.state = 'finalized' AND labels.answers IS NOT NULL
    AND labels.schema_version = $3 AND labels.split = ANY($4::text[]) AND labels.method = ANY($5::text[])
    AND labels.confidence >= $6 AND NOT (labels.split = 'train' AND records.ever_gold)
    AND (NOT records.under_review OR $7)
ON CONFLICT DO NOTHING
"""
_DROP_SNAPSHOT = "DELETE FROM release_records WHERE release_id = $1"
_COPY_SNAPSHOT = """
INSERT INTO release_records (release_id, record_id, label_id, split)
SELECT $2, record_id, label_id, release_records.split FROM release_records JOIN records USING (record_id)
WHERE release_id = $1 AND records.state <> 'erased'
ON CONFLICT DO NOTHING
"""
_SNAPSHOT_SIZE = "SELECT count(*) FROM release_records WHERE release_id = $1"
_LINES = """
SELECT labels.record_id, labels.split, records.origin, records.slice, records.fields, labels.label_revision,
    labels.method, labels.answers, labels.confidence, labels.schema_version, labels.guideline_version,
    labels.annotations, labels.model_id, labels.trainable, labels.round, labels.finalized_at
FROM release_records JOIN labels USING (label_id) JOIN records ON records.record_id = labels.record_id
WHERE release_id = $1 AND release_records.split = $2 AND release_records.record_id > $3
ORDER BY release_records.record_id LIMIT $4
"""
_PUBLISH = """
UPDATE releases SET status = 'published', published_at = $2, records = $3, manifest = $4, manifest_sha256 = $5,
    revision = revision + 1
WHERE release_id = $1 AND status = 'building' RETURNING revision
"""
_BUILDING = """
SELECT release_id, job_id FROM releases WHERE status = 'building' AND job_id IS NOT NULL AND release_id > $1
ORDER BY release_id LIMIT $2
"""
_FAIL = "UPDATE releases SET status = 'failed', status_reason = $2 WHERE release_id = $1 AND status = 'building'"
_SUPERSEDE_TOUCHED = """
UPDATE releases SET status = 'superseded', status_reason = 'erasure'
WHERE status = 'published' AND release_id IN (SELECT release_id FROM release_records WHERE record_id = $1)
"""
_WITHOUT_SUCCESSOR = f"""
SELECT {_RELEASE} FROM releases WHERE status = 'superseded' AND superseded_by IS NULL ORDER BY release_id LIMIT $1
"""  # noqa: S608  our own column names
_SET_SUCCESSOR = "UPDATE releases SET superseded_by = $2 WHERE release_id = $1"
_SUPERSEDE_RECENT = """
UPDATE releases SET status = 'superseded', status_reason = 'erasure'
WHERE status = 'published' AND published_at > $1 AND EXISTS (
    SELECT 1 FROM release_records JOIN records USING (record_id)
    WHERE release_records.release_id = releases.release_id AND records.project_id = releases.project_id
        AND records.known AND records.state = 'erased'
)
"""


def _release(row: Mapping[str, Any]) -> Release:
    return Release(**loaded(row, "options", "manifest"))


async def add(
    session: Session,
    *,
    release_id: UUID,
    project_id: UUID,
    name: str,
    options: Mapping[str, Any],
    requested_by: str,
    now: datetime,
    supersedes: UUID | None = None,
) -> bool:
    """Keep a request for a release; False when the project has one of that name."""
    added = await session.raw.fetchval(_ADD, release_id, project_id, name, dump(options), requested_by, now, supersedes)
    return added is not None


async def set_job(session: Session, release_id: UUID, job_id: UUID) -> None:
    await session.raw.execute(_SET_JOB, release_id, job_id)


async def find(session: Session, release_id: UUID) -> Release | None:
    row = await session.raw.fetchrow(_FIND, release_id)
    return None if row is None else _release(row)


async def lock(session: Session, release_id: UUID) -> Release | None:
    row = await session.raw.fetchrow(_LOCK, release_id)
    return None if row is None else _release(row)


async def page(session: Session, project_id: UUID, after: UUID | None, limit: int) -> list[Release]:
    return [_release(row) for row in await session.raw.fetch(_LIST, project_id, after or NOWHERE, limit)]


async def page_for_republish(session: Session, after: UUID, limit: int) -> list[Release]:
    return [_release(row) for row in await session.raw.fetch(_ALL_PUBLISHED, after, limit)]


async def take_snapshot(
    session: Session,
    release: Release,
    *,
    schema_version: int,
    splits: Sequence[str],
    methods: Sequence[str],
    least_confidence: float,
    with_under_review: bool,
) -> int:
    """Fix which labels the release holds; answers how many."""
    await session.raw.execute(_DROP_SNAPSHOT, release.release_id)
    await session.raw.execute(
        _TAKE_SNAPSHOT,
        release.release_id,
        release.project_id,
        schema_version,
        list(splits),
        list(methods),
        least_confidence,
        with_under_review,
    )
    return await snapshot_size(session, release.release_id)


async def copy_snapshot(session: Session, of: UUID, to: UUID) -> int:
    """Fix the same labels as another release holds, but those of erased records; answers how many."""
    await session.raw.execute(_DROP_SNAPSHOT, to)
    await session.raw.execute(_COPY_SNAPSHOT, of, to)
    return await snapshot_size(session, to)


async def snapshot_size(session: Session, release_id: UUID) -> int:
    found: int = await session.raw.fetchval(_SNAPSHOT_SIZE, release_id)
    return found


async def lines(session: Session, release_id: UUID, split: str, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """A page of a release's labels with the records they are of; erased ones have no fields and no answers."""
    rows = await session.raw.fetch(_LINES, release_id, split, after or NOWHERE, limit)
    return [loaded(row, "slice", "fields", "answers") for row in rows]


async def publish(
    session: Session, release_id: UUID, *, records: int, manifest: Mapping[str, Any], sha256: str, now: datetime
) -> int | None:
    """Close a release for ever; answers its revision, None when it is not being built."""
    revision: int | None = await session.raw.fetchval(_PUBLISH, release_id, now, records, dump(manifest), sha256)
    return revision


async def being_built(session: Session, after: UUID, limit: int) -> list[tuple[UUID, UUID]]:
    """Releases that are being built, each with its job."""
    return [(row["release_id"], row["job_id"]) for row in await session.raw.fetch(_BUILDING, after, limit)]


async def fail(session: Session, release_id: UUID, reason: str) -> None:
    await session.raw.execute(_FAIL, release_id, reason)


async def supersede_touched(session: Session, record_id: UUID) -> None:
    """Say of every release that holds the record that it stands no more."""
    await session.raw.execute(_SUPERSEDE_TOUCHED, record_id)


async def without_successor(session: Session, limit: int) -> list[Release]:
    return [_release(row) for row in await session.raw.fetch(_WITHOUT_SUCCESSOR, limit)]


async def set_successor(session: Session, release_id: UUID, successor: UUID) -> None:
    await session.raw.execute(_SET_SUCCESSOR, release_id, successor)


async def supersede_recent(session: Session, since: datetime) -> None:
    """Catch releases that were published while a record in them was being erased."""
    await session.raw.execute(_SUPERSEDE_RECENT, since)
