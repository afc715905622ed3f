"""What a service's outbox holds, event by event."""

from typing import Any, NamedTuple
from uuid import UUID

import orjson

from shared.kit.outbox import set_of

_ROWS = """
SELECT o.seq, o.created_at, o.topic, o.project_id, o.frame, o.key, o.envelope, o.headers FROM outbox AS o
WHERE ($1::text IS NULL OR o.topic = $1) AND ($2::uuid IS NULL OR o.project_id = $2) ORDER BY o.seq
"""
_POSITIONS = """
SELECT range.* FROM outbox_positions AS round
CROSS JOIN LATERAL unnest(round.seqs, round.positions, round.firsts, round.counts) AS range (seq, position, first, count)
"""
_SET_ASIDE = "SELECT seq, first, set_aside FROM outbox_queue WHERE set_aside IS NOT NULL"


class OutboxEvent(NamedTuple):
    """An event of the outbox: `seq` is its set's, `number` its own in it; `position` is None until it is sent."""

    seq: int
    number: int
    id: UUID
    type: str
    topic: str
    key: UUID
    project_id: UUID | None
    envelope: bytes
    headers: str | None
    position: int | None
    set_aside: str | None


async def outbox_events(connection: Any, topic: str | None = None, project_id: UUID | None = None) -> list[OutboxEvent]:
    """All events, or those of a topic or of a project, in the order in which they were published.

    `connection` is asyncpg's.
    """
    positions = dict[tuple[int, int], int]()
    for row in await connection.fetch(_POSITIONS):
        for ahead in range(row["count"] or 1):
            positions[row["seq"], (row["first"] or 0) + ahead] = row["position"] + ahead
    aside = {(row["seq"], row["first"]): row["set_aside"] for row in await connection.fetch(_SET_ASIDE)}
    events = []
    for row in await connection.fetch(_ROWS, topic, project_id):
        for number, event in enumerate(set_of(row)):
            place = row["seq"], number
            head = orjson.loads(event.envelope) if event.headers is None else {}
            events.append(
                OutboxEvent(
                    *place,
                    UUID(head["id"]) if head else UUID(int=0),
                    head.get("type", "DeadLetter"),
                    row["topic"],
                    UUID(bytes=event.key),
                    row["project_id"],
                    event.envelope,
                    event.headers,
                    positions.get(place),
                    aside.get(place),
                )
            )
    return events
