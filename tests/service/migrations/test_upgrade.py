"""What the last release left behind is upgraded: nothing is lost, nothing has its effect twice, new work goes on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.contracts.envelope import Event
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from shared.kit import migrations
from tests.support import last_release
from tests.support.events import parse_event
from tests.support.golden import handled_by
from tests.support.postgres import create_database, drop_database
from tests.support.service import ServiceUnderTest, service_under_test


@dataclass
class Upgraded:
    service: ServiceUnderTest
    rows_before: dict[str, int]
    published_before: list[Event[Any]]
    sent_before: int
    actors_before: set[str]


@pytest.fixture(params=SERVICE_NAMES)
async def upgraded(request: pytest.FixtureRequest) -> AsyncIterator[Upgraded]:
    name: str = request.param
    url = create_database(f"upgraded_{name}")
    try:
        await last_release.restore(url, name)
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == last_release.REVISION
        rows = await _rows(connection)
        published = [row[0] for row in await connection.fetch("SELECT envelope FROM outbox ORDER BY seq")]
        sent: int = await connection.fetchval("SELECT position FROM relay")
        actors = await _actors(connection, name)
        await connection.close()
        migrations.upgrade_apart(f"services.{name}", url)
        async with service_under_test(name, database_url=url) as service:
            yield Upgraded(service, rows, [parse_event(each) for each in published], sent, actors)
    finally:
        drop_database(url)


async def _rows(connection: Any) -> dict[str, int]:
    """How many rows each table has that no upgrade may lose one of."""
    names = await connection.fetch(
        "SELECT c.relname FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
    )
    return {name: await connection.fetchval(f'SELECT count(*) FROM public."{name}"') for (name,) in names}


_KEPT = [("jobs", "subject"), ("idempotency_keys", "subject")]
_ACTORS = {
    "ingest": _KEPT,
    "prelabel": [*_KEPT, ("models", "created_by"), ("training_runs", "started_by")],
    "queue": [],  # it may know them
    "qa": [*_KEPT, ("gold", "placed_by"), ("releases", "requested_by")],
}
LEARNING = "labels"
"""Stands in prelabel where nobody acted."""


async def _actors(connection: Any, service: str) -> set[str]:
    found: set[str] = set()
    for table, column in _ACTORS[service]:
        found |= {row[0] for row in await connection.fetch(f"SELECT DISTINCT {column} FROM {table}")}
    return found


async def test_who_acted_has_an_opaque_id_afterwards(upgraded: Upgraded) -> None:
    name = upgraded.service.runtime.spec.name
    async with upgraded.service.database.transaction() as session:
        actors = await _actors(session.raw, name) - {LEARNING}
    assert all(UUID(actor).version == 4 for actor in actors)
    assert len(actors) == len(upgraded.actors_before - {LEARNING})
    assert actors or name in {"ingest", "prelabel", "queue"}


async def test_no_row_is_lost(upgraded: Upgraded) -> None:
    async with upgraded.service.database.transaction() as session:
        rows = await _rows(session.raw)
    assert {name: count for name, count in upgraded.rows_before.items() if rows.get(name, 0) < count} == {}
    assert sum(upgraded.rows_before.values()) > 90


async def test_the_events_are_read_as_they_were_sent(upgraded: Upgraded) -> None:
    events = list[Any]()
    after = 0
    headers = upgraded.service.token(Role.AUDITOR)
    while True:
        page = (await upgraded.service.client.get(f"/v1/events?after={after}&limit=100", headers=headers)).json()
        events += page["items"]
        if page.get("next") is None or not page["items"]:
            break
        after = page["next"]
    assert [each["position"] for each in events] == list(range(1, upgraded.sent_before + 1))
    known = {str(each.id) for each in upgraded.published_before}
    assert {each["event"]["id"] for each in events} <= known


async def test_an_event_of_before_has_no_second_effect(upgraded: Upgraded) -> None:
    before = len(await upgraded.service.published())
    handled = handled_by(upgraded.service)
    redelivered = 0
    for other in SERVICE_NAMES:
        url = create_database(f"other_{other}")
        try:
            await last_release.restore(url, other)
            connection = await asyncpg.connect(url)
            rows = await connection.fetch("SELECT envelope FROM outbox WHERE position IS NOT NULL ORDER BY seq")
            await connection.close()
        finally:
            drop_database(url)
        for (envelope,) in rows:
            event = parse_event(envelope)
            if (event.type, event.version) in handled:
                await upgraded.service.deliver(event)
                redelivered += 1
    assert redelivered > 10
    assert len(await upgraded.service.published()) == before
