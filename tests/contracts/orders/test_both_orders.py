"""Topics have no order among each other: every pair of events ends the same in both orders."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from shared.contracts.envelope import Event
from shared.contracts.topics import TOPIC_OF, TOPICS
from tests.support.golden import golden
from tests.support.service import ServiceUnderTest, service_under_test

SERVICES = ("ingest", "prelabel", "queue", "qa")
FIRST = ("ProjectChanged", "RecordAccepted")
_PLUMBING = re.compile(r"^(alembic_version|inbox|outbox|parked|jobs|idempotency_keys)(_|$)")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


def _heard(service: str) -> list[str]:
    return [payload.event_type() for topic in TOPICS if service in topic.consumers for payload in topic.events]


def _same_stream(one: Event[Any], other: Event[Any]) -> bool:
    """Events of one key in one topic come in the order they were said."""
    return TOPIC_OF[type(one.payload)] is TOPIC_OF[type(other.payload)]


def _pairs() -> Iterator[tuple[str, str, str]]:
    for service in SERVICES:
        for one, other in itertools.combinations(_heard(service), 2):
            if not _same_stream(golden(one), golden(other)):
                yield service, one, other


async def _state_after(service: str, names: list[str]) -> dict[str, Counter[str]]:
    async with service_under_test(service) as under_test:
        for name in names:
            await under_test.deliver(golden(name))
        return await _state(under_test)


async def _state(service: ServiceUnderTest) -> dict[str, Counter[str]]:
    """Every row of the service's own tables and everything it said, without what is drawn or timed."""
    known = {str(value) for name in ("RecordAccepted", "AnnotatorChanged", "ModelChanged") for value in _ids(name)}
    async with service.database.transaction() as session:
        tables = [row[0] for row in await session.raw.fetch(_TABLES)]
        state = {}
        for table in tables:
            if _PLUMBING.match(table):
                continue
            rows = await session.raw.fetch(f'SELECT to_jsonb(t) AS row FROM "{table}" t')
            state[table] = Counter(_masked(orjson.loads(row["row"]), known) for row in rows)
    return state


def _ids(name: str) -> Iterator[str]:
    yield from _UUID.findall(golden(name).model_dump_json())


_DRAWN = re.compile(r"(_at|_until|seq|position|sort_key|salt|hash|hmac|token|digest|link|opaque|secret)$")


def _masked(row: dict[str, Any], known: set[str]) -> str:
    if row.get("state") == "erased":
        row = {name: row.get(name) for name in ("record_id", "state")}  # a tombstone says no more than that
    kept = {name: value for name, value in row.items() if not _DRAWN.search(name) and name not in {"id", "sequence"}}
    text = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
    return _UUID.sub(lambda found: found[0] if found[0] in known else "<drawn>", text)


def _difference(forth: dict[str, Counter[str]], back: dict[str, Counter[str]]) -> dict[str, Any]:
    return {
        table: {"forth": list(forth[table] - back[table]), "back": list(back[table] - forth[table])}
        for table in forth
        if forth[table] != back[table]
    }


@pytest.mark.parametrize(("service", "one", "other"), list(_pairs()))
async def test_both_orders_end_the_same(service: str, one: str, other: str) -> None:
    before = [name for name in FIRST if name in _heard(service) and name not in {one, other}]
    forth = await _state_after(service, [*before, one, other])
    back = await _state_after(service, [*before, other, one])
    assert _difference(forth, back) == {}
