"""Events that came before what they need: kept in `parked`, and given their effect when the need comes.

Parking without a race and without a deadlock: an early event has had no effect and is no longer in the inbox when `park`
writes it to `parked` in a transaction of its own, under an exclusive lock of its need, and then tries it once more. Who
brings the need takes the same lock, shared, so it either sees the parked row, or had committed before the second
attempt. `park` holds no record while it waits for that lock.

Who brings a need only writes a row to `parked_releases`. `release_some` goes through them after the commit, in the order
of the parked events' keys, in sets of a bounded size, and moves each release's cursor along. Until the cursor has passed
the parked events of a key, what comes of that key is preceded by them: a set whose keys have parked events looks, after
its handler, whether a release has yet to come to one of them (if the handler saw the need, the look sees the release,
which came with it); then the set is rolled back and `release_first` applies those before it.

Whoever applies a parked event has locked its row, so it is applied once, and in the order of its key.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog

from shared.kit import event_metrics as metrics
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.database import Database, DatabaseErrorKind, Session, database_error_kind
from shared.kit.dead_letters import dead_letter
from shared.kit.erasures import drop_late_parked, without_erased
from shared.kit.handlers import Delivery, EventSet, Handlers, Need, sets_of

log = structlog.get_logger()

AT_ONCE: Final = 200
"""How many parked events are loaded at a time."""

POLL_S = 5.0
"""How long a release by another process may go unnoticed."""

_RELEASES_AT_ONCE: Final = 500
_MOVES: Final = 5  # how often an event that needs one thing after another is tried at once
_SLOTS: Final = 256  # advisory locks of needs are shared by hash, so that a set takes a bounded number of them

_PARK: Final = """
WITH claimed AS (
    INSERT INTO inbox (event_id, consumer_group)
    SELECT event_id, $1 FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
    ON CONFLICT DO NOTHING RETURNING event_id
)
INSERT INTO parked (consumer_group, event_id, kind, key, topic, event_key, envelope)
SELECT $1, event_id, kind, key, topic, event_key, envelope
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[])
    WITH ORDINALITY AS row (event_id, kind, key, topic, event_key, envelope, place)
WHERE event_id IN (SELECT event_id FROM claimed)
ORDER BY place
"""
_MOVE: Final = """
UPDATE parked AS p SET kind = moved.kind, key = moved.key
FROM unnest($2::uuid[], $3::text[], $4::uuid[]) AS moved (event_id, kind, key)
WHERE p.event_id = moved.event_id AND p.consumer_group = $1
"""
_OF_EVENTS: Final = """
SELECT seq, event_id, kind, key, topic, event_key, envelope FROM parked
WHERE event_id = ANY($2::uuid[]) AND consumer_group = $1 ORDER BY event_key, seq
"""
_OF_KEYS: Final = """
SELECT seq, event_id, kind, key, topic, event_key, envelope
FROM (SELECT * FROM parked WHERE event_key = ANY($2::bytea[]) OFFSET 0) AS p
WHERE consumer_group = $1 ORDER BY event_key, seq
"""
_LOCK_EVENTS: Final = """
SELECT event_id, seq FROM parked
WHERE event_id = ANY($2::uuid[]) AND consumer_group = $1 ORDER BY event_key, seq FOR UPDATE
"""
_UNPARK: Final = "DELETE FROM parked WHERE event_id = ANY($1::uuid[]) AND consumer_group = $2"
# Whether the event has had no effect. Who gives it one at this moment is waited for.
_WITHOUT_EFFECT: Final = """
WITH unparked AS (
    DELETE FROM parked WHERE event_id = $1 AND consumer_group = $2 RETURNING event_id
), claimed AS (
    INSERT INTO inbox (event_id, consumer_group) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT EXISTS (SELECT FROM unparked) OR EXISTS (SELECT FROM claimed)
"""
_FORGET: Final = """
WITH attempted AS (DELETE FROM event_attempts WHERE event_id = $1 AND consumer_group = $2)
DELETE FROM inbox WHERE event_id = $1 AND consumer_group = $2
"""
_LOCK_TO_PARK: Final = "SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) AS lock"
_LOCK_TO_RELEASE: Final = "SELECT pg_advisory_xact_lock_shared(lock) FROM unnest($1::bigint[]) AS lock"

# The releases that have yet to come to events that were parked before ours of the same keys. They are found from our keys:
# from the releases, which are few, PostgreSQL would read all that they have yet to come to, for each of our keys. (The
# group is asked for outside, as the primary key has it too: in an empty table one index is as good as another.)
TO_COME: Final = """
SELECT DISTINCT r.id
FROM unnest($2::bytea[], $3::bigint[]) AS ours (event_key, seq)
CROSS JOIN LATERAL (
    SELECT consumer_group, event_key, seq, kind, key FROM parked
    WHERE event_key = ours.event_key AND seq < ours.seq AND event_id <> ALL($4::uuid[])
    OFFSET 0
) AS p
JOIN parked_releases AS r ON r.consumer_group = p.consumer_group AND r.kind = p.kind AND r.key = p.key
WHERE p.consumer_group = $1 AND (p.event_key, p.seq) > (r.after_key, r.after_seq)
"""
_NEWEST: Final = 2**63 - 1
_RELEASE: Final = """
INSERT INTO parked_releases (consumer_group, kind, key)
SELECT $1, $2, key FROM unnest($3::uuid[]) AS key
WHERE EXISTS (SELECT FROM parked AS p WHERE p.kind = $2 AND p.key = key.key AND p.consumer_group = $1)
RETURNING id
"""
_RELEASES: Final = """
SELECT id, kind, key, after_key, after_seq FROM parked_releases WHERE consumer_group = $1 ORDER BY id LIMIT $2
"""
# The parked events that each release comes to next.
_NEXT_OF_RELEASES: Final = """
SELECT r.id AS release_id, p.seq, p.event_id, p.kind, p.key, p.topic, p.event_key, p.envelope
FROM parked_releases AS r
JOIN LATERAL (
    SELECT * FROM parked AS p
    WHERE p.kind = r.kind AND p.key = r.key AND p.consumer_group = r.consumer_group
        AND (p.event_key, p.seq) > (r.after_key, r.after_seq)
    ORDER BY p.event_key, p.seq LIMIT $2
) AS p ON true
WHERE r.id = ANY($1::bigint[])
ORDER BY r.id, p.event_key, p.seq LIMIT $2
"""
_GO_ON: Final = """
UPDATE parked_releases AS r SET after_key = passed.after_key, after_seq = passed.after_seq
FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) AS passed (id, after_key, after_seq) WHERE r.id = passed.id
    AND (r.after_key, r.after_seq) < (passed.after_key, passed.after_seq)
"""
_END: Final = "DELETE FROM parked_releases WHERE id = ANY($1::bigint[])"
# Two that go on with the same releases would each hold what the other waits for.
_LOCK_RELEASES: Final = "SELECT FROM parked_releases WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE"

_attached: WeakKeyDictionary[Database, Handlers] = WeakKeyDictionary()


def attach(database: Database, handlers: Handlers) -> None:
    """Register the handlers that serve this database, so that `release_parked` finds them."""
    _attached[database] = handlers


async def park(database: Database, handlers: Handlers, early: Sequence[tuple[Delivery, Need]]) -> None:
    """Park events, each with what it needs, and try them once more; raises what their handlers raise then."""
    deliveries = [delivery for delivery, _ in early]
    needs = [need for _, need in early]
    ids = [delivery.event.id for delivery in deliveries]
    async with database.transaction() as session:
        await session.raw.execute(_LOCK_TO_PARK, _locks_of(handlers, needs))
        await session.raw.execute(
            _PARK,
            handlers.group,
            ids,
            [need.kind for need in needs],
            [need.key for need in needs],
            [delivery.topic for delivery in deliveries],
            [delivery.key for delivery in deliveries],
            [delivery.raw for delivery in deliveries],
        )
        await drop_late_parked(session, {delivery.key for delivery in deliveries})
    for kind, count in Counter(need.kind for need in needs).items():
        metrics.PARKED.labels(handlers.group, kind).inc(count)
    await retry(database, handlers, ids)


async def retry(database: Database, handlers: Handlers, ids: Sequence[UUID]) -> None:
    """Try those of the events that are parked again; those that now need something else are parked for that."""
    for _ in range(_MOVES):
        async with database.transaction() as session:
            rows = await session.raw.fetch(_OF_EVENTS, handlers.group, ids)
        metrics.SEEN.labels(handlers.group).inc(len(ids) - len(rows))
        moved = await _apply(database, handlers, rows, set())
        if not moved:
            return
        await _move(database, handlers, moved)
        ids = list(moved)


async def _move(database: Database, handlers: Handlers, moved: dict[UUID, Need]) -> None:
    """Have parked events wait for something else."""
    needs = list(moved.values())
    async with database.transaction() as session:
        await session.raw.execute(_LOCK_TO_PARK, _locks_of(handlers, needs))
        kinds, keys = [need.kind for need in needs], [need.key for need in needs]
        await session.raw.execute(_MOVE, handlers.group, list(moved), kinds, keys)


class ReleaseFirst(Exception):
    """Releases have yet to come to events that were parked before those that are handled, of the same keys."""

    def __init__(self, releases: set[int], keys: Collection[bytes]) -> None:
        super().__init__(f"{len(releases)} releases come first")
        self.releases = releases
        self.keys = keys


async def check_order(session: Session, handlers: Handlers, keys: Sequence[bytes], made: set[int]) -> None:
    """After the handler of new events of these keys: raise ReleaseFirst unless those that are parked come later.

    `made` are the releases that were made first already; what is still parked needs something else.
    """
    await _check_order(session, handlers, keys, [_NEWEST] * len(keys), [], made)


async def _check_order(
    session: Session,
    handlers: Handlers,
    keys: Sequence[bytes],
    seqs: Sequence[int],
    ours: Sequence[UUID],
    made: set[int],
) -> None:
    found = {row["id"] for row in await session.raw.fetch(TO_COME, handlers.group, keys, seqs, ours)}
    found -= session.releases | made
    if found:
        raise ReleaseFirst(found, keys)


async def release_parked(session: Session, kind: str, keys: Collection[UUID]) -> None:
    """Have the events applied that wait for these things. Call it in the transaction that brings them, at its end.

    They are applied soon after the commit. One that now waits for something else is parked for that; one that fails goes
    to the dead letters.
    """
    handlers = _attached.get(session.database)
    if handlers is None or not keys:
        return  # no consumer runs in this process, which is the only one of its service in tests alone
    await session.raw.execute(_LOCK_TO_RELEASE, _locks_of(handlers, [Need(kind, key) for key in keys]))
    rows = await session.raw.fetch(_RELEASE, handlers.group, kind, list(keys))
    if rows:
        session.releases.update(row["id"] for row in rows)
        session.on_commit(handlers.releasing.set)


async def release_first(database: Database, handlers: Handlers, first: ReleaseFirst, made: set[int]) -> None:
    """Apply the parked events of the keys that have what they need, and add the releases to those that are made."""
    made |= first.releases
    async with database.transaction() as session:
        rows = await session.raw.fetch(_OF_KEYS, handlers.group, list(first.keys))
    for start in range(0, len(rows), AT_ONCE):
        await _apply_and_move(database, handlers, rows[start : start + AT_ONCE], made)


async def release_some(database: Database, handlers: Handlers) -> bool:
    """Go on with the releases that are under way, with `AT_ONCE` parked events; return whether there were any."""
    async with database.autocommit() as session:
        releases = await session.raw.fetch(_RELEASES, handlers.group, _RELEASES_AT_ONCE)
        rows = await session.raw.fetch(_NEXT_OF_RELEASES, [row["id"] for row in releases], AT_ONCE) if releases else []
    if rows:
        await handlers.attempts.begin_releases(database)
        await _apply_and_move(database, handlers, rows)
    else:
        await handlers.attempts.end_releases(database)
    if not releases:
        return False
    passed = {row["release_id"]: row for row in rows}  # the last one of each release
    # What is after the last row, or full, may have been cut off.
    cut = set() if len(rows) < AT_ONCE else {row["id"] for row in releases if row["id"] >= rows[-1]["release_id"]}
    async with database.transaction() as session:
        await session.raw.execute(_LOCK_RELEASES, [row["id"] for row in releases])
        if cut:
            ids = [id_ for id_ in passed if id_ in cut]
            keys, seqs = [passed[id_]["event_key"] for id_ in ids], [passed[id_]["seq"] for id_ in ids]
            await session.raw.execute(_GO_ON, ids, keys, seqs)
        await session.raw.execute(_END, [row["id"] for row in releases if row["id"] not in cut])
    return True


async def _apply_and_move(
    database: Database, handlers: Handlers, rows: Sequence[Any], made: set[int] | None = None
) -> None:
    moved = await _apply(database, handlers, rows, set() if made is None else made)
    if moved:
        await _move(database, handlers, moved)
        await retry(database, handlers, list(moved))


async def _apply(database: Database, handlers: Handlers, rows: Sequence[Any], made: set[int]) -> dict[UUID, Need]:
    """Apply parked events, set by set in the order given; return those that now need something else.

    One that fails is given up. Raises what the database is at fault for: what is left may then be tried again.
    """
    moved: dict[UUID, Need] = {}
    row_of = {row["event_id"]: row for row in rows}  # what was brought twice is released twice: each event counts once
    deliveries: list[Delivery] = []
    unwanted: list[UUID] = []  # of types that are no longer subscribed to
    for row in row_of.values():
        event = handlers.parse(row["envelope"])
        if event is None:
            unwanted.append(row["event_id"])
        else:
            deliveries.append(Delivery(row["topic"], row["event_key"], row["envelope"], event))
    if unwanted:
        async with database.transaction() as session:
            await session.raw.execute(_UNPARK, unwanted, handlers.group)
    for same_type in sets_of(deliveries):
        for event_id, need in (await _apply_or_halve(database, handlers, same_type, made)).items():
            row = row_of[event_id]
            if need != (row["kind"], row["key"]):
                moved[event_id] = need
    return moved


async def _apply_or_halve(
    database: Database, handlers: Handlers, deliveries: Sequence[Delivery], made: set[int]
) -> dict[UUID, Need]:
    """Apply parked events of one type together, or, where one fails, in halves; return what the early ones need."""
    try:
        while True:
            try:
                return await _apply_set(database, handlers, deliveries, made)
            except ReleaseFirst as first:
                await release_first(database, handlers, first, made)
    except Exception as error:
        if is_transient(error):
            raise
        if len(deliveries) == 1:
            [delivery] = deliveries
            async with database.transaction() as session:
                await bury(
                    session, handlers.group, delivery.topic, delivery.key, delivery.raw, delivery.event.id, error
                )
            return {}
    middle = len(deliveries) // 2
    early = await _apply_or_halve(database, handlers, deliveries[:middle], made)
    return early | await _apply_or_halve(database, handlers, deliveries[middle:], made)


async def _apply_set(
    database: Database, handlers: Handlers, deliveries: Sequence[Delivery], made: set[int]
) -> dict[UUID, Need]:
    ids = [delivery.event.id for delivery in deliveries]
    async with handlers.attempts.attempt(database, ids), database.transaction() as session:
        rows = await session.raw.fetch(_LOCK_EVENTS, handlers.group, ids)
        seq_of = {row["event_id"]: row["seq"] for row in rows}
        ours = [delivery for delivery in deliveries if delivery.event.id in seq_of]
        if not ours:
            return {}
        events = EventSet([delivery.event for delivery in ours])
        await handlers.apply(session, events)
        applied = [delivery for delivery in ours if delivery.event.id not in events.needs]
        if applied:
            done = [delivery.event.id for delivery in applied]
            seqs = [seq_of[event_id] for event_id in done]
            await _check_order(session, handlers, [delivery.key for delivery in applied], seqs, list(seq_of), made)
            await session.raw.execute(_UNPARK, done, handlers.group)
    for topic, count in Counter(delivery.topic for delivery in applied).items():
        metrics.HANDLED.labels(handlers.group, topic).inc(count)
    return events.needs


async def bury(
    session: Session, group: str, topic: str, key: bytes, raw: bytes, event_id: UUID | None, error: Exception
) -> None:
    """Give an event up: to the dead letters with it, out of the inbox, so that a replay can have its effect.

    Nothing is done if another member has given it its effect meanwhile.
    """
    if event_id is not None:
        if not await session.raw.fetchval(_WITHOUT_EFFECT, event_id, group):
            return
        await session.raw.execute(_FORGET, event_id, group)
    raw = await without_erased(session, key, raw)
    await outbox.add_events(session, [dead_letter(group, topic, key, raw, error, utc_now())])
    reason = type(error).__name__
    metrics.DEAD.labels(group, reason).inc()
    log.error("event_given_up", group=group, topic=topic, event_id=event_id and str(event_id), error=reason)


def is_transient(error: BaseException) -> bool:
    return database_error_kind(error) in {DatabaseErrorKind.AWAY, DatabaseErrorKind.BUSY, DatabaseErrorKind.RETRY}


def _locks_of(handlers: Handlers, needs: Collection[Need]) -> list[int]:
    """The keys of the advisory locks of needs, sorted: 64 bits of a hash of the group and of the need's slot."""
    slots = {hashlib.blake2b(f"{need.kind}:{need.key}".encode(), digest_size=1).digest()[0] % _SLOTS for need in needs}
    return sorted(
        int.from_bytes(hashlib.blake2b(f"parked:{handlers.group}:{slot}".encode(), digest_size=8).digest(), signed=True)
        for slot in slots
    )
