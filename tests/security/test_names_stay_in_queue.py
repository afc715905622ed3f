"""A token's subject may be a name or an e-mail address: queue alone keeps it, and all else shows an opaque id."""

import ast
import functools
import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from shared.kit.clock import new_id
from tests.service.ingest.conftest import Ingest, text
from tests.service.prelabel.world import World as Prelabel
from tests.service.prelabel.world import text_manifest, text_model
from tests.service.qa.test_assessment import answer_gold, estimate, gold_records
from tests.service.qa.world import World as Qa
from tests.service.qa.world import animal
from tests.service.queue.world import World as Queue
from tests.service.queue.world import sentiment
from tests.support.service import ServiceUnderTest, service_under_test

ROOT = Path(__file__).resolve().parents[2]
NAME = "Jane.Roe@clinic.example"
OTHER_SUBJECT = "John.Poe@clinic.example"
OTHER_NAME = "John Poe of Ward Four"


class Observed:
    """A running service, and what it has logged."""

    def __init__(self, service: ServiceUnderTest, log: io.BytesIO) -> None:
        self.service = service
        self.log = log

    async def is_without_names(self, *names: str, but_in: frozenset[str] = frozenset()) -> None:
        published = "".join(event.model_dump_json() for event in await self.service.published())
        logged = self.log.getvalue().decode()
        assert '"event":"request"' in logged
        for name in (NAME, *names):
            assert await tables_that_know(self.service, name) == but_in, name
            assert name.lower() not in published.lower(), name
            assert name.lower() not in logged.lower(), name


@pytest.fixture
async def observed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Observed]:
    """Everybody who calls it without a subject of their own is Jane."""
    log = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=log, write=lambda _: None, flush=lambda: None))
    async with service_under_test(request.param, log_level="debug") as made:
        made.token = functools.partial(made.token, subject=NAME)  # type: ignore[method-assign]
        yield Observed(made, log)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("observed", [name], indirect=True)


async def tables_that_know(service: ServiceUnderTest, needle: str) -> set[str]:
    """The tables with a row in which the text stands, also as bytes."""
    found = set()
    async with service.database.transaction() as session:
        names = await session.raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in names:
            rows = await session.raw.fetch(f'SELECT t::text FROM "{table}" AS t')
            whole = "\n".join(row[0] for row in rows).lower()
            if needle.lower() in whole or needle.encode().hex() in whole:
                found.add(table)
    return found


@of("ingest")
async def test_ingest_knows_no_name(observed: Observed) -> None:
    service = observed.service
    ingest = Ingest(service)
    project_id = await ingest.project()
    sent = await ingest.send(project_id, text("Good."))
    erased = f"/v1/records/{sent['records'][0]['record_id']}"
    assert (await service.client.delete(erased, headers=service.token(Role.PRODUCT))).status_code == 204
    assert NAME not in (await service.client.get(f"{erased}/erasure", headers=service.token(Role.PRODUCT))).text
    headers = {**service.token(Role.MANAGER), "Idempotency-Key": "once"}
    body = {"name": "another"}
    made = [await service.client.post("/v1/projects", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()
    await observed.is_without_names()


@of("prelabel")
async def test_prelabel_knows_no_name(observed: Observed) -> None:
    service = observed.service
    world = Prelabel(service)
    await world.begin()
    model = await world.upload(text_model(), text_manifest())
    await world.upload(text_model(2), text_manifest())
    assert model.json()["created_by"] == service.actor(NAME)
    used = await world.upload(text_model(), text_manifest(), use_now="true")
    assert used.json()["decided_by"] == service.actor(NAME)
    for number in range(40):
        record_id = await world.text(("billing", "delivery")[number % 2], number)
        await world.label(record_id, ("billing", "delivery")[number % 2])
    path, body = f"/v1/projects/{world.project_id}/training-runs", {"reason": "Let us see."}
    asked = await service.client.post(path, json=body, headers=service.token(Role.TRAINER))
    assert asked.status_code == 202, asked.text
    assert await tables_that_know(service, service.actor(NAME)) >= {"models", "training_runs", "jobs"}
    await observed.is_without_names()


@of("qa")
async def test_qa_knows_no_name(observed: Observed) -> None:
    service = observed.service
    world = Qa(service)
    actor = service.actor(NAME)
    await world.deliver(world.project())
    record_id, path = await world.finalized(), f"/projects/{world.project_id}"
    await world.finalized()
    placed = await world.put(f"{path}/records/{record_id}/gold", {"answers": animal("cat")})
    assert placed["placed_by"] == actor
    release = await world.post(f"{path}/releases", {"name": "first"}, 202)
    assert (await world.get(f"/releases/{release['release_id']}"))["requested_by"] == actor
    spammer = new_id()
    records = await gold_records(world, 8)
    await answer_gold(world, spammer, records, right=0)
    await estimate(world)
    await world.post(f"{path}/annotators/{spammer}/reinstatement", {"reason": "Trained again."})
    await service.run_jobs()
    known = await tables_that_know(service, actor)
    assert known >= {"gold", "releases", "jobs", "assessments", "chain_links"}
    await observed.is_without_names()


@of("queue")
async def test_queue_knows_a_name_in_one_table_and_publishes_none(observed: Observed) -> None:
    service = observed.service
    world = await Queue(service).open()
    jane = await world.person(subject=NAME)
    for _ in range(3):
        await world.record()
    token = (await jane.one())["token"]
    await service.client.put(f"/v1/leases/{token}/draft", headers=jane.headers, json={"answers": sentiment()})
    assert (await jane.submit(token)).status_code == 200
    await jane.skip((await jane.one())["token"])
    await jane.one()
    body = {"subject": OTHER_SUBJECT, "name": OTHER_NAME}
    headers = {**service.token(Role.MANAGER), "Idempotency-Key": "once"}
    made = [await service.client.post("/v1/annotators", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()
    assert made[1].headers["Idempotency-Replayed"] == "true"
    await observed.is_without_names(OTHER_SUBJECT, OTHER_NAME, but_in=frozenset({"annotators"}))


@of("queue")
async def test_a_manager_finds_out_who_acted(observed: Observed) -> None:
    service = observed.service
    url = "/v1/actors"
    found = await service.client.post(url, json={"subjects": ["another", NAME]}, headers=service.token(Role.MANAGER))
    assert found.status_code == 200, found.text
    assert found.json()["actors"] == [
        {"subject": "another", "actor": service.actor("another")},
        {"subject": NAME, "actor": service.actor(NAME)},
    ]
    assert NAME.lower() not in service.actor(NAME)
    for subjects in ([], [""], ["a"] * 1_001, ["a" * 256]):
        answer = await service.client.post(url, json={"subjects": subjects}, headers=service.token(Role.MANAGER))
        assert answer.status_code == 422, answer.text
    limited = service.token(Role.MANAGER, projects=[new_id()])
    assert (await service.client.post(url, json={"subjects": ["a"]}, headers=limited)).status_code == 403
    assert (
        await service.client.post(url, json={"subjects": ["a"]}, headers=service.token(Role.AUDITOR))
    ).status_code == 403


@pytest.mark.parametrize("name", [name for name in SERVICE_NAMES if name != "queue"])
def test_no_service_but_queue_reads_a_subject(name: str) -> None:
    for path in (ROOT / "services" / name).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            reads = isinstance(node, ast.Attribute) and node.attr == "subject"
            of_a_principal = reads and isinstance(node.value, ast.Name) and _is_principal(node.value.id, path)  # type: ignore[attr-defined]
            assert not of_a_principal, f"{path}:{node.lineno}"  # type: ignore[attr-defined]


def _is_principal(variable: str, path: Path) -> bool:
    """Whether a parameter of that name in the file is of a type that `requires` gives, or a Principal."""
    guarded: set[str] = {"Principal"}
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and "requires" in ast.dump(node.value):
            guarded |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    parameters: list[Any] = [
        each
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in (*node.args.args, *node.args.kwonlyargs)
    ]
    return any(
        each.arg == variable and isinstance(each.annotation, ast.Name) and each.annotation.id in guarded
        for each in parameters
    )
