"""Releases: what was asked for and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.storage.records import NOWHERE
from shared.kit.database import Session
from shared.kit.jsonb import dump, loaded


@dataclass(frozen=True, slots=True)
class Release:
    """A release as it was asked for; `records`, `manifest` and `published_at` are None until it is published."""

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

_PUBLISH = """
UPDATE releases SET status = 'published', status_reason = NULL, published_at = $2, records = $3, manifest = $4,
    manifest_sha256 = $5, revision = revision + 1
WHERE release_id = $1 RETURNING revision
"""
_BUILDING = """
SELECT release_id, job_id FROM releases WHERE status = 'building' AND job_id IS NOT NULL AND release_id > $1
ORDER BY release_id LIMIT $2
"""
_FAIL = """
UPDATE releases SET status = 'failed', status_reason = one.reason
FROM unnest($1::uuid[], $2::text[]) AS one (release_id, reason)
WHERE releases.release_id = one.release_id AND status = 'building'
"""
_CANCEL = """
UPDATE releases SET status = 'failed', status_reason = $2, cancelled_at = now() WHERE release_id = $1 AND status = 'building'
"""
# What failed keeps its row under another name.
_FREE_NAME = """
UPDATE releases SET name = name || ' (failed ' || release_id || ')'
WHERE project_id = $1 AND name = $2 AND status = 'failed'
"""
# A worker elsewhere writes on until it next renews its lease.
_CANCELLED = """
SELECT release_id FROM releases WHERE cancelled_at < now() - make_interval(secs => $1) ORDER BY cancelled_at LIMIT $2
"""
_CLEARED = "UPDATE releases SET cancelled_at = NULL WHERE release_id = ANY($1::uuid[])"
# A release that is being made is only marked: whoever publishes it waits for this lock and then looks.
_SUPERSEDE_TOUCHED = """
UPDATE releases SET status = CASE status WHEN 'published' THEN 'superseded' ELSE status END, status_reason = 'erasure'
WHERE status IN ('building', 'published') AND status_reason IS NULL AND release_id = ANY(ARRAY(
    SELECT release_id FROM release_records WHERE record_id = ANY($2::uuid[])
    UNION
    SELECT release_id FROM releases WHERE status = 'building' AND project_id = $1
))
"""
_SUPERSEDE_IF_ERASED = """
UPDATE releases SET status = 'superseded', status_reason = 'erasure'
WHERE release_id = $1 AND status = 'published' AND EXISTS (
    SELECT FROM records, LATERAL (
        SELECT FROM release_records
        WHERE release_records.record_id = records.record_id AND release_records.release_id = $1 LIMIT 1
    ) AS held
    WHERE records.project_id = releases.project_id AND known AND state = 'erased'
)
"""
_WITHOUT_SUCCESSOR = f"""
SELECT {_RELEASE} FROM releases WHERE status = 'superseded' AND superseded_by IS NULL ORDER BY release_id LIMIT $1
"""  # noqa: S608  our own column names
_SET_SUCCESSOR = "UPDATE releases SET superseded_by = $2 WHERE release_id = $1"


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
    """Keep a request for a release; False when the project has one of that name that has not failed."""
    await session.raw.execute(_FREE_NAME, project_id, name)
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


async def publish(
    session: Session, release_id: UUID, *, records: int, manifest: Mapping[str, Any], sha256: str, now: datetime
) -> int | None:
    """Close a release for ever; return its revision, None when it is not being built.

    One that held a record which was erased meanwhile is superseded at once.
    """
    release = await lock(session, release_id)
    if release is None or release.status != "building":
        return None
    revision: int = await session.raw.fetchval(_PUBLISH, release_id, now, records, dump(manifest), sha256)
    if release.status_reason is not None:
        await session.raw.execute(_SUPERSEDE_IF_ERASED, release_id)
    return revision


async def being_built(session: Session, after: UUID, limit: int) -> list[tuple[UUID, UUID]]:
    """Releases that are being built, each with its job."""
    return [(row["release_id"], row["job_id"]) for row in await session.raw.fetch(_BUILDING, after, limit)]


async def fail(session: Session, reasons: Mapping[UUID, str]) -> None:
    """Close releases that could not be made, each with its reason."""
    await session.raw.execute(_FAIL, list(reasons), list(reasons.values()))


async def cancel(session: Session, release_id: UUID, reason: str) -> None:
    """Close a release that is being built; its files are to be deleted."""
    await session.raw.execute(_CANCEL, release_id, reason)


async def cancelled(session: Session, least_age_s: float, limit: int) -> list[UUID]:
    """Return releases that were cancelled so long ago and whose files are not deleted yet."""
    return [row["release_id"] for row in await session.raw.fetch(_CANCELLED, least_age_s, limit)]


async def set_cleared(session: Session, release_ids: Sequence[UUID]) -> None:
    """Note that the files of cancelled releases are deleted."""
    await session.raw.execute(_CLEARED, release_ids)


async def supersede_touched(session: Session, project_id: UUID, record_ids: Sequence[UUID]) -> None:
    """Take back every release that holds one of these records, now or once it is published."""
    await session.raw.execute(_SUPERSEDE_TOUCHED, project_id, record_ids)


async def without_successor(session: Session, limit: int) -> list[Release]:
    return [_release(row) for row in await session.raw.fetch(_WITHOUT_SUCCESSOR, limit)]


async def set_successor(session: Session, release_id: UUID, successor: UUID) -> None:
    await session.raw.execute(_SET_SUCCESSOR, release_id, successor)
