"""Events that came before what they need: kept in `parked`, and given their effect when the need comes.

Parking without a race and without a deadlock: an event whose handler raised `NotYet` is rolled back whole, then written
to `parked` under the advisory lock of its need, and after that commit tried once more. Whoever brings the need takes
the same lock, so it either sees the parked row, or had committed before the second try. Locks go one way only: a
record's row, the need's advisory lock, the parked row; a parker holds none of the first while it takes the second.

Few are released by whoever brings the need. For many, that transaction only writes a row to `parked_releases`, and
`release_some` goes through them in the order of their keys, a bounded transaction at a time, each of which moves the
release's cursor along. Until the cursor has passed the parked events of a key, what comes of that key stands behind
them: an event that had what it needs looks, after its handler, whether a release has yet to come to one before it
(if the handler saw the need, the look sees the release, which came with it), and then is rolled back and parked, too.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog

from shared.kit import event_metrics as metrics
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database, DatabaseErrorKind, Session, database_error_kind
from shared.kit.dead_letters import dead_letter
from shared.kit.handlers import Delivery, Handlers, NotYet

log = structlog.get_logger()

AT_ONCE: Final = 200
"""How many parked events one transaction releases."""

POLL_S = 5.0
"""How long a release by another process may go unnoticed."""

_PARK: Final = """
WITH claimed AS (
    INSERT INTO inbox (event_id, consumer_group)
    SELECT event_id, $1 FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
    ON CONFLICT DO NOTHING RETURNING event_id
)
INSERT INTO parked (consumer_group, event_id, kind, key, topic, event_key, envelope)
SELECT $1, event_id, $3, $4, topic, event_key, envelope
FROM unnest($2::uuid[], $5::text[], $6::bytea[], $7::bytea[])
    WITH ORDINALITY AS row (event_id, topic, event_key, envelope, place)
WHERE event_id IN (SELECT event_id FROM claimed)
ORDER BY place
"""
_WAITING_FOR: Final = """
SELECT seq, event_id, kind, key, topic, event_key, envelope FROM parked
WHERE kind = $2 AND key = $3 AND consumer_group = $1 AND (event_key, seq) > ($4, $5)
ORDER BY event_key, seq LIMIT $6
"""
_WAITING: Final = """
SELECT seq, event_id, kind, key, topic, event_key, envelope FROM parked
WHERE event_id = ANY($2::uuid[]) AND consumer_group = $1 ORDER BY event_key, seq
"""
_UNPARK: Final = "DELETE FROM parked WHERE event_id = $1 AND consumer_group = $2 RETURNING seq"
_UNPARK_ALL: Final = "DELETE FROM parked WHERE event_id = ANY($1::uuid[]) AND consumer_group = $2 RETURNING seq"
_UNCLAIM: Final = "DELETE FROM inbox WHERE event_id = ANY($1::uuid[]) AND consumer_group = $2"
_MOVE: Final = "UPDATE parked SET kind = $3, key = $4 WHERE event_id = $1 AND consumer_group = $2"
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock($1)"

# What a release has yet to come to.
_TO_COME: Final = """
FROM parked AS p JOIN parked_releases AS r USING (consumer_group, kind, key)
WHERE p.consumer_group = $1 AND (p.event_key, p.seq) > (r.after_key, r.after_seq)
"""
_ANY_BEFORE: Final = f"SELECT EXISTS (SELECT {_TO_COME} AND p.event_key = ANY($2::bytea[]))"
_BEFORE: Final = f"SELECT kind, key {_TO_COME} AND p.topic = $2 AND p.event_key = $3 AND p.seq < $4 LIMIT 1"
_LAST: Final = 2**63 - 1

_IS_RELEASING: Final = (
    "SELECT EXISTS (SELECT FROM parked_releases WHERE consumer_group = $1 AND kind = $2 AND key = $3)"
)
_RELEASE: Final = "INSERT INTO parked_releases (consumer_group, kind, key) VALUES ($1, $2, $3)"
_RELEASES: Final = "SELECT DISTINCT ON (kind, key) kind, key FROM parked_releases WHERE consumer_group = $1 LIMIT 50"
_FIRST_RELEASE: Final = """
SELECT id, after_key, after_seq FROM parked_releases
WHERE consumer_group = $1 AND kind = $2 AND key = $3 ORDER BY id LIMIT 1
"""
# One that is at its beginning does for all that have been asked for so far.
_DROP_OTHERS: Final = "DELETE FROM parked_releases WHERE consumer_group = $1 AND kind = $2 AND key = $3 AND id <> $4"
_GO_ON: Final = "UPDATE parked_releases SET after_key = $2, after_seq = $3 WHERE id = $1"
_END: Final = "DELETE FROM parked_releases WHERE id = $1"

_attached: WeakKeyDictionary[Database, Handlers] = WeakKeyDictionary()


class Behind(NotYet):
    """The event has what it needs, but one before it, of its key, is being released and not yet applied."""


class _Gone(Exception):
    """Somebody else applied the parked event meanwhile."""


def attach(database: Database, handlers: Handlers) -> None:
    """Tell which handlers serve this database, so that `release_parked` finds them."""
    _attached[database] = handlers


async def park(database: Database, handlers: Handlers, deliveries: Sequence[Delivery], need: NotYet) -> None:
    """Park events that need the same, and try them once more; raises what their handlers raise then."""
    ids = [delivery.event.id for delivery in deliveries]
    async with database.transaction() as session:
        await session.raw.execute(_LOCK, _lock_of(handlers, need))
        await session.raw.execute(
            _PARK,
            handlers.group,
            ids,
            need.kind,
            need.key,
            [delivery.topic for delivery in deliveries],
            [delivery.key for delivery in deliveries],
            [delivery.raw for delivery in deliveries],
        )
    metrics.PARKED.labels(handlers.group, need.kind).inc(len(ids))
    await recheck(database, handlers, ids)


async def recheck(database: Database, handlers: Handlers, ids: Sequence[UUID]) -> None:
    """Try parked events again, each in a transaction of its own; raises what their handlers raise."""
    async with database.transaction() as session:
        rows = await session.raw.fetch(_WAITING, handlers.group, ids)
    metrics.SEEN.labels(handlers.group).inc(len(ids) - len(rows))
    missing: set[tuple[str, UUID]] = set()
    moved = []
    for row in rows:
        if (row["kind"], row["key"]) in missing:
            continue
        try:
            await _try_again(database, handlers, row)
        except NotYet as need:
            if (need.kind, need.key) == (row["kind"], row["key"]):
                missing.add((need.kind, need.key))
                continue
            async with database.transaction() as session:
                await _move(session, handlers, row, need)
            moved.append(row["event_id"])
    if moved:
        await recheck(database, handlers, moved)


async def _try_again(database: Database, handlers: Handlers, row: Any) -> None:
    """Apply a parked event, unless it stands behind one that is being released: then it is left to the release."""
    place = (row["topic"], row["event_key"], row["seq"])
    while True:
        try:
            with suppress(_Gone):
                async with database.transaction() as session:
                    await _apply(session, handlers, row)
                    await stand_behind(session, handlers, *place)
        except Behind as release:
            # Under the lock of who releases: it has applied the one before meanwhile, or will look for this one.
            async with database.transaction() as session:
                await session.raw.execute(_LOCK, _lock_of(handlers, release, "released"))
                if await session.raw.fetchrow(_BEFORE, handlers.group, *place) is not None:
                    await session.raw.execute(_MOVE, row["event_id"], handlers.group, release.kind, release.key)
                    return
        else:
            return


async def _apply(session: Session, handlers: Handlers, row: Any) -> None:
    """Apply a parked event and take it out of `parked`: whoever deletes the row is the one whose effect counts."""
    event = handlers.parse(row["envelope"])
    if event is not None:
        await handlers.apply(session, event)
    if await session.raw.fetchrow(_UNPARK, row["event_id"], handlers.group) is None:
        raise _Gone
    metrics.HANDLED.labels(handlers.group, row["topic"]).inc()


async def _move(session: Session, handlers: Handlers, row: Any, need: NotYet) -> None:
    await session.raw.execute(_LOCK, _lock_of(handlers, need))
    await session.raw.execute(_MOVE, row["event_id"], handlers.group, need.kind, need.key)


async def any_before(session: Session, handlers: Handlers, keys: Collection[bytes]) -> bool:
    """Whether a release has yet to come to events of these keys."""
    found: bool = await session.raw.fetchval(_ANY_BEFORE, handlers.group, keys)
    return found


async def stand_behind(session: Session, handlers: Handlers, topic: str, key: bytes, seq: int = _LAST) -> None:
    """After the handler: raises Behind if a release has yet to come to an event before this one."""
    row = await session.raw.fetchrow(_BEFORE, handlers.group, topic, key, seq)
    if row is not None:
        raise Behind(row["kind"], row["key"])


async def release_parked(session: Session, kind: str, key: UUID) -> None:
    """Apply the events that wait for this. Call it in the transaction that brings the thing, after inserting it.

    More than `AT_ONCE` are applied soon after its commit instead. An event that now waits for something else is parked
    again; one that fails goes to the dead letters.
    """
    handlers = _attached.get(session.database)
    if handlers is None:
        return  # no consumer runs in this process, which is the only one of its service in tests alone
    need = (handlers.group, kind, key)
    await session.raw.execute(_LOCK, _lock_of(handlers, NotYet(kind, key)))
    rows = await session.raw.fetch(_WAITING_FOR, *need, b"", 0, AT_ONCE + 1)
    if not rows:
        return
    if len(rows) > AT_ONCE or await session.raw.fetchval(_IS_RELEASING, *need):
        await session.raw.execute(_RELEASE, *need)
        session.on_commit(handlers.releasing.set)
        return
    await _release_all(session, handlers, rows)


async def release_some(database: Database, handlers: Handlers) -> bool:
    """Go on with every release that is under way, by one transaction each; answers whether there may be more."""
    async with database.transaction() as session:
        needs = await session.raw.fetch(_RELEASES, handlers.group)
    more = False
    for kind, key in needs:
        try:
            more |= await _release_next(database, handlers, kind, key, AT_ONCE)
        except Exception as error:
            if database_error_kind(error) is not None:
                raise
            log.warning("parked_events_fail_together", group=handlers.group, exc_info=error)
            for _ in range(AT_ONCE):
                more |= await _release_next(database, handlers, kind, key, 1)
    return more


async def _release_next(database: Database, handlers: Handlers, kind: str, key: UUID, limit: int) -> bool:
    """One step of a release, by one process at a time; answers whether there are more."""
    need = (handlers.group, kind, key)
    rows: list[Any] = []
    try:
        async with database.transaction() as session:
            if not await session.raw.fetchval(_TRY_LOCK, _lock_of(handlers, NotYet(kind, key), "released")):
                return False
            release = await session.raw.fetchrow(_FIRST_RELEASE, *need)
            if release is None:
                return False
            if not release["after_seq"]:
                await session.raw.execute(_DROP_OTHERS, *need, release["id"])
            rows = await session.raw.fetch(_WAITING_FOR, *need, release["after_key"], release["after_seq"], limit)
            await _release_all(session, handlers, rows)
            if len(rows) < limit:
                await session.raw.execute(_END, release["id"])
            else:
                await session.raw.execute(_GO_ON, release["id"], rows[-1]["event_key"], rows[-1]["seq"])
    except Exception as error:
        if limit > 1 or not rows or database_error_kind(error) is not None:
            raise
        async with database.transaction() as session:
            await bury_parked(session, handlers, rows[0], error)
    return True


async def _release_all(session: Session, handlers: Handlers, rows: Sequence[Any]) -> None:
    """Apply parked events together; where one of them can't be, each in a savepoint of its own."""
    try:
        async with session.savepoint():
            for row in rows:
                event = handlers.parse(row["envelope"])
                if event is not None:
                    await handlers.apply(session, event)
            gone = await session.raw.fetch(_UNPARK_ALL, [row["event_id"] for row in rows], handlers.group)
            if len(gone) != len(rows):
                raise _Gone
    except Exception as error:
        if is_transient(error):
            raise
        for row in rows:
            await _release(session, handlers, row)
    else:
        for topic, count in Counter(row["topic"] for row in rows).items():
            metrics.HANDLED.labels(handlers.group, topic).inc(count)


async def _release(session: Session, handlers: Handlers, row: Any) -> None:
    held = (row["kind"], row["key"])
    while True:
        try:
            with suppress(_Gone):
                async with session.savepoint():
                    await _apply(session, handlers, row)
        except NotYet as need:
            if (need.kind, need.key) == held:
                return
            # Under the lock of the new need, once more: it may have come meanwhile.
            held = (need.kind, need.key)
            await _move(session, handlers, row, need)
        except Exception as error:
            if is_transient(error):
                raise
            await bury_parked(session, handlers, row, error)
            return
        else:
            return


async def bury_parked(session: Session, handlers: Handlers, row: Any, error: Exception) -> None:
    await bury(session, handlers.group, row["topic"], row["event_key"], row["envelope"], row["event_id"], error)


async def bury(
    session: Session, group: str, topic: str, key: bytes, raw: bytes, event_id: UUID | None, error: Exception
) -> None:
    """Give an event up: to the dead letters with it, out of the inbox, so that a replay can have its effect."""
    await outbox.add_rows(session, [dead_letter(group, topic, key, raw, error, new_id(), utc_now())])
    if event_id is not None:
        await session.raw.fetchrow(_UNPARK, event_id, group)
        await session.raw.execute(_UNCLAIM, [event_id], group)
    reason = type(error).__name__
    metrics.DEAD.labels(group, reason).inc()
    log.error("event_given_up", group=group, topic=topic, event_id=event_id and str(event_id), error=reason)


def is_transient(error: BaseException) -> bool:
    return database_error_kind(error) in {DatabaseErrorKind.AWAY, DatabaseErrorKind.BUSY, DatabaseErrorKind.RETRY}


def _lock_of(handlers: Handlers, need: NotYet, what: str = "parked") -> int:
    """The key of an advisory lock of the need: 64 bits of a hash."""
    name = f"{what}:{handlers.group}:{need.kind}:{need.key}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)
