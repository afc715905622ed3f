"""What the other services report of erased records, and the files that erased records held."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from shared.contracts.erasure import ErasedPlace
from shared.kit.database import Session
from shared.kit.erasures import PendingPlace
from shared.kit.jsonb import load

_PLACES: TypeAdapter[list[ErasedPlace]] = TypeAdapter(list[ErasedPlace])
_KEEP = """
INSERT INTO erasure_reports AS held (record_id, service, revision, erased_at, places)
SELECT record_id, $1, revision, erased_at, places
FROM unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::jsonb[]) AS row (record_id, revision, erased_at, places)
ORDER BY record_id
ON CONFLICT (record_id, service) DO UPDATE SET revision = excluded.revision, places = excluded.places
WHERE held.revision < excluded.revision
"""
_EXPECT = """
INSERT INTO erasure_reports (record_id, service, revision, erased_at, places)
SELECT $1, service, 0, $3, $4 FROM unnest($2::text[]) AS service ON CONFLICT DO NOTHING
"""
_OF_RECORD = "SELECT service, places FROM erasure_reports WHERE record_id = $1 AND revision > 0"
_PENDING = """
SELECT service, pending, count(*) AS records, extract(epoch FROM clock_timestamp() - min(erased_at))::float8 AS oldest_s
FROM erasure_reports WHERE pending <> '[]' GROUP BY service, pending
"""
_NOTE_FILES = "INSERT INTO erased_files (record_id, asset_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING"
_TO_DELETE_OF = """
SELECT DISTINCT f.record_id FROM erased_files AS f JOIN asset_deletions USING (asset_id) WHERE f.record_id = ANY($1::uuid[])
"""


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What a service has erased of a record, as it last reported."""

    record_id: UUID
    revision: int
    erased_at: datetime
    places: Sequence[ErasedPlace]


async def keep(session: Session, service: str, reports: Collection[ServiceReport]) -> None:
    """Keep the reports that are newer than what is here; none of the records may occur twice."""
    ordered = list(reports)
    await session.raw.execute(
        _KEEP,
        service,
        [one.record_id for one in ordered],
        [one.revision for one in ordered],
        [one.erased_at for one in ordered],
        [_PLACES.dump_json(list(one.places)).decode() for one in ordered],
    )


async def expect(session: Session, record_id: UUID, services: Sequence[str], at: datetime, left: ErasedPlace) -> None:
    """Note what is left of a record that is erased now in each of these services, until it reports."""
    await session.raw.execute(_EXPECT, record_id, services, at, _PLACES.dump_json([left]).decode())


async def pending(session: Session) -> list[PendingPlace]:
    """The places where something of erased records is left."""
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for row in await session.raw.fetch(_PENDING):
        for place in load(row["pending"]):
            records, oldest_s = found.get((row["service"], place), (0, 0.0))
            found[row["service"], place] = (records + row["records"], max(oldest_s, row["oldest_s"]))
    return [PendingPlace(*where, *left) for where, left in found.items()]


async def of_record(session: Session, record_id: UUID) -> dict[str, list[ErasedPlace]]:
    """The places of the other services, by service."""
    rows = await session.raw.fetch(_OF_RECORD, record_id)
    return {row["service"]: _PLACES.validate_json(row["places"]) for row in rows}


async def note_files(session: Session, record_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Note which files go with an erased record."""
    await session.raw.execute(_NOTE_FILES, record_id, asset_ids)


async def with_files(session: Session, record_ids: Collection[UUID]) -> set[UUID]:
    """Those of the erased records with files that are not deleted yet."""
    return {row["record_id"] for row in await session.raw.fetch(_TO_DELETE_OF, list(record_ids))}
