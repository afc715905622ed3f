"""What is dropped of parked events and sent positions, and what is measured of those that wait, however many there are."""

import asyncpg
import pytest
from prometheus_client import REGISTRY

from shared.kit import backlog, housekeeping
from shared.kit.clock import utc_now
from shared.kit.database import Database
from tests.service.kit_events.conftest import Effects

PARK = """
INSERT INTO parked (consumer_group, event_id, kind, key, topic, event_key, envelope, parked_at)
SELECT consumer_group, gen_random_uuid(), kind, gen_random_uuid(), 'records', '', '', now() - age * interval '1 day'
FROM unnest(ARRAY['other', 'tiny']) AS consumer_group, unnest(ARRAY['gold', 'project', 'record']) AS kind,
    generate_series(28, 35) AS age
"""
SENT = """
INSERT INTO outbox_positions (topic, last_position, positions, seqs, created_at, projects, sent_at)
SELECT topic, 100 - age, '{1}', '{1}', '{now}', '{}', now() - age * interval '1 day'
FROM unnest(ARRAY['annotators', 'labels', 'records']) AS topic, generate_series(28, 35) AS age
"""


@pytest.mark.parametrize("chunk", [2, 5_000])
async def test_what_is_past_its_retention_is_dropped_of_each_topic_and_kind(
    database: Database, effects: Effects, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_CHUNK", chunk)
    connection: asyncpg.Connection = await database.dedicated()
    try:
        await connection.execute(PARK)
        await connection.execute(SENT)
        await housekeeping.tidy(connection, 30, utc_now())
    finally:
        await connection.close()
    left = await effects.rows("SELECT consumer_group, kind, count(*) FROM parked GROUP BY 1, 2 ORDER BY 1, 2")
    assert [tuple(row) for row in left] == [
        (group, kind, 2) for group in ("other", "tiny") for kind in ("gold", "project", "record")
    ]
    sent = await effects.rows("SELECT topic, count(*) FROM outbox_positions GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in sent] == [("annotators", 2), ("labels", 2), ("records", 2)]


async def test_each_kind_of_parked_event_is_measured_and_no_more_than_so_many_are_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MOST_COUNTED", 5)
    async with database.transaction() as session:
        await session.raw.execute(PARK)
        await session.raw.execute("DELETE FROM parked WHERE kind = 'gold' AND parked_at < now() - interval '29.5 days'")
    await backlog.measure(database, "tiny")
    measured = {
        kind: (
            _gauge("touchstone_parked_events", kind),
            round(_gauge("touchstone_parked_oldest_seconds", kind) / 86400),
        )
        for kind in ("gold", "project", "record")
    }
    assert measured == {"gold": (2, 29), "project": (5, 35), "record": (5, 35)}


def _gauge(name: str, kind: str) -> float:
    value = REGISTRY.get_sample_value(name, {"group": "tiny", "kind": kind})
    assert value is not None
    return value
