"""`GET /v1/events`: what the service has published, in the order of its positions, without Kafka."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from shared.contracts.topics import BY_NAME
from shared.contracts.values import Role
from shared.kit.auth import Principal, requires
from shared.kit.database import Database
from shared.kit.endpoints import edge_router
from shared.kit.pagination import DEFAULT_LIMIT, Limit
from shared.kit.problems import Problem, responses
from shared.kit.runtime import RuntimeDep

router = edge_router("events")

_POLL_S: Final = 0.5
_LONGEST_WAIT_S: Final = 25
_MOST_BYTES: Final = 8 * 1024 * 1024  # a page ends early rather than grow beyond this
_MAX_BIGINT: Final = 2**63 - 1
# A batch of each topic is one row of `outbox_positions`: for each topic the first that may be wanted, in their order.
_READ: Final = """
WITH page AS (
    SELECT found.position, found.topic, found.envelope
    FROM unnest($2::text[]) AS wanted (topic) CROSS JOIN LATERAL (
        SELECT place.position, o.topic, o.envelope
        FROM (
            SELECT last_position, positions, seqs, created_at FROM outbox_positions
            WHERE topic = wanted.topic AND last_position > $1 AND ($3::uuid[] IS NULL OR projects && $3)
            ORDER BY last_position
        ) AS batch
        CROSS JOIN LATERAL unnest(batch.positions, batch.seqs, batch.created_at) AS place (position, seq, created_at)
        JOIN outbox AS o ON o.created_at = place.created_at AND o.seq = place.seq
        WHERE place.position > $1 AND ($3::uuid[] IS NULL OR o.project_id = ANY($3))
        ORDER BY batch.last_position, place.position LIMIT $4
    ) AS found
    ORDER BY found.position LIMIT $4
)
SELECT position, topic, envelope, found FROM (
    SELECT position, topic, envelope, count(*) OVER () AS found,
        sum(length(envelope)) OVER (ORDER BY position) - length(envelope) AS before
    FROM page
) AS measured
WHERE before < $5 ORDER BY position
"""

Reader = Annotated[Principal, requires(Role.AUDITOR, Role.MANAGER)]


class SaidEvent(BaseModel):
    """An event and where it stands in the order of everything that this service has published."""

    position: int = Field(ge=1, description="Gapless within the service; a token limited to projects sees a part.")
    topic: str
    event: dict[str, JsonValue] = Field(description="The envelope: see the AsyncAPI document.")


class EventPage(BaseModel):
    """Events in order. `next` is absent when there are no more for now: ask again after the last position."""

    items: list[SaidEvent]
    next: int | None = Field(default=None, description="For `after`, when more events are there already.")


@router.get("/events", response_model=EventPage, responses=responses(401, 403, 422))
async def list_events(
    runtime: RuntimeDep,
    reader: Reader,
    after: Annotated[
        int, Query(ge=0, le=_MAX_BIGINT, description="The last position you have; 0 from the beginning.")
    ] = 0,
    limit: Limit = DEFAULT_LIMIT,
    topic: Annotated[str | None, Query(max_length=100, description="Only events of this topic.")] = None,
    wait_s: Annotated[
        int, Query(ge=0, le=_LONGEST_WAIT_S, description="How long to wait for an event when there is none.")
    ] = 0,
) -> Response:
    """Read again what the service has published, as long as its retention lasts."""
    if topic is not None and topic not in BY_NAME:
        raise Problem(422, "unknown-topic", "There is no such topic.")
    topics = [topic] if topic else list(BY_NAME)
    projects = None if reader.projects is None else list(reader.projects)
    until = time.monotonic() + wait_s
    while not (rows := await _read(runtime.database, after, topics, projects, limit)):
        if time.monotonic() >= until or runtime.stopping.is_set():
            break
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(runtime.stopping.wait(), _POLL_S)
    return Response(_page(rows, limit), media_type="application/json")


async def _read(
    database: Database, after: int, topics: Sequence[str], projects: Sequence[UUID] | None, limit: int
) -> list[Any]:
    """One short transaction a page; one row more than asked for shows whether there is a next page."""
    async with database.transaction() as session:
        rows: list[Any] = await session.raw.fetch(_READ, after, topics, projects, limit + 1, _MOST_BYTES)
    return rows


def _page(rows: Sequence[Any], limit: int) -> bytes:
    """The answer, put together from the envelopes as they were sent: nothing is parsed."""
    shown = rows[:limit]
    items = b",".join(
        b'{"position":%d,"topic":"%b","event":%b}' % (row["position"], row["topic"].encode(), row["envelope"])
        for row in shown
    )
    more = bool(shown) and shown[0]["found"] > len(shown)
    return b'{"items":[%b]%b}' % (items, b',"next":%d' % shown[-1]["position"] if more else b"")
