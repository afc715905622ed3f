"""What becomes of erased records in a service: their events are redacted, and a report says what is left, place by place.

A service notes an erasure in the transaction that deletes its content (`note`). The loop `erasures` does the rest, outside
that transaction, and publishes the report again whenever it has changed, until every place is done.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.contracts.events import ErasureReported
from shared.kit import redaction
from shared.kit.bus import Bus, own_topics
from shared.kit.clock import utc_now
from shared.kit.database import Database, Session
from shared.kit.jsonb import dump, load
from shared.kit.outbox import Outgoing, publish_many

ERASURES: Final = "erasures"
"""The loop."""

KEPT_FOR_A_TIME: Final = "kept_for_a_time"
"""What is kept is dropped by age, and by nothing else."""

NOT_READ_YET: Final = "not_read_yet"
"""Somebody has yet to read the events."""

_KEY_BYTES: Final = 16
_AT_ONCE: Final = 500
_PROJECTS_AT_ONCE: Final = 100
_SOONEST: Final = timedelta(seconds=2)
_LATEST: Final = timedelta(minutes=10)
_SHARE_OF_AGE: Final = 10

_NOTE: Final = """
INSERT INTO erasures (record_id, project_id, erased_at, look_at)
SELECT record_id, project_id, $3, $3 FROM unnest($1::uuid[], $2::uuid[]) AS row (record_id, project_id)
ORDER BY record_id ON CONFLICT (record_id) DO NOTHING
"""
_COLUMNS: Final = "record_id, project_id, erased_at, outbox_at, bus_at, report, revision, look_at"
_DUE: Final = f"SELECT {_COLUMNS} FROM erasures WHERE look_at <= $1 ORDER BY look_at LIMIT $2"  # noqa: S608
_LOCK: Final = f"""
SELECT {_COLUMNS} FROM erasures WHERE record_id = ANY($1::uuid[]) ORDER BY record_id FOR UPDATE
"""  # noqa: S608
_ON_BUS: Final = """
SELECT record_id FROM erasures WHERE record_id = ANY($1::uuid[]) AND outbox_at IS NOT NULL AND bus_at IS NULL
"""
_FIND: Final = f"SELECT {_COLUMNS} FROM erasures WHERE record_id = $1"  # noqa: S608
_NEXT: Final = "SELECT min(look_at) FROM erasures WHERE look_at IS NOT NULL"
_OUT_OF_OUTBOX: Final = "UPDATE erasures SET outbox_at = $2 WHERE record_id = ANY($1::uuid[]) AND outbox_at IS NULL"
_OUT_OF_BUS: Final = "UPDATE erasures SET bus_at = $2 WHERE record_id = ANY($1::uuid[]) AND bus_at IS NULL"
_LOOK_AGAIN: Final = "UPDATE erasures SET look_at = $2 WHERE project_id = ANY($1::uuid[]) AND look_at IS NOT NULL"
_SAVE: Final = """
UPDATE erasures AS e SET report = new.report, revision = new.revision, look_at = new.look_at
FROM unnest($1::uuid[], $2::jsonb[], $3::int[], $4::timestamptz[]) AS new (record_id, report, revision, look_at)
WHERE e.record_id = new.record_id
"""
_AFTER: Final = f"""
SELECT {_COLUMNS} FROM erasures WHERE record_id > $1 AND revision > 0 ORDER BY record_id LIMIT 500
"""  # noqa: S608
_ERASED: Final = "SELECT record_id FROM erasures WHERE record_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erased record. `outbox_at` and `bus_at`: since when nothing of it is there; `revision` counts the reports.

    `look_at`: when its places are looked at again; None once all is done.
    """

    record_id: UUID
    project_id: UUID
    erased_at: datetime
    outbox_at: datetime | None
    bus_at: datetime | None
    report: Sequence[ErasedPlace]
    revision: int
    look_at: datetime | None


Places = Mapping[UUID, Sequence[ErasedPlace]]


@dataclass(frozen=True, slots=True)
class PendingPlace:
    """A place of a service where something of erased records is left; `oldest_s`: since when they are erased."""

    service: str
    place: str
    records: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class ErasureSpec:
    """How a service reports: `places` looks at those of its own, for many records at once, in one statement each.

    `event` is what it publishes. The service that the reports go to has none: it has `keep` for its own, and `pending`, which
    counts what is left anywhere.
    """

    places: Callable[[Session, Sequence[Erasure]], Awaitable[Places]]
    event: type[ErasureReported] | None = None
    keep: Callable[[Session, Sequence[Erasure]], Awaitable[None]] | None = None
    pending: Callable[[Session], Awaitable[Sequence[PendingPlace]]] | None = None


class ErasingRuntime(Protocol):
    """What the loop needs of a service's runtime."""

    @property
    def database(self) -> Database: ...
    @property
    def spec(self) -> Any: ...
    @property
    def settings(self) -> Any: ...


async def note(session: Session, erased: Collection[tuple[UUID, UUID]], at: datetime) -> None:
    """Note erased records, given with their projects, in the transaction that deletes their content."""
    if erased:
        await session.raw.execute(_NOTE, [one for one, _ in erased], [one for _, one in erased], at)


async def look_again(session: Session, project_ids: Collection[UUID], at: datetime) -> None:
    """Something has changed that places of these projects wait for."""
    await session.raw.execute(_LOOK_AGAIN, list(project_ids), at)


async def find(session: Session, record_id: UUID) -> Erasure | None:
    row = await session.raw.fetchrow(_FIND, record_id)
    return None if row is None else _erasure(row)


async def current(session: Session, spec: ErasureSpec | None) -> AsyncIterator[Outgoing]:
    """The newest report of every erased record, with the revision it has."""
    if spec is None or spec.event is None:
        return
    last = UUID(int=0)
    while rows := await session.raw.fetch(_AFTER, last):
        for one in map(_erasure, rows):
            yield _outgoing(spec.event, one)
        last = rows[-1]["record_id"]


async def erased_among(session: Session, record_ids: Collection[UUID]) -> set[UUID]:
    """Which of the records are erased."""
    return {row["record_id"] for row in await session.raw.fetch(_ERASED, list(record_ids))}


async def drop_late_parked(session: Session, keys: Collection[bytes]) -> None:
    """Delete those parked events of these keys that came after their records were erased here."""
    erased = await erased_among(session, _records(keys))
    if erased:
        await redaction.drop_parked(session, erased)


async def without_erased(session: Session, key: bytes, envelope: bytes) -> bytes:
    """The event of this key; without its payload if its record is erased here."""
    if not await erased_among(session, _records([key])):
        return envelope
    return redaction.redacted(envelope) or envelope


def _records(keys: Collection[bytes]) -> list[UUID]:
    return [UUID(bytes=key) for key in keys if len(key) == _KEY_BYTES]


def latest(erased_at: datetime, retention_days: int) -> datetime:
    """When what is dropped by age is gone: days are dropped as a whole, so one day after its retention."""
    return erased_at + timedelta(days=retention_days + 1)


async def work(runtime: ErasingRuntime, bus: Bus) -> float | None:
    """Redact and report what is due; return in how many seconds more is."""
    spec: ErasureSpec = runtime.spec.erasure
    while True:
        async with runtime.database.autocommit() as session:
            due = [_erasure(row) for row in await session.raw.fetch(_DUE, utc_now(), _AT_ONCE)]
        if due:
            await _redact(runtime, bus, due)
            await _report(runtime.database, spec, due, runtime.settings.event_retention_days)
        if len(due) < _AT_ONCE:
            break
    async with runtime.database.autocommit() as session:
        next_at = await session.raw.fetchval(_NEXT)
    return None if next_at is None else max(0.0, (next_at - utc_now()).total_seconds())


async def _redact(runtime: ErasingRuntime, bus: Bus, due: Sequence[Erasure]) -> None:
    database = runtime.database
    in_outbox = {one.record_id: one.project_id for one in due if one.outbox_at is None}
    async with database.transaction() as session:
        await redaction.drop_parked(session, [one.record_id for one in due])
    if in_outbox:
        gone = in_outbox.keys() - await redaction.redact_outbox(database, in_outbox)
        async with database.autocommit() as session:
            await session.raw.execute(_OUT_OF_OUTBOX, sorted(gone), utc_now())
    async with database.autocommit() as session:
        rows = await session.raw.fetch(_ON_BUS, [one.record_id for one in due])
    in_bus = {row["record_id"].bytes: row["record_id"] for row in rows}
    if in_bus:
        out = await bus.redact(own_topics(runtime.spec.name), frozenset(in_bus), redaction.redacted)
        async with database.autocommit() as session:
            await session.raw.execute(_OUT_OF_BUS, sorted(in_bus[key] for key in out), utc_now())


async def _report(database: Database, spec: ErasureSpec, due: Sequence[Erasure], retention_days: int) -> None:
    now = utc_now()
    async with database.transaction() as session:
        rows = await session.raw.fetch(_LOCK, [one.record_id for one in due])
        erasures = [_erasure(row) for row in rows]
        own = await spec.places(session, erasures)
        saved: list[tuple[UUID, str | None, int, datetime | None]] = []
        reported: list[Erasure] = []
        for one in erasures:
            until = latest(one.erased_at, retention_days)
            places = [*own.get(one.record_id, ()), *_published(one, until, now)]
            changed = places != list(one.report)
            revision = one.revision + changed
            saved.append((one.record_id, dump(places), revision, _next_look(one, places, now)))
            if changed:
                reported.append(replace(one, report=places, revision=revision))
        await session.raw.execute(_SAVE, *map(list, zip(*saved, strict=True)))
        if spec.event is not None:
            await publish_many(session, [_outgoing(spec.event, one) for one in reported])
        if spec.keep is not None:
            await spec.keep(session, reported)


def _outgoing(event: type[ErasureReported], one: Erasure) -> Outgoing:
    payload = event(erased_at=one.erased_at, places=list(one.report))
    return Outgoing(payload=payload, project_id=one.project_id, record_id=one.record_id, revision=one.revision)


def _published(one: Erasure, until: datetime, now: datetime) -> list[ErasedPlace]:
    """What the service has published of the record: in its database, and on the bus."""
    reason = KEPT_FOR_A_TIME if one.outbox_at is not None else NOT_READ_YET
    return [_place("outbox", one.outbox_at, until, NOT_READ_YET, now), _place("bus", one.bus_at, until, reason, now)]


def _place(name: str, done_at: datetime | None, until: datetime, reason: str, now: datetime) -> ErasedPlace:
    if done_at is None and now >= until:
        done_at = until
    if done_at is not None:
        return ErasedPlace(place=name, state=PlaceState.DONE, done_at=done_at)
    return ErasedPlace(place=name, state=PlaceState.PENDING, until=until, reason=reason)


def _next_look(one: Erasure, places: Sequence[ErasedPlace], now: datetime) -> datetime | None:
    """Soon at first, and less and less often; None when nothing is left to wait for."""
    if all(place.state is not PlaceState.PENDING for place in places):
        return None
    return now + min(_LATEST, max(_SOONEST, (now - one.erased_at) / _SHARE_OF_AGE))


def _erasure(row: Any) -> Erasure:
    report = [] if row["report"] is None else [ErasedPlace.model_validate(place) for place in load(row["report"])]
    return Erasure(
        row["record_id"], row["project_id"], row["erased_at"], row["outbox_at"], row["bus_at"], report, row["revision"],
        row["look_at"],
    )  # fmt: skip
