"""The chain of each record's facts and the seals over a project's chains."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.qa.domain.seals import Seal
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class StoredLink:
    """`reference` names the row the content lies in; `text_to_hash` is the exact text that was hashed.

    `proof`: the sibling hashes of the link's `leaf` under its seal, one after the other; None until it is sealed.
    """

    position: int
    kind: str
    reference: str
    text_to_hash: str
    content_hmac: bytes
    hash: bytes
    linked_at: datetime
    seal_number: int | None
    leaf: int | None
    proof: bytes | None


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
class SealedLink:
    """Where a link stands: which leaf of the new seal it is, and the proof of that."""

    record_id: UUID
    position: int
    leaf: int
    proof: bytes


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
SELECT position, kind, reference, text_to_hash, content_hmac, hash, linked_at, signed_seal AS seal_number,
    signed_leaf AS leaf, proof
FROM chain_links WHERE record_id = $1 ORDER BY position
"""
# From one project to the next, whatever the number of links that each of them has to be sealed.
_PROJECTS_TO_SEAL = """
WITH RECURSIVE waiting AS (
    (SELECT project_id FROM chain_links WHERE signed_seal IS NULL ORDER BY project_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT links.project_id FROM chain_links AS links
        WHERE links.signed_seal IS NULL AND links.project_id > waiting.project_id ORDER BY links.project_id LIMIT 1
    ) FROM waiting WHERE project_id IS NOT NULL
)
SELECT project_id FROM waiting WHERE project_id IS NOT NULL LIMIT $1
"""
_UNSEALED = """
SELECT record_id, position, hash FROM chain_links WHERE project_id = $1 AND signed_seal IS NULL
ORDER BY linked_at, record_id, position LIMIT $2
"""
_SEAL_COLUMNS = ", ".join(one.name for one in fields(Seal))
_LAST_SEAL = f"SELECT {_SEAL_COLUMNS} FROM signed_seals WHERE project_id = $1 ORDER BY number DESC LIMIT 1"  # noqa: S608  our own column names
# Whoever seals the same links at the same time has taken the number.
_ADD_SEAL = f"""
INSERT INTO signed_seals ({_SEAL_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING number
"""  # noqa: S608  our own column names
_SEAL_LINKS = """
UPDATE chain_links SET signed_seal = $1, signed_leaf = sealed.leaf, proof = sealed.proof
FROM unnest($2::uuid[], $3::integer[], $4::integer[], $5::bytea[]) AS sealed (record_id, position, leaf, proof)
WHERE chain_links.record_id = sealed.record_id AND chain_links.position = sealed.position
"""
_SEALS = f"SELECT {_SEAL_COLUMNS} FROM signed_seals WHERE project_id = $1 AND number > $2 ORDER BY number LIMIT $3"  # noqa: S608  our own column names
_SEALS_BY_NUMBER = f"SELECT {_SEAL_COLUMNS} FROM signed_seals WHERE project_id = $1 AND number = ANY($2::integer[])"  # noqa: S608  our own column names
_ALL_SEALS = f"""
SELECT {_SEAL_COLUMNS} FROM signed_seals WHERE (project_id, number) > ($1, $2) ORDER BY project_id, number LIMIT $3
"""  # noqa: S608  our own column names
# Every link of a record up to that of the label's revision.
_OF_LABELS = """
SELECT links.record_id, records.salt, links.position, links.kind, links.text_to_hash, links.content_hmac, links.hash,
    links.signed_seal AS seal_number, links.signed_leaf AS leaf, links.proof
FROM unnest($1::uuid[], $2::text[]) AS wanted (record_id, reference)
JOIN chain_links AS made ON made.record_id = wanted.record_id AND made.kind = 'label'
    AND made.reference = wanted.reference
JOIN chain_links AS links ON links.record_id = made.record_id AND links.position <= made.position
JOIN records ON records.record_id = made.record_id
ORDER BY links.record_id, links.position
"""


def link_columns(links: Sequence[RecordLink]) -> list[list[Any]]:
    """The parameters of a statement that adds links, in the order of `LINK_COLUMNS`."""
    return [[getattr(link, name) for link in links] for name in LINK_COLUMNS]


async def of_record(session: Session, record_id: UUID) -> list[StoredLink]:
    return [StoredLink(**row) for row in await session.raw.fetch(_OF_RECORD, record_id)]


async def projects_to_seal(session: Session, limit: int) -> list[UUID]:
    return [row["project_id"] for row in await session.raw.fetch(_PROJECTS_TO_SEAL, limit)]


async def unsealed(session: Session, project_id: UUID, limit: int) -> list[Any]:
    """The oldest links without a seal: `record_id`, `position`, `hash`."""
    rows: list[Any] = await session.raw.fetch(_UNSEALED, project_id, limit)
    return rows


async def last_seal(session: Session, project_id: UUID) -> Seal | None:
    row = await session.raw.fetchrow(_LAST_SEAL, project_id)
    return None if row is None else Seal(**row)


async def add_seal(session: Session, made: Seal, links: Sequence[SealedLink]) -> bool:
    """Keep a seal with the links under it; False, and nothing is kept, when there is one of that number."""
    added = await session.raw.fetchval(_ADD_SEAL, *(getattr(made, one.name) for one in fields(Seal)))
    if added is None:
        return False
    await session.raw.execute(
        _SEAL_LINKS,
        made.number,
        [one.record_id for one in links],
        [one.position for one in links],
        [one.leaf for one in links],
        [one.proof for one in links],
    )
    return True


async def seals(session: Session, project_id: UUID, after: int, limit: int) -> list[Seal]:
    return [Seal(**row) for row in await session.raw.fetch(_SEALS, project_id, after, limit)]


async def seals_by_number(session: Session, project_id: UUID, numbers: Collection[int]) -> dict[int, Seal]:
    rows = await session.raw.fetch(_SEALS_BY_NUMBER, project_id, list(numbers))
    return {row["number"]: Seal(**row) for row in rows}


async def page_for_republish(session: Session, after: tuple[UUID, int], limit: int) -> list[Seal]:
    """All seals, by project and number."""
    return [Seal(**row) for row in await session.raw.fetch(_ALL_SEALS, *after, limit)]


class LinkOfLabel(NamedTuple):
    """A link of a record whose label is asked for, with the record's salt, which erasure takes.

    A tuple, in the order of the statement's columns: a release makes one of each link.
    """

    record_id: UUID
    salt: bytes | None
    position: int
    kind: str
    text_to_hash: str
    content_hmac: bytes
    hash: bytes
    seal_number: int | None
    leaf: int | None
    proof: bytes | None


async def of_labels(session: Session, labels: Sequence[tuple[UUID, int]]) -> list[LinkOfLabel]:
    """Read the links up to those of labels, given by record and revision, in the order of records and positions."""
    rows = await session.raw.fetch(
        _OF_LABELS, [record_id for record_id, _ in labels], [str(revision) for _, revision in labels]
    )
    return list(map(LinkOfLabel._make, rows))
