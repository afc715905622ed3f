"""The chain of each record's facts and the seals over a project's chains."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class StoredLink:
    """`reference` names the row the content lies in; `text_to_hash` is the exact text that was hashed."""

    position: int
    kind: str
    reference: str
    text_to_hash: str
    content_hmac: bytes
    hash: bytes
    linked_at: datetime
    seal_number: int | None
    leaf: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLink:
    """A link to be added to a record's chain; it is saved with the record, whose row holds the chain's head."""

    record_id: UUID
    position: int
    project_id: UUID
    kind: str
    reference: str
    text_to_hash: str
    content_hmac: bytes
    hash: bytes
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class Seal:
    project_id: UUID
    number: int
    leaves: int
    root: bytes
    previous: bytes
    hash: bytes
    sealed_at: datetime


LINK_COLUMNS = (
    "record_id",
    "position",
    "project_id",
    "kind",
    "reference",
    "text_to_hash",
    "content_hmac",
    "hash",
    "linked_at",
)
LINK_TYPES = ("uuid", "integer", "uuid", "text", "text", "text", "bytea", "bytea", "timestamptz")
_OF_RECORD = """
SELECT position, kind, reference, text_to_hash, content_hmac, hash, linked_at, seal_number, leaf
FROM chain_links WHERE record_id = $1 ORDER BY position
"""
_PROJECTS_TO_SEAL = "SELECT DISTINCT project_id FROM chain_links WHERE seal_number IS NULL LIMIT $1"
_UNSEALED = """
SELECT record_id, position, hash FROM chain_links WHERE project_id = $1 AND seal_number IS NULL
ORDER BY linked_at, record_id, position LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_LAST_SEAL = "SELECT * FROM seals WHERE project_id = $1 ORDER BY number DESC LIMIT 1"
_ADD_SEAL = """
INSERT INTO seals (project_id, number, leaves, root, previous, hash, sealed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_SEAL_LINKS = """
UPDATE chain_links SET seal_number = $1, leaf = sealed.leaf
FROM unnest($2::uuid[], $3::integer[], $4::integer[]) AS sealed (record_id, position, leaf)
WHERE chain_links.record_id = sealed.record_id AND chain_links.position = sealed.position
"""
_SEALS = "SELECT * FROM seals WHERE project_id = $1 AND number > $2 ORDER BY number LIMIT $3"
_SEAL = "SELECT * FROM seals WHERE project_id = $1 AND number = $2"
_LEAVES = "SELECT hash FROM chain_links WHERE project_id = $1 AND seal_number = $2 ORDER BY leaf"


def link_columns(links: Sequence[RecordLink]) -> list[list[Any]]:
    """The parameters of a statement that adds links, in the order of `LINK_COLUMNS`."""
    return [[getattr(link, name) for link in links] for name in LINK_COLUMNS]


async def of_record(session: Session, record_id: UUID) -> list[StoredLink]:
    return [StoredLink(**row) for row in await session.raw.fetch(_OF_RECORD, record_id)]


async def projects_to_seal(session: Session, limit: int) -> list[UUID]:
    return [row["project_id"] for row in await session.raw.fetch(_PROJECTS_TO_SEAL, limit)]


async def unsealed(session: Session, project_id: UUID, limit: int) -> list[Any]:
    """The oldest links without a seal, locked: `record_id`, `position`, `hash`."""
    rows: list[Any] = await session.raw.fetch(_UNSEALED, project_id, limit)
    return rows


async def last_seal(session: Session, project_id: UUID) -> Seal | None:
    row = await session.raw.fetchrow(_LAST_SEAL, project_id)
    return None if row is None else Seal(**row)


async def seal(session: Session, made: Seal, links: Sequence[tuple[UUID, int]]) -> None:
    """Keep a seal over links given by record and position, in the order of their leaves."""
    await session.raw.execute(
        _ADD_SEAL,
        made.project_id,
        made.number,
        made.leaves,
        made.root,
        made.previous,
        made.hash,
        made.sealed_at,
    )
    await session.raw.execute(
        _SEAL_LINKS,
        made.number,
        [record_id for record_id, _ in links],
        [position for _, position in links],
        list(range(len(links))),
    )


async def seals(session: Session, project_id: UUID, after: int, limit: int) -> list[Seal]:
    return [Seal(**row) for row in await session.raw.fetch(_SEALS, project_id, after, limit)]


async def find_seal(session: Session, project_id: UUID, number: int) -> Seal | None:
    row = await session.raw.fetchrow(_SEAL, project_id, number)
    return None if row is None else Seal(**row)


async def leaves_of(session: Session, project_id: UUID, number: int) -> list[bytes]:
    return [row["hash"] for row in await session.raw.fetch(_LEAVES, project_id, number)]
