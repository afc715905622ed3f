"""Drafts are masked as annotations are, by the project's policy; leasing from one that holds personal data takes a role."""

from dataclasses import replace
from typing import Any

import pytest

from services.queue.operations import work_check
from services.queue.operations.work_check import MASKED_AT_ONCE
from shared.contracts.answers import accept
from shared.contracts.values import Role
from tests.service.queue.world import Person, World, policies, sentiment
from tests.support.service import ServiceUnderTest

KEPT = policies(deidentification={"kept": ["EMAIL"]})
ADDRESS = "jane@example.com"
SHORT = {"note": {"text": f"Ask {ADDRESS} or +49 30 901820."}}
LONG = {"note": {"text": f"Ask {ADDRESS}, please. " * (MASKED_AT_ONCE // 10)}}


async def save_draft(person: Person, token: str, answers: Any) -> Any:
    answer = await person.world.client.put(
        f"/v1/leases/{token}/draft", headers=person.headers, json={"answers": answers}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["answers"]


async def kept_drafts(world: World) -> list[str]:
    async with world.service.database.transaction() as session:
        return [row["answers"] for row in await session.raw.fetch("SELECT answers FROM drafts")]


@pytest.mark.parametrize("answers", [SHORT, LONG], ids=["short", "long"])
async def test_a_draft_is_kept_without_personal_data(service: ServiceUnderTest, answers: Any) -> None:
    world = await World(service).open()
    person = await world.person()
    await world.record()
    lease = await person.one()
    saved = await save_draft(person, lease["token"], answers | sentiment("neutral"))
    read = await world.client.get(f"/v1/leases/{lease['token']}/draft", headers=person.headers)
    assert read.json()["answers"] == saved
    assert saved["sentiment"] == sentiment("neutral")["sentiment"], "the schema's own words stay"
    assert "Ask [EMAIL]" in saved["note"]["text"]
    assert not any(ADDRESS in draft for draft in await kept_drafts(world))


async def test_an_annotation_with_a_long_reason_is_read_once(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World(service).open()
    person = await world.person()
    await world.record()
    lease = await person.one()
    times: list[Any] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        times.append(arguments)
        return accept(*arguments, **named)

    monkeypatch.setattr(work_check, "accept", counted)
    reason = "It says so. " * (MASKED_AT_ONCE // 10)
    assert (await person.submit(lease["token"], sentiment("neutral"), reason=reason)).status_code == 200
    assert len(times) == 1


@pytest.mark.parametrize("answers", [SHORT, LONG], ids=["short", "long"])
async def test_the_draft_of_what_came_too_late_is_kept_without_personal_data(
    service: ServiceUnderTest, answers: Any
) -> None:
    world = await World(service).open()
    slow, quick = await world.people(2)
    await world.record()
    lease = await slow.one()
    await world.expire_leases()
    await quick.one()
    assert (await slow.submit(lease["token"], answers)).status_code == 409
    draft = await world.client.get(f"/v1/leases/{lease['token']}/draft", headers=slow.headers)
    assert "Ask [EMAIL]" in draft.json()["answers"]["note"]["text"]
    assert not any(ADDRESS in one for one in await kept_drafts(world))


async def test_what_the_policy_keeps_is_not_masked(service: ServiceUnderTest) -> None:
    world = await World(service, policies=KEPT).open()
    person = replace(await world.person(), roles=(Role.ANNOTATOR, Role.PERSONAL_DATA))
    await world.record()
    lease = await person.one()
    assert await save_draft(person, lease["token"], SHORT) == {"note": {"text": f"Ask {ADDRESS} or [PHONE]."}}


async def test_leasing_from_a_project_that_holds_personal_data_takes_the_role(service: ServiceUnderTest) -> None:
    world = await World(service).open()
    person = await world.person()
    await world.records(6)
    before = await person.one()
    await world.change(policies=KEPT)
    path = f"/v1/projects/{world.project_id}/leases"
    refusals = [
        await person.ask(),
        await person.ask(3),
        await world.client.get(path, headers=person.headers),
        await person.submit(before["token"], next=1),
        await person.skip(before["token"], next=1),
    ]
    for refused in refusals:
        assert (refused.status_code, refused.json()["type"]) == (403, "wrong-role")
        assert "personal_data" in refused.json()["detail"]
    assert (await person.submit(before["token"])).status_code == 200, "what was leased before is answered"
    allowed = replace(person, roles=(Role.ANNOTATOR, Role.PERSONAL_DATA))
    assert len(await allowed.lease()) == 1
    assert len(await allowed.lease(count=2)) == 2
    assert (await person.ask()).status_code == 403, "whatever is remembered of who asks"
    await world.change(policies=policies())
    assert (await person.ask()).status_code == 403, "what came before stays"
