"""The suite on the databases that the last release left behind: what was under way ends, and new records go round."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.demo.client import Client
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.services import SERVICE_NAMES
from tests.support import last_release
from tests.support.loop import CROWD, Loop, returned_to
from tests.support.waiting import until

STEP_S = 30.0


@pytest.fixture(scope="module")
async def loop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Loop]:
    data: Path = tmp_path_factory.mktemp("upgraded") / "data"
    postgres = EmbeddedPostgres(data / "postgres", durable=False).start()
    for service in SERVICE_NAMES:
        await last_release.restore(postgres.ensure_database(f"touchstone_{service}"), service)
    postgres.stop()
    last_release.restore_objects(data / "objects")
    async with Suite(SuiteSettings(data_dir=data, first_port=0, durable=False)) as suite, Client(suite.urls) as client:
        yield await returned_to(client, suite, "source", last_release.source_of)


async def test_what_was_under_way_ends(loop: Loop) -> None:
    records = (await loop.call("ingest", "GET", f"/projects/{loop.project_id}/records?limit=100"))["items"]
    texts = dict[str, str]()
    for one in records:
        texts[one["record_id"]] = (await loop.call("ingest", "GET", f"/records/{one['record_id']}"))["fields"]["text"]
    assert set(last_release.UNSENT) <= set(texts.values())
    gold = (await loop.call("qa", "GET", f"/projects/{loop.project_id}/records?state=gold"))["items"]
    assert len(gold) == 1

    subject, lease = await _open_lease(loop)
    await loop.submit(subject, lease, "novel")

    async def finalized() -> bool:
        await loop.answer_everything(*CROWD, "eve")
        labels = [await loop.label(record) for record in texts if record != gold[0]["record_id"]]
        return all(label is not None and not label["under_review"] for label in labels)

    await until(finalized, STEP_S * 2)
    for record_id, text in texts.items():
        if record_id != gold[0]["record_id"]:
            label = await loop.label(record_id)
            assert label is not None
            assert label["answers"]["source"]["label"] in {last_release.source_of(text), "law"}
            lineage = await loop.call("qa", "GET", f"/records/{record_id}/lineage")
            assert lineage["chain"]["verified"], lineage


async def test_a_new_record_goes_round_and_into_a_release(loop: Loop) -> None:
    (record_id,) = await loop.send("In a hole in the ground there lived a hobbit.")

    async def labelled() -> bool:
        await loop.answer_everything(*CROWD, "eve")
        return await loop.label(record_id) is not None

    await until(labelled, STEP_S)
    made = await loop.call("qa", "POST", f"/projects/{loop.project_id}/releases", body={"name": "second"})

    async def published() -> bool:
        found = await loop.call("qa", "GET", f"/releases/{made['release_id']}")
        return bool(found["status"] == "published")

    await until(published, STEP_S)


async def _open_lease(loop: Loop) -> tuple[str, dict[str, str]]:
    """The lease that somebody held at the end of the last release; a frontend keeps its token.

    It ran out long ago, but nobody else has the slot since.
    """
    connection = await asyncpg.connect(loop.suite.database_url("queue"))
    [(subject, token)] = await connection.fetch(
        "SELECT subject, token FROM slots JOIN annotators USING (annotator_id)"
        " WHERE token IS NOT NULL AND state IN ('leased', 'free')"
    )
    await connection.close()
    return subject, {"token": str(token)}
