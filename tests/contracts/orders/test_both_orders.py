"""Topics have no order among each other: every pair of events ends the same in both orders.

And what leaves no row in the inbox has no second effect, whatever came in between.
"""

import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid5

import orjson
import pytest

from shared.contracts.envelope import Event
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.topics import TOPIC_OF
from tests.support.events import parse_event
from tests.support.golden import golden
from tests.support.outbox import outbox_events
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.subscriptions import subscriptions_of

FIRST = ("ProjectChanged", "RecordAccepted")
# What the producer published before it could publish this.
PRECEDED_BY = {"LabelRetracted": "LabelFinalized", "GoldWithdrawn": "GoldPlaced", "TaskServable": "TaskUnservable"}
# qa counts one revision for each record, over its requests and its labels.
QA_SAID = (
    "AnnotationsRequested",
    "ArbitrationRequested",
    "LabelFinalized",
    "RelabelRequested",
    "LabelRetracted",
    "GoldPlaced",
    "GoldWithdrawn",
    "RecordUnlabelable",
)

_PLUMBING = re.compile(r"^(alembic_version|inbox|outbox|parked|jobs|idempotency_keys)(_|$)")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SCORE = re.compile(r'"(acquisition_score|score|draw)":[0-9.e-]+')
_DRAWN = re.compile(r"(_at|_until|seq|position|sort_key|salt|hash|hmac|token|digest|link|opaque|secret|draw)$")
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
# What queue did on the way may differ (a record that ended first is never routed); what people are served may not.
_VIEWS = {
    "queue": {
        "records": "SELECT record_id, state, known, split, fields FROM records",
        "served": """
            SELECT s.record_id, t.purpose, t.kind, CASE t.purpose WHEN 'gold' THEN 0 ELSE t.round END AS round, s.state,
                count(*)
            FROM slots s JOIN tasks t USING (task_id) WHERE s.state <> 'void' GROUP BY 1, 2, 3, 4, 5
        """,
        "thresholds": "SELECT * FROM thresholds",
        "memberships": "SELECT annotator_id, assessed, assessment_revision FROM memberships",
    }
}
"""What is compared of a service in place of its tables."""

_READ = {
    "qa": {
        # A record's first route stands in `routes` alone until something else changes its row: read as the service does.
        "records": """
            SELECT (jsonb_populate_record(record, coalesce(to_jsonb(first_route), '{}'))).*
            FROM records AS record LEFT JOIN LATERAL (
                SELECT route, revision AS routed_revision, task_id AS routed_task_id, round AS routed_round,
                    slots_total AS routed_total, schema_version, guideline_version, policy_version, blind, explored,
                    CASE WHEN model_id IS NOT NULL THEN prediction_id END AS routed_prediction_id,
                    audit AND route <> 'auto_accept' AS audit, CASE WHEN round = 1 THEN slots_total ELSE 0 END AS due_total,
                    round = 1 AND model_id IS NULL AS due_without_model
                FROM routes
                WHERE routes.record_id = record.record_id AND record.routed_revision = 0 AND record.state <> 'erased'
                ORDER BY revision DESC LIMIT 1
            ) AS first_route ON true
        """,
        # Records whose answers are to be counted again: counting twice gives the same.
        "agreement_changes": "SELECT DISTINCT project_id, record_id FROM agreement_changes",
    }
}
"""How a service's tables are read where their rows alone don't say what the service makes of them."""


def _heard(service: str) -> Sequence[str]:
    """The types of the events that the service handles, topic by topic."""
    return [subscription.payload.event_type() for subscription in subscriptions_of(service)]


def _same_topic(one: str, other: str) -> bool:
    """Events of one key in one topic come in the order they were published."""
    return TOPIC_OF[type(golden(one).payload)] is TOPIC_OF[type(golden(other).payload)]


def _pairs() -> Iterator[tuple[str, str, str]]:
    for service in SERVICE_NAMES:
        for one, other in itertools.combinations(_heard(service), 2):
            if not _same_topic(one, other):
                yield service, one, other


def _repeats() -> Iterator[tuple[str, str, str]]:
    """Each service with each idempotent event, and each other one that may come before the repeat."""
    for service in SERVICE_NAMES:
        for subscription in subscriptions_of(service):
            if subscription.idempotent:
                repeated = subscription.payload.event_type()
                for between in _heard(service):
                    if between not in {repeated, *FIRST}:
                        yield service, repeated, between


@pytest.fixture(scope="module")
async def services() -> AsyncIterator[dict[str, ServiceUnderTest]]:
    async with (
        service_under_test("ingest") as ingest,
        service_under_test("prelabel") as prelabel,
        service_under_test("queue") as queue,
        service_under_test("qa") as qa,
    ):
        yield {"ingest": ingest, "prelabel": prelabel, "queue": queue, "qa": qa}


class Run:
    """One order of delivery, about ids of its own: all runs of a service share its database."""

    def __init__(self, service: ServiceUnderTest, name: str) -> None:
        self._service = service
        self._name = name
        self._original: dict[str, str] = {}

    async def deliver(self, names: Sequence[str]) -> None:
        for name in names:
            await self._service.deliver(self._event(name))

    def _event(self, name: str) -> Event[Any]:
        event = _without_chance(golden(name))
        if name in QA_SAID:
            event = event.model_copy(update={"revision": QA_SAID.index(name) + 1})
        return parse_event(_UUID.sub(lambda found: self._own(found[0]), event.model_dump_json()))

    def _own(self, original: str) -> str:
        own = str(uuid5(UUID(original), self._name))
        self._original[own] = original
        return own

    async def state(self) -> dict[str, Counter[str]]:
        """Every row about this run's ids, without what is drawn or timed."""
        async with self._service.database.transaction() as session:
            name = self._service.runtime.spec.name
            views = _VIEWS.get(name)
            if views is None:
                tables = [row[0] for row in await session.raw.fetch(_TABLES) if not _PLUMBING.match(row[0])]
                views = {table: f'SELECT * FROM "{table}"' for table in tables} | _READ.get(name, {})
            state = {}
            for table, query in views.items():
                rows = await session.raw.fetch(f"SELECT to_jsonb(found) AS row FROM ({query}) AS found")
                masked = (self._masked(row["row"]) for row in rows if self._is_mine(row["row"]))
                state[table] = Counter(masked)
        erased = any('"state":"erased"' in row for row in state["records"])
        return {"records": state["records"]} if erased else state  # of what is erased, only the tombstone counts

    async def rows(self) -> dict[str, Counter[str]]:
        """Every row about this run's ids as it is, and what was published of them."""
        async with self._service.database.transaction() as session:
            tables = [row[0] for row in await session.raw.fetch(_TABLES) if not _PLUMBING.match(row[0])]
            found = {
                table: Counter(
                    row[0] for row in await session.raw.fetch(f'SELECT to_jsonb(found) FROM "{table}" AS found')
                )
                for table in tables
            }
            found["outbox"] = Counter(event.envelope.decode() for event in await outbox_events(session.raw))
        return {table: Counter(filter(self._is_mine, rows.elements())) for table, rows in found.items()}

    def _is_mine(self, row: str) -> bool:
        return any(found in self._original for found in _UUID.findall(row))

    def _masked(self, text: str) -> str:
        row = orjson.loads(text)
        if row.get("state") == "erased":
            row = {name: row.get(name) for name in ("record_id", "state")}  # a tombstone holds no more than that
        kept = {name: value for name, value in row.items() if not _is_drawn(name, value)}
        shown = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
        shown = _SCORE.sub(r'"\1":"<drawn>"', shown)
        return _UUID.sub(lambda found: self._original.get(found[0], "<drawn>"), shown)


def _is_drawn(name: str, value: Any) -> bool:
    numbered = name.endswith("_id") and isinstance(value, int)
    return numbered or name == "id" or _DRAWN.search(name) is not None


def _without_chance(event: Event[Any]) -> Event[Any]:
    """Draws go by the record's id, which differs from run to run: let every die fall the same way."""
    if event.type != "ProjectChanged":
        return event
    whole = event.model_dump(mode="json")
    for each in whole["payload"]["policies"]:
        each["policies"]["learning"]["random_share"] = 0.0
        each["policies"]["auto_accept"]["audit_share"] = 0.0
        each["policies"]["serving"]["blind_share"] = 0.0
    return parse_event(orjson.dumps(whole))


def _difference(forth: dict[str, Counter[str]], back: dict[str, Counter[str]]) -> dict[str, Any]:
    """What one has and the other has not, by the first place where they differ."""
    return {
        table: {"forth": list(forth[table] - back[table]), "back": list(back[table] - forth[table])}
        for table in forth
        if forth[table] != back[table]
    }


@pytest.mark.parametrize(("service", "one", "other"), list(_pairs()))
async def test_both_orders_end_the_same(
    services: dict[str, ServiceUnderTest], service: str, one: str, other: str
) -> None:
    earlier = [*FIRST, *(PRECEDED_BY[name] for name in (one, other) if name in PRECEDED_BY)]
    before = [name for name in earlier if name in _heard(service) and name not in {one, other}]
    forth = Run(services[service], f"{one} {other}")
    await forth.deliver([*before, one, other])
    back = Run(services[service], f"{other} {one}")
    await back.deliver([*before, other, one])
    difference = _difference(await forth.state(), await back.state())
    assert not difference, orjson.dumps(difference, option=orjson.OPT_INDENT_2).decode()


_WRITTEN = {"ingest": "erasure_reports"}
"""The table that has a row then; ingest hears of no record, for it is the one who publishes them."""


@pytest.mark.parametrize(("service", "repeated", "between"), list(_repeats()))
async def test_an_idempotent_event_that_comes_again_changes_nothing(
    services: dict[str, ServiceUnderTest], service: str, repeated: str, between: str
) -> None:
    names = [*FIRST, repeated, PRECEDED_BY.get(between, between), between]
    run = Run(services[service], f"{repeated} {between} {repeated}")
    await run.deliver([name for name in dict.fromkeys(names) if name in _heard(service)])
    before = await run.rows()
    assert before[_WRITTEN.get(service, "records")]
    await run.deliver([repeated])
    difference = _difference(before, await run.rows())
    assert not difference, orjson.dumps(difference, option=orjson.OPT_INDENT_2).decode()
