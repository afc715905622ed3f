"""`GET /v1/events`: what the service has published, in the order of its positions, without Kafka."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from shared.contracts.envelope import Secret
from shared.contracts.topics import BY_NAME, TOPICS
from shared.contracts.values import Role
from shared.kit.auth import Principal, requires
from shared.kit.concurrency import beside_the_loop
from shared.kit.database import Database
from shared.kit.endpoints import edge_router
from shared.kit.erasures import erased_among
from shared.kit.outbox import set_of
from shared.kit.pagination import DEFAULT_LIMIT, Limit
from shared.kit.problems import Problem, responses
from shared.kit.redaction import is_redacted, redacted
from shared.kit.runtime import Runtime, RuntimeDep

router = edge_router("events")

_POLL_S: Final = 0.5
_LONGEST_WAIT_S: Final = 25
_MOST_BYTES: Final = 2 * 1024 * 1024  # a page ends early rather than grow beyond this
_MAX_BIGINT: Final = 2**63 - 1
# A round of the relay has one row of `outbox_positions` for each topic, with ranges of sets: for each topic those that may be
# wanted, in their order. `fresh` is the number of their events after the position. Compressed, a page is cut here; the
# rest is done event by event.
_READ: Final = """
WITH page AS (
    SELECT found.*, sum(fresh) OVER (ORDER BY position) - fresh AS events_before,
        sum(size) OVER (ORDER BY position) - size AS bytes_before, sum(fresh) OVER () AS found
    FROM unnest($2::text[]) AS wanted (topic) CROSS JOIN LATERAL (
        SELECT place.position, place.seq, place.created_at, coalesce(place.first, 0) AS first,
            coalesce(place.count, 1) AS count,
            least(coalesce(place.count, 1), place.position + coalesce(place.count, 1) - 1 - $1) AS fresh,
            octet_length(coalesce(o.frame, o.envelope)) AS size
        FROM (
            SELECT last_position, positions, seqs, created_at, firsts, counts FROM outbox_positions
            WHERE topic = wanted.topic AND last_position > $1 {of_rounds}
            ORDER BY last_position
        ) AS round
        CROSS JOIN LATERAL unnest(round.positions, round.seqs, round.created_at, round.firsts, round.counts)
            AS place (position, seq, created_at, first, count)
        JOIN outbox AS o ON o.created_at = place.created_at AND o.seq = place.seq
        WHERE place.position + coalesce(place.count, 1) - 1 > $1 {of_sets}
        ORDER BY round.last_position, place.position LIMIT $3
    ) AS found
    ORDER BY found.position LIMIT $3
)
SELECT page.position, page.first, page.count, page.found, o.project_id, o.topic, o.frame, o.key, o.envelope, o.headers
FROM page JOIN outbox AS o ON o.created_at = page.created_at AND o.seq = page.seq
WHERE page.events_before < $3 AND page.bytes_before < $4
ORDER BY page.position
"""
_READ_ALL: Final = _READ.format(of_rounds="", of_sets="")
_READ_OF_PROJECTS: Final = _READ.format(of_rounds="AND projects && $5", of_sets="AND o.project_id = ANY($5)")

_SECRETS: Final[Mapping[str, Sequence[Secret]]] = {
    topic.name: secrets
    for topic in TOPICS
    if (secrets := [secret for event in topic.events for secret in event.secrets])
}
"""The secret fields of a topic's payloads."""

_WITHOUT_CONTENT: Final = frozenset({"projects", "annotators", "work", "quality", "models"})
"""Topics whose events hold nothing of records and answers."""
_OF_RECORDS: Final = frozenset(topic.name for topic in TOPICS if topic.key == "record_id")

Reader = Annotated[Principal, requires(Role.AUDITOR, Role.MANAGER)]


class PublishedEvent(BaseModel):
    """An event and where it stands in the order of everything that this service has published."""

    position: int = Field(ge=1, description="Gapless within the service; a token limited to projects sees a part.")
    topic: str
    event: dict[str, JsonValue] = Field(
        description="The envelope: see the AsyncAPI document. Fields that are secret from the caller are left out."
    )


class EventPage(BaseModel):
    """Events in order. `next` is absent when there are no more for now: ask again after the last position."""

    items: list[PublishedEvent]
    next: int | None = Field(default=None, description="For `after`, when more events are there already.")


@router.get("/events", response_model=EventPage, responses=responses(401, 403, 422, 429))
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
        raise Problem(422, "unknown-topic", "There is no such topic.", f"It is one of {', '.join(sorted(BY_NAME))}.")
    topics = [topic] if topic else list(BY_NAME)
    projects = None if reader.projects is None else list(reader.projects)
    rows = await _read(runtime.database, after, topics, projects, limit)
    if not rows and wait_s:
        with runtime.waits.hold(reader.subject):
            until = time.monotonic() + wait_s
            while not rows and time.monotonic() < until and not runtime.stopping.is_set():
                with contextlib.suppress(TimeoutError), runtime.loop_watch.resting():
                    await asyncio.wait_for(runtime.stopping.wait(), _POLL_S)
                rows = await _read(runtime.database, after, topics, projects, limit)
    events = await beside_the_loop(_first, rows, after, limit)
    withheld = await _withheld(runtime, rows, reader)
    async with runtime.database.transaction() as session:
        erased = await erased_among(session, {event.record_id for event in events if event.record_id})
    page = await beside_the_loop(_page, rows, events, erased, withheld, reader)
    return Response(page, media_type="application/json")


async def _withheld(runtime: Runtime, rows: Sequence[Any], reader: Principal) -> set[UUID]:
    """The projects whose content the reader has no role for: of these only the events that hold none are shown."""
    if reader.has(Role.PERSONAL_DATA):
        return set()
    return await runtime.holding_personal_data({row["project_id"] for row in rows if row["project_id"] is not None})


async def _read(
    database: Database, after: int, topics: Sequence[str], projects: Sequence[UUID] | None, limit: int
) -> list[Any]:
    """Ranges of events, a short transaction for each page; one event more than asked for shows whether there is a next."""
    async with database.transaction() as session:
        given: list[object] = [after, topics, limit + 1, _MOST_BYTES]
        rows: list[Any] = (
            await session.raw.fetch(_READ_ALL, *given)
            if projects is None
            else await session.raw.fetch(_READ_OF_PROJECTS, *given, projects)
        )
    return rows


class _Placed(NamedTuple):
    """An event at its position. `key` is the record's id on topics of records."""

    position: int
    topic: str
    key: bytes
    envelope: bytes
    project_id: UUID | None

    @property
    def record_id(self) -> UUID | None:
        return UUID(bytes=self.key) if self.topic in _OF_RECORDS else None


def _page(
    rows: Sequence[Any],
    events: Sequence[_Placed],
    erased: Collection[UUID],
    withheld: Collection[UUID],
    reader: Principal,
) -> bytes:
    """The answer, put together from the envelopes as they were sent; only those with secret fields are parsed.

    What was published of erased records is left out, and of the projects that are `withheld` the topics with content.
    """
    hidden = {
        topic: [secret.path for secret in secrets if not (secret.roles and reader.has(*secret.roles))]
        for topic, secrets in _SECRETS.items()
    }
    items: list[bytes] = []
    for event in events:
        if event.project_id in withheld and event.topic not in _WITHOUT_CONTENT:
            continue
        if is_redacted(event.envelope) or (event.record_id in erased and redacted(event.envelope) is not None):
            continue
        shown = _without(event.envelope, paths) if (paths := hidden.get(event.topic)) else event.envelope
        items.append(b'{"position":%d,"topic":"%b","event":%b}' % (event.position, event.topic.encode(), shown))
    # A page of nothing but what is left out leads on, too: whoever waits for events would get it again and again.
    more = bool(events) and (rows[0]["found"] > len(events) or not items)
    return b'{"items":[%b]%b}' % (b",".join(items), b',"next":%d' % events[-1].position if more else b"")


def _without(envelope: bytes, paths: Sequence[Sequence[str]]) -> bytes:
    """The envelope without these fields of its payload."""
    event = orjson.loads(envelope)
    for path in paths:
        _remove(event["payload"], path)
    return orjson.dumps(event)


def _remove(value: Any, path: Sequence[str]) -> None:
    name, *rest = path
    if name == "*":
        for item in value:
            _remove(item, rest)
    elif rest:
        _remove(value[name], rest)
    else:
        value.pop(name, None)


def _first(rows: Iterable[Any], after: int, limit: int) -> list[_Placed]:
    """The events of a page, erased and withheld ones among them. CPU work: no set is unpacked that the page has no room for."""
    found: list[_Placed] = []
    size = 0
    for event in _events(rows, after):
        found.append(event)
        size += len(event.envelope)
        if len(found) == limit or size >= _MOST_BYTES:
            break
    return found


def _events(rows: Iterable[Any], after: int) -> Iterator[_Placed]:
    """The events after that position, in order."""
    for row in rows:
        first = row["first"]
        events = set_of(row)[first : first + row["count"]]
        for position, event in enumerate(events, start=row["position"]):
            if position > after:
                yield _Placed(position, row["topic"], event.key, event.envelope, row["project_id"])
