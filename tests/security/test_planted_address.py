"""Raw personal data never leaves ingest: an e-mail address planted in every string is found nowhere else."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.demo.client import Client, Refused
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from tests.support.suites import prepared
from tests.support.waiting import until

PLANTED = "hedwig.planted@example.org"
SCHEMA = {
    "fields": [{"name": "text", "kind": "text", "title": f"Write to {PLANTED}"}],
    "questions": [
        {"name": "tone", "kind": "choice", "title": f"Ask {PLANTED}", "labels": ["good", "bad"]},
        {"name": "names", "kind": "spans", "field": "text", "labels": ["PER"], "required": False},
    ],
}
POLICIES = {
    "redundancy": {"without_model": 1, "with_model": 1, "held_out": 1, "maximum": 1, "posterior_target": 0.6},
    "learning": {"enabled": False},
    "auto_accept": {"enabled": False},
    "gold": {"entry_test": 0, "share": 0.0},
}


@pytest.fixture(scope="module")
async def suite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Suite]:
    settings = SuiteSettings(
        data_dir=prepared(tmp_path_factory.mktemp("planted") / "data"),
        first_port=0,
        durable=False,
        environment={"TOUCHSTONE_TOPIC_PREFIX": f"planted-{secrets.token_hex(4)}.", "TOUCHSTONE_LOG_LEVEL": "debug"},
    )
    async with Suite(settings) as running:
        yield running


async def _whole_database(url: str) -> str:
    """Every row of every table as text; bytes that are text are read as such."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = []
        for schema, table in tables:
            for row in await connection.fetch(f'SELECT * FROM "{schema}"."{table}"'):
                found += [
                    value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in row.values()
                ]
        return "\n".join(found)
    finally:
        await connection.close()


async def _live_a_little(suite: Suite, client: Client) -> None:
    """Records, refusals, feedback, an annotation: whatever carries strings, with the address in each of them."""
    admin = suite.token(Role.ADMIN, subject="admin")
    made = await client.call("ingest", "POST", "/projects", admin, body={"name": f"Project of {PLANTED}"})
    path = f"/projects/{made['project_id']}"
    await client.call("ingest", "POST", f"{path}/schemas", admin, body=SCHEMA)
    await client.call("ingest", "POST", f"{path}/guidelines", admin, body={"markdown": f"Mail {PLANTED} when unsure."})
    await client.call("ingest", "PUT", f"{path}/policies", admin, body=POLICIES)
    record = {
        "external_id": PLANTED,
        "fields": {"text": f"I am {PLANTED}, and I am pleased."},
        "slice": {"source": PLANTED},
        "purposes": [PLANTED],
    }
    broken = {"external_id": f"x{PLANTED}", "fields": {"text": 7, PLANTED: PLANTED}}
    report = await client.call("ingest", "POST", f"{path}/records", admin, body={"records": [record, broken]})
    assert report["accepted"] == 1
    assert PLANTED not in str(report["rejected"]), "a report names pointer and rule, never the value"
    await client.call(
        "queue", "POST", "/annotators", admin, body={"subject": "ann", "pool": "crowd", "name": "Ann of nowhere"}
    )
    ann = suite.token(Role.ANNOTATOR, subject="ann")
    leases: list[Any] = []

    async def leased() -> bool:
        answer = await client.call("queue", "POST", f"{path}/leases", ann, body={"count": 1})
        leases.extend(answer["leases"])
        return bool(leases)

    await until(leased, 30)
    assert PLANTED not in str(leases)
    body = {"answers": {"tone": {"label": "good"}}, "active_s": 1.0}
    with_typo = {"answers": {"tone": {"label": PLANTED}}, "active_s": 1.0}
    with pytest.raises(Refused) as refused:
        await client.call("queue", "PUT", f"/leases/{leases[0]['token']}/annotation", ann, body=with_typo)
    assert PLANTED not in str(refused.value)
    await client.call("queue", "PUT", f"/leases/{leases[0]['token']}/annotation", ann, body=body)
    record_id = report["records"][0]["record_id"]

    async def labelled() -> bool:
        try:
            await client.call("qa", "GET", f"/records/{record_id}/label", admin)
        except Refused:
            return False
        return True

    await until(labelled, 30)


async def test_a_planted_address_is_found_in_no_other_database_topic_or_log(suite: Suite) -> None:
    async with Client(suite.urls) as client:
        await _live_a_little(suite, client)
    assert PLANTED in await _whole_database(suite.database_url("ingest")), "ingest keeps the original"
    for service in set(SERVICE_NAMES) - {"ingest"}:
        assert PLANTED not in await _whole_database(suite.database_url(service)), service
    assert PLANTED not in await _whole_database(suite.database_url("bus")), "the bus"
    for log in (suite.data_dir / "logs").glob("*.log"):
        assert PLANTED not in log.read_text(), log.name
    others = [path for path in (suite.data_dir / "objects").rglob("*") if path.is_file()]
    assert all(PLANTED.encode() not in path.read_bytes() for path in others)
    assert PLANTED not in _server_log(suite.data_dir), "PostgreSQL's log"


def _server_log(data_dir: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in (data_dir / "postgres").glob("*.log"))
