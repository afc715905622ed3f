"""The one row of a record: everything that changes a record locks it first."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from services.qa.domain.record import Record
from services.qa.storage import routes
from services.qa.storage.chain import LINK_COLUMNS, LINK_TYPES, RecordLink, link_columns
from services.qa.storage.labels import LABEL_COLUMNS, LABEL_TYPES, Label, label_columns
from shared.contracts.fields import FieldValue, parse_fields
from shared.contracts.values import RecordState, Route, Split
from shared.kit.database import Session
from shared.kit.jsonb import dump, load, loaded

_TYPES = {
    "known": "boolean",
    "source_revision": "integer",
    "state": "text",
    "state_reason": "text",
    "state_event": "text",
    "state_revision": "integer",
    "state_at": "timestamptz",
    "revision": "integer",
    "split": "text",
    "origin": "text",
    "collected_by_chance": "boolean",
    "routed_revision": "integer",
    "route": "text",
    "routed_round": "integer",
    "routed_total": "integer",
    "routed_task_id": "uuid",
    "audit": "boolean",
    "blind": "boolean",
    "explored": "boolean",
    "schema_version": "integer",
    "guideline_version": "integer",
    "policy_version": "integer",
    "routed_prediction_id": "uuid",
    "due_total": "integer",
    "due_without_model": "boolean",
    "round": "integer",
    "round_is_final": "boolean",
    "requested_total": "integer",
    "arbitrating": "boolean",
    "unservable": "boolean",
    "servable_again": "boolean",
    "unservable_at": "timestamptz",
    "request": "jsonb",
    "label_revision": "integer",
    "under_review": "boolean",
    "review_reason": "text",
    "contrary_reports": "integer",
    "decision_final_for": "integer",
    "expert_checked": "boolean",
    "ever_gold": "boolean",
    "annotated": "boolean",
    "reported": "boolean",
    "verdict_pending": "boolean",
    "salt": "bytea",
    "chain_length": "integer",
    "chain_head": "bytea",
}
_ROUTED = (
    "routed_revision",
    "route",
    "routed_round",
    "routed_total",
    "routed_task_id",
    "audit",
    "blind",
    "explored",
    "schema_version",
    "guideline_version",
    "policy_version",
    "routed_prediction_id",
    "due_total",
    "due_without_model",
)
"""What a route alone changes: most records are routed and then wait for people."""

_COLUMNS = ", ".join(one.name for one in fields(Record))


def _arrays(types: Iterable[str], first: int) -> str:
    return ", ".join(f"${place}::{each}[]" for place, each in enumerate(types, start=first))


def _update(names: Collection[str]) -> str:
    return f"""
UPDATE records SET {", ".join(f"{name} = changed.{name}" for name in names)}
FROM unnest({_arrays(["uuid", *(_TYPES[name] for name in names)], 1)}) AS changed (record_id, {", ".join(names)})
WHERE records.record_id = changed.record_id
"""  # noqa: S608  our own column names


_SELECT = f"SELECT {_COLUMNS} FROM records WHERE record_id = $1"  # noqa: S608  our own column names
_LOCK = f"""
SELECT {", ".join(f"records.{one.name}" for one in fields(Record))}, projects.digest
FROM records LEFT JOIN projects ON projects.project_id = records.project_id
WHERE record_id = ANY($1::uuid[]) ORDER BY record_id FOR UPDATE OF records
"""  # noqa: S608  our own column names
_LOCK_ROWS = "SELECT FROM records WHERE record_id = ANY($1::uuid[]) ORDER BY record_id FOR UPDATE"
_INSERT = """
INSERT INTO records (record_id, project_id, annotated, reported)
SELECT record_id, project_id, false, false FROM unnest($1::uuid[], $2::uuid[]) AS new (record_id, project_id)
ORDER BY record_id
ON CONFLICT (record_id) DO NOTHING RETURNING record_id, state_at
"""
_SAVE = _update(tuple(_TYPES))
_SAVE_ROUTES = _update(_ROUTED)
_LINKED = f"""linked AS (
    INSERT INTO chain_links ({", ".join(LINK_COLUMNS)})
    SELECT * FROM unnest({_arrays(LINK_TYPES, len(_TYPES) + 2)})
)"""  # noqa: S608  our own column names
_LABELLED = f"""labelled AS (
    INSERT INTO labels ({", ".join(LABEL_COLUMNS)})
    SELECT * FROM unnest({_arrays(LABEL_TYPES, len(_TYPES) + 2 + len(LINK_TYPES))})
)"""  # noqa: S608  our own column names
_SAVE_WITH_LINKS = f"WITH {_LINKED} {_SAVE}"
_SAVE_WITH_LABELS = f"WITH {_LINKED}, {_LABELLED} {_SAVE}"

_HERE = "SELECT record_id FROM records WHERE record_id = ANY($1::uuid[])"
# A record that is new here: everything that came with it, in one row. `fields` and the like are read by exports.
_NEW = (
    "record_id", "project_id", "source_revision", "split", "origin", "collected_by_chance", "fields", "slice", "purposes",
    "entry_schema_version", "known", "annotated", "reported",
)  # fmt: skip
_SAVE_CONTENT = """
UPDATE records SET fields = new.fields, slice = new.slice,
    purposes = ARRAY(SELECT jsonb_array_elements_text(new.purposes)), entry_schema_version = new.schema_version
FROM unnest($1::uuid[], $2::jsonb[], $3::jsonb[], $4::jsonb[], $5::integer[])
    AS new (record_id, fields, slice, purposes, schema_version)
WHERE records.record_id = new.record_id
"""
_CONTENTS = "SELECT record_id, fields FROM records WHERE record_id = ANY($1::uuid[]) AND fields IS NOT NULL"

# One statement per table that holds content; what its history consists of stays.
_ERASE = (
    """
    UPDATE records SET fields = NULL, slice = NULL, purposes = '{}', salt = NULL, request = NULL
    WHERE record_id = ANY($1::uuid[])
    """,
    """
    WITH erased AS (
        UPDATE annotations SET answers = NULL, reason = NULL WHERE record_id = ANY($1::uuid[])
        RETURNING project_id, record_id
    )
    INSERT INTO agreement_changes (project_id, record_id) SELECT DISTINCT project_id, record_id FROM erased
    """,
    "UPDATE predictions SET answers = NULL, distributions = NULL WHERE record_id = ANY($1::uuid[])",
    "UPDATE labels SET answers = NULL WHERE record_id = ANY($1::uuid[])",
    "UPDATE decisions SET answers = NULL, reason = NULL WHERE record_id = ANY($1::uuid[])",
    "UPDATE disputes SET disputed = NULL WHERE record_id = ANY($1::uuid[])",
    "UPDATE gold SET answers = NULL, note = NULL, ended_reason = NULL WHERE record_id = ANY($1::uuid[])",
    "UPDATE feedback SET prediction = NULL, correction = NULL, effect = 'kept' WHERE record_id = ANY($1::uuid[])",
    "UPDATE skips SET reason = NULL WHERE record_id = ANY($1::uuid[])",
    "DELETE FROM label_doubts WHERE record_id = ANY($1::uuid[])",
)

_OPEN_WITH_VOTES_OF = """
SELECT DISTINCT records.record_id FROM annotations
JOIN records ON records.record_id = annotations.record_id AND records.round = annotations.round
WHERE annotations.project_id = $1 AND annotations.annotator_id = $2 AND annotations.role = 'vote'
    AND (records.state = 'open' OR records.under_review) AND records.record_id > $3
ORDER BY records.record_id LIMIT $4
"""

# By the index `records_waiting`, which holds nothing else.
_OPEN_AND_ANNOTATED = """
SELECT record_id FROM records
WHERE project_id = $1 AND known AND state = 'open' AND record_id > $2 AND annotated AND round = 1
    AND requested_total > due_total
ORDER BY record_id LIMIT $3
"""

_PAGE_FOR_REPUBLISH = f"""
SELECT {_COLUMNS} FROM records WHERE record_id > $1 AND revision > 0 ORDER BY record_id LIMIT $2
"""  # noqa: S608  our own column names

_ENTRY = """
SELECT record_id, project_id, split, origin, collected_by_chance, purposes, entry_schema_version, slice, source_revision
FROM records WHERE record_id = $1
"""

NOWHERE = UUID(int=0)
"""Before every id: where a keyset list begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A record as its owner published it."""

    record_id: UUID
    project_id: UUID
    source_revision: int
    split: Split
    origin: str
    collected_by_chance: bool
    fields: Mapping[str, Any]
    slice: Mapping[str, Any]
    purposes: Sequence[str]
    schema_version: int


@dataclass(frozen=True, slots=True)
class LockedRecords:
    """Records under their locks, and the digest of their projects' newest copy, None where there is none."""

    records: Mapping[UUID, Record]
    digests: Mapping[UUID, str]


async def with_first_routes(session: Session, records: Collection[Record]) -> None:
    """Fill in the routes of records whose row has none: the first one is kept in its table alone, until it is saved."""
    unrouted = {
        one.record_id: one for one in records if one.routed_revision == 0 and one.state is not RecordState.ERASED
    }
    if unrouted:
        for record_id, (revision, routed) in (await routes.newest(session, unrouted)).items():
            unrouted[record_id].take_route(revision, routed)


def record_of(row: Mapping[str, Any]) -> Record:
    """The record of a row; what was not selected is as in a new one."""
    found = dict(row)
    found.pop("digest", None)
    found["state"] = RecordState(found["state"])
    found["split"] = Split(found["split"]) if found["split"] else None
    found["route"] = Route(found["route"]) if found["route"] else None
    found["request"] = load(found.get("request"))
    return Record(**found)


async def lock(session: Session, record_ids: Iterable[UUID]) -> LockedRecords:
    """Lock those of the records that are here, in the order of their ids, until the transaction ends."""
    rows = await session.raw.fetch(_LOCK, sorted(record_ids))
    records = {row["record_id"]: record_of(row) for row in rows}
    await with_first_routes(session, records.values())
    return LockedRecords(records, {row["project_id"]: row["digest"] for row in rows if row["digest"] is not None})


async def lock_rows(session: Session, record_ids: Collection[UUID]) -> None:
    """Lock records without reading them."""
    await session.raw.execute(_LOCK_ROWS, sorted(record_ids))


async def add_empty(session: Session, wanted: Mapping[UUID, UUID]) -> dict[UUID, Record]:
    """Add records, given with their projects, of which nothing has come yet; returns them locked."""
    ids = sorted(wanted)
    rows = await session.raw.fetch(_INSERT, ids, [wanted[one] for one in ids])
    found = {
        row["record_id"]: Record(row["record_id"], wanted[row["record_id"]], state_at=row["state_at"]) for row in rows
    }
    raced = [one for one in ids if one not in found]
    if raced:
        found |= (await lock(session, raced)).records
    return found


async def lock_known(session: Session, record_ids: Collection[UUID]) -> dict[UUID, Record]:
    """Those of the records that ingest has published, under their locks."""
    locked = (await lock(session, record_ids)).records
    return {record_id: record for record_id, record in locked.items() if record.known}


async def find(session: Session, record_id: UUID) -> Record | None:
    """The record as it stands, without its lock; None when ingest has not published it."""
    row = await session.raw.fetchrow(_SELECT, record_id)
    if row is None or not row["known"]:
        return None
    record = record_of(row)
    await with_first_routes(session, [record])
    return record


async def add(session: Session, new: Sequence[NewRecord]) -> set[UUID]:
    """Add records of which nothing has come yet; returns the ids of those added, the others were here.

    Raises asyncpg.UniqueViolationError if another transaction adds one of them meanwhile.
    """
    here = {row["record_id"] for row in await session.raw.fetch(_HERE, [one.record_id for one in new])}
    added = sorted((one for one in new if one.record_id not in here), key=lambda one: one.record_id)
    await session.raw.copy_records_to_table("records", records=map(_new_row, added), columns=_NEW)
    return {one.record_id for one in added}


def _new_row(new: NewRecord) -> tuple[Any, ...]:
    """The values of `_NEW`."""
    return (
        new.record_id, new.project_id, new.source_revision, new.split, new.origin, new.collected_by_chance,
        dump(new.fields), dump(new.slice), new.purposes, new.schema_version, True, False, False,
    )  # fmt: skip


async def save_content(session: Session, new: Sequence[NewRecord]) -> None:
    """Keep what records carry whose row is here."""
    await session.raw.execute(
        _SAVE_CONTENT,
        [one.record_id for one in new],
        [dump(one.fields) for one in new],
        [dump(one.slice) for one in new],
        [dump(one.purposes) for one in new],
        [one.schema_version for one in new],
    )


def _columns(records: Sequence[Record], names: Iterable[str]) -> list[list[Any]]:
    columns = [[getattr(one, name) for one in records] for name in ("record_id", *names)]
    if "request" in names:
        place = 1 + list(names).index("request")
        columns[place] = [dump(one) for one in columns[place]]
    return columns


async def save(
    session: Session, records: Sequence[Record], links: Sequence[RecordLink] = (), labels: Sequence[Label] = ()
) -> None:
    """Save locked records, the new links of their chains and the new revisions of their labels, in one statement."""
    if labels:
        added = (*link_columns(links), *label_columns(labels))
        await session.raw.execute(_SAVE_WITH_LABELS, *_columns(records, _TYPES), *added)
    elif links:
        await session.raw.execute(_SAVE_WITH_LINKS, *_columns(records, _TYPES), *link_columns(links))
    elif records:
        await session.raw.execute(_SAVE, *_columns(records, _TYPES))


async def save_routes(session: Session, records: Sequence[Record]) -> None:
    """Save of locked records what a route alone changes, unless it is the first one, which the table of routes has."""
    if records:
        await session.raw.execute(_SAVE_ROUTES, *_columns(records, _ROUTED))


async def contents(session: Session, record_ids: Collection[UUID]) -> dict[UUID, dict[str, FieldValue]]:
    """What records carry; one that is erased is missing."""
    rows = await session.raw.fetch(_CONTENTS, list(record_ids))
    return {row["record_id"]: parse_fields(load(row["fields"])) for row in rows}


async def erase_content(session: Session, record_ids: Collection[UUID]) -> None:
    """Delete what records carry and what people and models answered, in every table."""
    for statement in _ERASE:
        await session.raw.execute(statement, list(record_ids))


async def open_with_votes_of(
    session: Session, project_id: UUID, annotator_id: UUID, after: UUID | None, limit: int
) -> list[UUID]:
    """Records that are not decided yet and count an annotation of this annotator."""
    rows = await session.raw.fetch(_OPEN_WITH_VOTES_OF, project_id, annotator_id, after or NOWHERE, limit)
    return [row["record_id"] for row in rows]


async def open_and_annotated(session: Session, project_id: UUID, after: UUID | None, limit: int) -> list[UUID]:
    """Open records that were annotated, and for which more was requested than was due."""
    rows = await session.raw.fetch(_OPEN_AND_ANNOTATED, project_id, after or NOWHERE, limit)
    return [row["record_id"] for row in rows]


async def page_for_republish(session: Session, after: UUID | None, limit: int) -> list[Record]:
    """Records of which something was published, in the order of their ids."""
    return [record_of(row) for row in await session.raw.fetch(_PAGE_FOR_REPUBLISH, after or NOWHERE, limit)]


async def entry_of(session: Session, record_id: UUID) -> dict[str, Any] | None:
    """How the record came in, for its lineage."""
    row = await session.raw.fetchrow(_ENTRY, record_id)
    return None if row is None else loaded(row, "slice")
