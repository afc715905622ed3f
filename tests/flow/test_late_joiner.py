"""A service that starts late, with an empty database and a bus that has forgotten, catches up by republish."""

import asyncio
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from deploy.demo.client import Client, Refused
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from tests.support.suites import prepared
from tests.support.waiting import until

STEP_S = 30.0
EARLY = ("ingest", "prelabel", "queue")
SCHEMA = {
    "fields": [{"name": "text", "kind": "text"}],
    "questions": [{"name": "tone", "kind": "choice", "labels": ["good", "bad"]}],
}
POLICIES = {
    "redundancy": {"without_model": 1, "with_model": 1, "held_out": 1, "maximum": 1, "posterior_target": 0.6},
    "learning": {"enabled": False},
    "auto_accept": {"enabled": False},
    "gold": {"entry_test": 0, "share": 0.0},
}


def _settings(data_dir: Path, services: tuple[str, ...]) -> SuiteSettings:
    """A bus of its own each time: what was published before is not on it."""
    return SuiteSettings(
        data_dir=data_dir,
        first_port=0,
        durable=False,
        services=services,
        environment={"TOUCHSTONE_TOPIC_PREFIX": f"late-{secrets.token_hex(4)}."},
    )


async def _annotate_one_record(suite: Suite) -> str:
    """Send a record and answer it; gives its id."""
    admin = suite.token(Role.ADMIN, subject="admin")
    ann = suite.token(Role.ANNOTATOR, subject="ann")
    leases: list[Any] = []
    async with Client(suite.urls) as client:
        project = {"name": "Late", "schema": SCHEMA, "guideline": "Choose.", "policies": POLICIES}
        made = await client.call("ingest", "POST", "/projects", admin, body=project)
        path = f"/projects/{made['project_id']}"
        body = {"records": [{"external_id": "one", "fields": {"text": "A lovely lamp"}}]}
        report = await client.call("ingest", "POST", f"{path}/records", admin, body=body)
        record_id: str = report["records"][0]["record_id"]
        await client.call("queue", "POST", "/annotators", admin, body={"subject": "ann", "pool": "crowd"})

        async def leased() -> bool:
            answer = await client.call("queue", "POST", f"{path}/leases", ann, body={"count": 1})
            leases.extend(answer["leases"])
            return bool(leases)

        await until(leased, STEP_S)
        [lease] = leases
        answer = {"answers": {"tone": {"label": "good"}}, "active_s": 1.0}
        await client.call("queue", "PUT", f"/leases/{lease['token']}/annotation", ann, body=answer)
    return record_id


async def _republish(suite: Suite, service: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli",
        "republish",
        service,
        env={**os.environ, **suite.environment_of(service)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def test_a_service_that_starts_late_catches_up_by_republish(tmp_path: Path) -> None:
    async with Suite(_settings(prepared(tmp_path / "data"), EARLY)) as early:
        record_id = await _annotate_one_record(early)

    async with Suite(_settings(tmp_path / "data", SERVICE_NAMES)) as whole, Client(whole.urls) as client:
        admin = whole.token(Role.ADMIN, subject="admin")
        for service in EARLY:
            await _republish(whole, service)

        async def labelled() -> bool:
            try:
                label = await client.call("qa", "GET", f"/records/{record_id}/label", admin)
            except Refused:
                return False
            return bool(label["answers"] == {"tone": {"label": "good"}})

        await until(labelled, 2 * STEP_S)
