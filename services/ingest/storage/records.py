"""Records: kept by bulk statements, found by keyed hashes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from services.ingest.compute.report_fitting import StoredContent
from services.ingest.domain.intake import RecordCandidate
from services.ingest.domain.personal_data import Redactions
from shared.contracts.events import RecordAccepted
from shared.contracts.fields import FieldValue, parse_fields
from shared.contracts.values import Origin, RecordState, Split
from shared.kit import jsonb
from shared.kit.database import Session

# Rows go in by the order of their external or content hash: two imports of the same data wait for each other in
# one order instead of locking each other out. Both unique indexes decide who is first. What no index is about comes as
# one JSON a row: asyncpg looks twice at each element of each array.
_INSERT = """
INSERT INTO records (record_id, project_id, external_id, external_hash, content_hash, schema_version, fields,
    redactions, slice, purposes, split, origin, priority, collected_by_chance)
SELECT record_id, $1, external_id, external_hash, content_hash, (rest -> 'schema_version')::int, rest -> 'fields',
    rest -> 'redactions', rest -> 'slice', rest -> 'purposes', rest ->> 'split', rest ->> 'origin',
    (rest -> 'priority')::int, (rest -> 'collected_by_chance')::bool
FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::jsonb[])
    AS row (record_id, external_id, external_hash, content_hash, rest)
ORDER BY coalesce(external_hash, content_hash)
ON CONFLICT DO NOTHING
RETURNING record_id
"""
_BY_HASH = """
SELECT record_id, external_hash, content_hash, state, slice, purposes FROM records
WHERE project_id = $1 AND external_hash = ANY($2::bytea[])
UNION ALL
SELECT record_id, NULL, content_hash, state, slice, purposes FROM records
WHERE project_id = $1 AND content_hash = ANY($3::bytea[])
UNION ALL
SELECT a.record_id, a.external_hash, r.content_hash, r.state, r.slice, r.purposes
FROM external_aliases a JOIN records r USING (record_id)
WHERE a.project_id = $1 AND a.external_hash = ANY($2::bytea[])
"""
_BY_ALIAS = """
SELECT a.record_id, a.external_hash, r.content_hash, r.state, r.slice, r.purposes
FROM external_aliases a JOIN records r USING (record_id)
WHERE a.project_id = $1 AND a.external_hash = ANY($2::bytea[])
"""
# The records are locked, so that none of them is erased before its new name is committed.
_ADD_ALIASES = """
INSERT INTO external_aliases (project_id, external_hash, record_id, external_id)
SELECT $1, external_hash, record_id, external_id
FROM unnest($2::bytea[], $3::uuid[], $4::text[]) AS row (external_hash, record_id, external_id)
    JOIN (
        SELECT record_id FROM records WHERE record_id = ANY($3::uuid[]) AND state <> 'erased' ORDER BY record_id FOR SHARE
    ) AS held USING (record_id)
ORDER BY external_hash
ON CONFLICT DO NOTHING
RETURNING external_hash
"""
_ALIASES = """
SELECT external_id FROM external_aliases WHERE record_id = $1 AND external_id IS NOT NULL ORDER BY external_id LIMIT 1000
"""
_FORGET_ALIASES = "UPDATE external_aliases SET external_id = NULL WHERE record_id = $1 AND external_id IS NOT NULL"
FIRST = UUID(int=0)
"""Before every id."""

_FIND = "SELECT * FROM records WHERE record_id = $1"
_LOCK = "SELECT * FROM records WHERE record_id = $1 FOR UPDATE"
_SUMMARY = """
SELECT record_id, external_id, split, origin, priority, state, newest_label_revision AS label_revision, schema_version,
    accepted_at
FROM records WHERE project_id = $1 AND record_id {which}
"""
_ONE = _SUMMARY.format(which="= $2")
_WITHOUT_INDEX = {None, Split.TRAIN, Origin.COLLECTED}
"""What most records have: no index is by them."""
Filters = tuple[Split | None, Origin | None, RecordState | None]


def _page_statement(split: Split | None, origin: Origin | None, state: RecordState | None) -> str:
    if state is None and {split, origin} <= _WITHOUT_INDEX:
        # The index by state has the records of each state in their order.
        states = " UNION ALL ".join(f"({_page_statement(split, origin, each)})" for each in RecordState)
        return f"SELECT * FROM ({states}) AS found ORDER BY record_id LIMIT $3"  # noqa: S608  constants
    given = (("split", split), ("origin", origin), ("state", state))
    filters = "".join(f" AND {column} = '{value}'" for column, value in given if value is not None)
    return _SUMMARY.format(which=f"> $2{filters} ORDER BY record_id LIMIT $3")


# A statement for each combination of filters, with the values written out: so each plan is made in the knowledge of how
# many records have them, and seeks its first row in the index of that filter.
_PAGES: Mapping[Filters, str] = {
    filters: _page_statement(*filters) for filters in product((None, *Split), (None, *Origin), (None, *RecordState))
}
PAGES = tuple(_PAGES.values())
"""For the test that EXPLAINs every statement."""

_BY_EXTERNAL = """
SELECT external_hash, record_id FROM external_aliases WHERE project_id = $1 AND external_hash = ANY($2::bytea[])
UNION ALL
SELECT external_hash, record_id FROM records WHERE project_id = $1 AND external_hash = ANY($2::bytea[])
"""
_OPEN_BY_SCHEMA = """
SELECT schema_version, count(*) AS records FROM (
    SELECT schema_version FROM records WHERE project_id = $1 AND state = 'open' ORDER BY record_id DESC LIMIT $2
) AS newest GROUP BY schema_version
"""
_LOCK_HEADS = """
SELECT record_id, state, content_hash FROM records
WHERE record_id = ANY($2::uuid[]) AND project_id = $1 ORDER BY record_id FOR UPDATE
"""
_CONTENT_SIZES = """
SELECT record_id, octet_length(fields::text) + coalesce(octet_length(redactions::text), 0) AS size FROM records
WHERE record_id = ANY($2::uuid[]) AND project_id = $1 AND state <> 'erased' ORDER BY record_id
"""
_CONTENTS = """
SELECT record_id, content_hash, fields, redactions FROM records
WHERE record_id = ANY($2::uuid[]) AND project_id = $1 AND state <> 'erased'
"""
_LOCK_MANY = "SELECT FROM records WHERE record_id = ANY($1::uuid[]) ORDER BY record_id FOR UPDATE"
_SET_STATES = """
UPDATE records AS r SET
    state = CASE WHEN given.revision > r.label_revision THEN given.state ELSE r.state END,
    label_revision = greatest(given.revision, r.label_revision),
    newest_label_revision = greatest(given.newest_label_revision, r.newest_label_revision)
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) AS given (record_id, state, revision, newest_label_revision)
WHERE r.record_id = given.record_id AND r.state <> 'erased'
    AND (given.revision > r.label_revision OR given.newest_label_revision > r.newest_label_revision)
"""
_ERASE = """
UPDATE records SET fields = NULL, redactions = NULL, slice = NULL, purposes = NULL, external_id = NULL,
    content_hash = NULL, state = 'erased', revision = revision + 1, erased_at = $2, erased_because = $3
WHERE record_id = $1 RETURNING revision
"""
_ERASE_FEEDBACK = "UPDATE feedback SET prediction = NULL, correction = NULL, model_version = NULL WHERE record_id = $1"
_AFTER = "SELECT * FROM records WHERE record_id > $1 ORDER BY record_id LIMIT 500"


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is kept. Its content is None once it is erased."""

    record_id: UUID
    project_id: UUID
    external_id: str | None
    content_hash: bytes | None
    schema_version: int
    fields: dict[str, FieldValue] | None
    redactions: Redactions
    slice: dict[str, Any]
    purposes: list[str]
    split: Split
    origin: Origin
    priority: int
    collected_by_chance: bool
    revision: int
    state: RecordState
    label_revision: int  # how many revisions of a label it has had
    accepted_at: datetime
    erased_at: datetime | None
    erased_because: str | None

    def payload(self) -> RecordAccepted:
        """The event that published it; only while it has its content."""
        return RecordAccepted(
            schema_version=self.schema_version,
            fields=self.fields or {},
            slice=self.slice,
            split=self.split,
            origin=self.origin,
            purposes=self.purposes,
            priority=self.priority,
            collected_by_chance=self.collected_by_chance,
        )


@dataclass(frozen=True, slots=True)
class RecordHead:
    """A record without its content. An erased one has no content hash."""

    erased: bool
    content_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Held:
    """A record that already has this external id or this content. An erased one has no content hash."""

    record_id: UUID
    erased: bool
    content_hash: bytes | None
    slice: dict[str, Any]
    purposes: list[str]


@dataclass(frozen=True, slots=True)
class HeldRecords:
    by_external: dict[bytes, Held]
    by_content: dict[bytes, Held]

    def of(self, candidate: RecordCandidate) -> Held | None:
        """The record with the same external id, else the one with the same content."""
        found = None if candidate.external_hash is None else self.by_external.get(candidate.external_hash)
        return found or self.by_content.get(candidate.content_hash)


async def insert(session: Session, project_id: UUID, candidates: Sequence[RecordCandidate]) -> set[UUID]:
    """Keep the candidates whose external id and content are new; return their ids."""
    rows = await session.raw.fetch(
        _INSERT,
        project_id,
        [item.record_id for item in candidates],
        [item.external_id for item in candidates],
        [item.external_hash for item in candidates],
        [item.content_hash for item in candidates],
        [_rest(item) for item in candidates],
    )
    return {row[0] for row in rows}


async def find_held(session: Session, project_id: UUID, candidates: Collection[RecordCandidate]) -> HeldRecords:
    """Which records already have the candidates' external ids and contents."""
    held = HeldRecords({}, {})
    external = [item.external_hash for item in candidates if item.external_hash is not None]
    content = [item.content_hash for item in candidates if item.content_hash]
    for row in await session.raw.fetch(_BY_HASH, project_id, external, content):
        found = _held(row)
        if row["external_hash"] is not None:
            held.by_external.setdefault(row["external_hash"], found)
        elif found.content_hash is not None:
            held.by_content[found.content_hash] = found
    return held


async def find_aliases(session: Session, project_id: UUID, external_hashes: Collection[bytes]) -> HeldRecords:
    """The records that these external ids lead to beside their own."""
    rows = await session.raw.fetch(_BY_ALIAS, project_id, list(external_hashes))
    return HeldRecords({row["external_hash"]: _held(row) for row in rows}, {})


async def add_aliases(
    session: Session, project_id: UUID, aliases: Mapping[bytes, tuple[UUID, str | None]]
) -> set[bytes]:
    """Let external ids, by their hashes, lead to these records, too.

    Returns the hashes of those that were added: no aliases before, of records that aren't erased.
    """
    if not aliases:
        return set()
    record_ids, external_ids = zip(*aliases.values(), strict=True)
    rows = await session.raw.fetch(_ADD_ALIASES, project_id, list(aliases), record_ids, external_ids)
    return {row["external_hash"] for row in rows}


async def aliases(session: Session, record_id: UUID) -> list[str]:
    """The external ids that lead to the record beside its own, the first thousand of them."""
    return [row["external_id"] for row in await session.raw.fetch(_ALIASES, record_id)]


async def forget_aliases(session: Session, record_id: UUID) -> None:
    """Keep only the hashes of a record's other external ids."""
    await session.raw.execute(_FORGET_ALIASES, record_id)


async def load(session: Session, record_id: UUID, *, lock: bool = False) -> StoredRecord | None:
    row = await session.raw.fetchrow(_LOCK if lock else _FIND, record_id)
    return None if row is None else _stored(row)


async def lock(session: Session, project_id: UUID, record_ids: Collection[UUID]) -> dict[UUID, RecordHead]:
    """Those of the records that are the project's, locked in the order of their ids, without their content."""
    rows = await session.raw.fetch(_LOCK_HEADS, project_id, list(record_ids))
    return {row["record_id"]: RecordHead(row["state"] == RecordState.ERASED, row["content_hash"]) for row in rows}


async def content_sizes(session: Session, project_id: UUID, record_ids: Collection[UUID]) -> dict[UUID, int]:
    """About how many bytes `contents` has of each record."""
    return dict(await session.raw.fetch(_CONTENT_SIZES, project_id, list(record_ids)))


async def contents(session: Session, project_id: UUID, record_ids: Collection[UUID]) -> dict[UUID, StoredContent]:
    """What those of the records hold that are the project's and not erased."""
    rows = await session.raw.fetch(_CONTENTS, project_id, list(record_ids))
    return {row["record_id"]: StoredContent(row["content_hash"], row["fields"], row["redactions"]) for row in rows}


async def find_external(session: Session, project_id: UUID, external_hashes: Collection[bytes]) -> dict[bytes, UUID]:
    """The records that have these external ids, or that they lead to; a record's own comes first."""
    rows = await session.raw.fetch(_BY_EXTERNAL, project_id, list(external_hashes))
    return {row["external_hash"]: row["record_id"] for row in rows}


async def page(session: Session, project_id: UUID, after: UUID, filters: Filters, limit: int) -> list[dict[str, Any]]:
    """Records by id, the first one after `after`, without their content."""
    return [dict(row) for row in await session.raw.fetch(_PAGES[filters], project_id, after, limit)]


async def page_of_one(
    session: Session, project_id: UUID, record_id: UUID, after: UUID, filters: Filters
) -> list[dict[str, Any]]:
    """The record as `page` has it, unless that leaves it out."""
    row = await session.raw.fetchrow(_ONE, project_id, record_id)
    wanted = zip(("split", "origin", "state"), filters, strict=True)
    if row is None or record_id <= after or any(value not in {None, row[name]} for name, value in wanted):
        return []
    return [dict(row)]


@dataclass(frozen=True, slots=True)
class StateChange:
    """What an event means for a record: `revision` orders it among the others, `label_revision` is 0 where it has none."""

    record_id: UUID
    state: RecordState
    revision: int
    label_revision: int


async def set_states(session: Session, changes: Sequence[StateChange]) -> None:
    """Note how records ended, one change each, unless something later was noted or they are erased."""
    ids = [change.record_id for change in changes]
    await session.raw.execute(_LOCK_MANY, ids)
    await session.raw.execute(
        _SET_STATES,
        ids,
        [change.state for change in changes],
        [change.revision for change in changes],
        [change.label_revision for change in changes],
    )


async def erase(session: Session, record_id: UUID, now: datetime, reason: str) -> int:
    """Delete the content of a locked record and of what was reported of it; return its new revision."""
    await session.raw.execute(_ERASE_FEEDBACK, record_id)
    revision: int = await session.raw.fetchval(_ERASE, record_id, now, reason)
    return revision


async def open_by_schema(session: Session, project_id: UUID, newest: int) -> dict[int, int]:
    """How many open records there are of each schema version, among so many of the newest."""
    rows = await session.raw.fetch(_OPEN_BY_SCHEMA, project_id, newest)
    return {row["schema_version"]: row["records"] for row in rows}


async def after(session: Session, record_id: UUID) -> list[StoredRecord]:
    """Some records in the order of their ids."""
    return [_stored(row) for row in await session.raw.fetch(_AFTER, record_id)]


def _held(row: Any) -> Held:
    return Held(
        record_id=row["record_id"],
        erased=row["state"] == RecordState.ERASED,
        content_hash=row["content_hash"],
        slice=jsonb.load(row["slice"]) or {},
        purposes=jsonb.load(row["purposes"]) or [],
    )


def _stored(row: Any) -> StoredRecord:
    return StoredRecord(
        record_id=row["record_id"],
        project_id=row["project_id"],
        external_id=row["external_id"],
        content_hash=row["content_hash"],
        schema_version=row["schema_version"],
        fields=None if row["fields"] is None else parse_fields(jsonb.load(row["fields"])),
        redactions=jsonb.load(row["redactions"]) or {},
        slice=jsonb.load(row["slice"]) or {},
        purposes=jsonb.load(row["purposes"]) or [],
        split=Split(row["split"]),
        origin=Origin(row["origin"]),
        priority=row["priority"],
        collected_by_chance=row["collected_by_chance"],
        revision=row["revision"],
        state=RecordState(row["state"]),
        label_revision=row["newest_label_revision"],
        accepted_at=row["accepted_at"],
        erased_at=row["erased_at"],
        erased_because=row["erased_because"],
    )


def _rest(item: RecordCandidate) -> str | None:
    rest: dict[str, Any] = {
        "schema_version": item.schema_version,
        "fields": item.fields,
        "slice": item.slice,
        "purposes": item.purposes,
        "split": item.split,
        "origin": item.origin,
        "priority": item.priority,
        "collected_by_chance": item.collected_by_chance,
    }
    if item.redactions:
        rest["redactions"] = item.redactions
    return jsonb.dump(rest)
