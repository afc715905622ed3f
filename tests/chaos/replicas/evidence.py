"""What the databases and the broker hold after the faults: what must always be true, and how long each event took.

PostgreSQL keeps the time of each commit (`track_commit_timestamp`), so an event's way from its outbox to the inbox of each
of its readers is timed by the rows alone, and so is the order in which a key's events had their effect. An event whose
handler is idempotent leaves no row in the inbox: it is timed by what was published because of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer

from deploy.embedded.supervisor import Suite
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.topics import TOPICS
from tests.support.outbox import OutboxEvent, outbox_events
from tests.support.subscriptions import subscriptions_of

POSTGRES = {"track_commit_timestamp": "on", "max_connections": "250"}
"""The server settings that this needs."""

_NO_TIME = timedelta()
_COMMITTED = "SELECT seq, pg_xact_commit_timestamp(xmin) AS committed_at FROM outbox"
_HANDLED = """
SELECT event_id, pg_xact_commit_timestamp(xmin) AS committed_at FROM inbox WHERE consumer_group = $1
"""


class Sent(NamedTuple):
    """What the services have answered for: so many records, and the ids of annotations."""

    project_id: UUID
    records: int
    redundancy: int
    annotations: set[UUID]


class Published(NamedTuple):
    """An event in its service's outbox: `seq` is its place among all of them."""

    seq: int
    id: UUID
    topic: str
    type: str
    key: UUID
    position: int | None
    caused_by: UUID | None
    committed_at: datetime


class Hop(NamedTuple):
    """An event's way from the commit that published it to the commit of its effect in one of its readers."""

    event: Published
    reader: str
    handled_at: datetime

    def waited_s(self, outages: Iterable["Outage"]) -> float:
        """How long it took, without the time in which what all stand on was away."""
        began, ended = self.event.committed_at, self.handled_at
        away = (min(ended, each.back_at) - max(began, each.began) for each in outages)
        return (ended - began - sum((each for each in away if each > _NO_TIME), _NO_TIME)).total_seconds()


class Outage(NamedTuple):
    """When the broker or the database was away."""

    began: datetime
    back_at: datetime


@dataclass
class Evidence:
    """`faults`: what is not as it must be, in words; `figures`: what was counted."""

    hops: list[Hop] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def slowest(self, began: datetime, ended: datetime, outages: Sequence[Outage]) -> Hop | None:
        """Of the events that were published in that time, the one that waited longest."""
        inside = [hop for hop in self.hops if began <= hop.event.committed_at <= ended]
        return max(inside, key=lambda hop: hop.waited_s(outages), default=None)

    def demand(self, true: bool, otherwise: str) -> None:
        if not true:
            self.faults.append(otherwise)


async def gather(suite: Suite, prefix: str, sent: Sent) -> Evidence:
    """Look at everything once nothing moves any more."""
    found = Evidence()
    published: dict[str, list[Published]] = {}
    for service in SERVICE_NAMES:
        connection = await asyncpg.connect(suite.database_url(service))
        try:
            committed_at = dict(list(await connection.fetch(_COMMITTED)))
            published[service] = [
                Published(
                    place, each.id, each.topic, each.type, each.key, each.position, _cause(each), committed_at[each.seq]
                )
                for place, each in enumerate(await outbox_events(connection), start=1)
            ]
            await _nothing_waits(found, service, connection)
            _positions(found, service, published[service])
        finally:
            await connection.close()
    for service in SERVICE_NAMES:
        connection = await asyncpg.connect(suite.database_url(service))
        try:
            handled = dict((await connection.fetch(_HANDLED, service)) or ())
        finally:
            await connection.close()
        _handled(found, service, handled, published)
    log = await _read_log(suite, prefix)
    _log(found, published, await _ids(suite), log)
    await _effects(found, suite, sent)
    found.figures["events"] = sum(map(len, published.values()))
    return found


async def _ids(suite: Suite) -> set[UUID]:
    """Of all that was published until now."""
    found: set[UUID] = set()
    for service in SERVICE_NAMES:
        connection = await asyncpg.connect(suite.database_url(service))
        try:
            found |= {each.id for each in await outbox_events(connection)}
        finally:
            await connection.close()
    return found


def _cause(event: OutboxEvent) -> UUID | None:
    cause = orjson.loads(event.envelope)["caused_by"] if event.headers is None else None
    return UUID(cause) if cause else None


async def _nothing_waits(found: Evidence, service: str, connection: Any) -> None:
    for table in ("outbox_queue", "parked", "parked_releases"):
        waiting = await connection.fetchval(f"SELECT count(*) FROM {table}")
        found.demand(waiting == 0, f"{service}.{table} holds {waiting} rows")


def _positions(found: Evidence, service: str, published: Sequence[Published]) -> None:
    """Each event has a position, they are gapless from 1, and those of a key are in the order of its commits."""
    sent = sorted((event.position, event) for event in published if event.position is not None)
    found.demand(len(sent) == len(published), f"{service} gave some event no position")
    positions = [position for position, _ in sent]
    found.demand(positions == list(range(1, len(published) + 1)), f"{service}'s positions have gaps")
    _in_order(found, f"{service}'s positions", (((event.topic, event.key), event.seq) for _, event in sent))


def _handled(
    found: Evidence, reader: str, handled: dict[UUID, datetime], published: dict[str, list[Published]]
) -> None:
    """Each event that a service reads had its effect there once, those of a key in order."""
    idempotent = {one.payload.event_type() for one in subscriptions_of(reader) if one.idempotent}
    caused: dict[UUID, datetime] = {}
    for event in published[reader]:
        if event.caused_by is not None:
            caused.setdefault(event.caused_by, event.committed_at)
    for topic in TOPICS:
        if reader not in topic.consumers:
            continue
        events = [event for event in published[topic.producer] if event.topic == topic.name]
        by_rows = {
            event.id for event in events if event.type in idempotent
        }  # their effects are looked at in `_effects`
        handled = {each: at for each, at in handled.items() if each not in by_rows}
        handled |= {each: caused[each] for each in by_rows & caused.keys()}
        for kind, count in Counter(event.type for event in events if event.id not in by_rows).items():
            done = [event for event in events if event.type == kind and event.id in handled]
            # A service handles all events of a type, or passes over all of them.
            found.demand(
                len(done) in {0, count}, f"{reader} handled {len(done)} of {count} events {kind} of {topic.name}"
            )
        hops = [Hop(event, reader, handled[event.id]) for event in events if event.id in handled]
        found.hops += hops
        by_effect = sorted(hops, key=lambda hop: (hop.handled_at, hop.event.seq))
        _in_order(found, f"{topic.name} in {reader}", ((hop.event.key, hop.event.seq) for hop in by_effect))
    known = {event.id for events in published.values() for event in events}
    found.demand(handled.keys() <= known, f"{reader} handled events that nobody published")


def _in_order(found: Evidence, where: str, events: Iterable[tuple[Any, int]]) -> None:
    last: dict[Any, int] = {}
    wrong = 0
    for key, seq in events:
        wrong += seq < last.get(key, 0)
        last[key] = seq
    found.demand(wrong == 0, f"{wrong} events out of order: {where}")


async def _read_log(suite: Suite, prefix: str) -> dict[str, list[UUID]]:
    """The ids of what each topic of the broker holds, those of a key in order."""
    host = suite.bus_url.partition("//")[2]
    consumer = AIOKafkaConsumer(
        *(prefix + topic.name for topic in TOPICS),
        bootstrap_servers=host,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    found: dict[str, list[UUID]] = defaultdict(list)
    try:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        while [each for each in partitions if await consumer.position(each) < ends[each]]:
            for partition, messages in (await consumer.getmany(timeout_ms=500)).items():
                ids = (UUID(orjson.loads(message.value)["id"]) for message in messages)
                found[partition.topic.removeprefix(prefix)].extend(ids)
    finally:
        await consumer.stop()
    return found


def _log(
    found: Evidence, published: dict[str, list[Published]], until_now: set[UUID], log: dict[str, list[UUID]]
) -> None:
    """The broker has each event and no others, those of a key in order; some may be there twice.

    A loop may publish after `published` was read, so others are what is not in `until_now`, which was read after the log.
    """
    twice = 0
    for topic in TOPICS:
        events = {event.id: event for event in published[topic.producer] if event.topic == topic.name}
        first = list(dict.fromkeys(log[topic.name]))
        twice += len(log[topic.name]) - len(first)
        if topic.kept == "retention":  # the others keep the newest of a key
            missing = Counter(events[each].type for each in events.keys() - set(first))
            found.demand(not missing, f"the broker's {topic.name} lacks {dict(missing)}")
        others = sum(each not in until_now for each in first)
        found.demand(others == 0, f"the broker's {topic.name} has {others} events that nobody published")
        _in_order(
            found,
            f"{topic.name} on the broker",
            ((events[each].key, events[each].seq) for each in first if each in events),
        )
    found.figures["sent_twice"] = twice


async def _effects(found: Evidence, suite: Suite, sent: Sent) -> None:
    """Every record is known everywhere and ended once; every annotation that was answered for counts once."""
    project_id, records, acknowledged = sent.project_id, sent.records, sent.annotations
    held: dict[str, dict[UUID, Any]] = {}
    for service in SERVICE_NAMES:
        connection = await asyncpg.connect(suite.database_url(service))
        try:
            rows = await connection.fetch("SELECT * FROM records WHERE project_id = $1", project_id)
            held[service] = {row["record_id"]: row for row in rows}
            if service in {"queue", "qa"}:
                routed = await connection.fetchval(
                    "SELECT count(DISTINCT record_id) FROM routes JOIN records USING (record_id)"
                    " WHERE records.project_id = $1",
                    project_id,
                )
                found.demand(routed == records, f"{service} has routes of {routed} of {records} records")
            if service == "queue":
                slots = await connection.fetch("SELECT * FROM slots WHERE project_id = $1", project_id)
                given = await connection.fetch("SELECT * FROM annotations WHERE project_id = $1", project_id)
            if service == "qa":
                votes = await connection.fetch("SELECT * FROM annotations WHERE project_id = $1", project_id)
                labels = await connection.fetch("SELECT * FROM labels WHERE project_id = $1", project_id)
        finally:
            await connection.close()
    accepted = held["ingest"].keys()
    found.demand(len(accepted) == records, f"ingest has {len(accepted)} of {records} acknowledged records")
    names = Counter(row["external_id"] for row in held["ingest"].values())
    found.demand(names == Counter(f"r{number}" for number in range(records)), "records are not those that were sent")
    for service in SERVICE_NAMES:
        found.demand(held[service].keys() == accepted, f"{service} has {len(held[service])} of {len(accepted)} records")
    for service in ("ingest", "queue", "qa"):
        states = Counter(row["state"] for row in held[service].values())
        found.demand(states == {"finalized": records}, f"the records' states in {service}: {dict(states)}")
    open_slots = Counter(slot["state"] for slot in slots if slot["state"] in {"free", "leased", "held"})
    found.demand(not open_slots, f"slots of finalized records are open: {dict(open_slots)}")
    by_record: dict[UUID, list[UUID]] = defaultdict(list)
    for one in given:
        by_record[one["record_id"]].append(one["annotator_id"])
    wrong = [
        record for record in accepted
        if len(by_record[record]) != sent.redundancy or len(set(by_record[record])) != sent.redundancy
    ]  # fmt: skip
    found.demand(not wrong, f"{len(wrong)} records have not {sent.redundancy} annotations by as many people")
    kept = Counter(one["annotation_id"] for one in given)
    counted = Counter(one["annotation_id"] for one in votes if one["role"] == "vote")
    found.demand(kept == counted, f"queue keeps {kept.total()} annotations, qa counts {counted.total()}")
    found.demand(acknowledged <= kept.keys(), f"{len(acknowledged - kept.keys())} acknowledged annotations are lost")
    current = Counter(label["record_id"] for label in labels if label["current"])
    found.demand(current == Counter(accepted), f"{current.total()} current labels for {records} records")
    revisions = {label["record_id"]: label["label_revision"] for label in labels if label["current"]}
    other = sum(row["label_revision"] != revisions.get(record) for record, row in held["ingest"].items())
    found.demand(other == 0, f"ingest has another label revision than qa for {other} records")
    found.figures |= {"records": records, "annotations": kept.total()}
