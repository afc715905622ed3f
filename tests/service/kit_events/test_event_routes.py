"""`GET /v1/events`: what was published, in order, to those who may know it."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from shared.contracts.events import AnnotatorChanged, GoldPlaced, ProjectChanged, RecordErased
from shared.contracts.values import AnnotatorStatus, Pool
from shared.kit import erasures, event_routes
from shared.kit.clock import new_id, utc_now
from shared.kit.outbox import Outgoing, publish_many
from shared.kit.relay import Relay
from shared.kit.waits import Waits
from tests.service.kit_events.conftest import TINY, cancelled
from tests.support.bus import ListBus
from tests.support.events import parse_event
from tests.support.golden import golden
from tests.support.outbox import outbox_events
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.waiting import until

OURS, THEIRS = new_id(), new_id()


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[ServiceUnderTest]:
    """A service that has published 1-30 of two projects by turns and 31 of none; 32 is not sent yet."""
    async with service_under_test(TINY) as made:
        erased = [
            Outgoing(payload=RecordErased(reason=str(n)), project_id=(OURS, THEIRS)[n % 2], record_id=new_id())
            for n in range(30)
        ]
        await publish(made, *erased, Outgoing(payload=changed()))
        await send_all(made)
        await publish(made, Outgoing(payload=changed()))
        yield made


async def send_all(service: ServiceUnderTest) -> None:
    relay = asyncio.create_task(Relay(service.database, ListBus(), "tiny").run())
    await until(lambda: _all_sent(service))
    await cancelled(relay)


def changed() -> AnnotatorChanged:
    return AnnotatorChanged(annotator_id=new_id(), pool=Pool.CROWD, status=AnnotatorStatus.ACTIVE)


async def publish(service: ServiceUnderTest, *items: Outgoing) -> None:
    async with service.database.transaction() as session:
        await publish_many(session, items)


async def _all_sent(service: ServiceUnderTest) -> bool:
    async with service.database.transaction() as session:
        return bool(await session.raw.fetchval("SELECT NOT EXISTS (SELECT FROM outbox_queue)"))


async def test_pages_hold_every_event_once_in_order(service: ServiceUnderTest) -> None:
    headers, after, positions = service.token("auditor"), 0, []
    while True:
        answer = await service.client.get("/v1/events", params={"after": after, "limit": 10}, headers=headers)
        page = answer.json()
        positions += [item["position"] for item in page["items"]]
        if "next" not in page:
            break
        after = page["next"]
    assert positions == list(range(1, 32))


async def test_an_event_is_given_as_it_was_sent(service: ServiceUnderTest) -> None:
    answer = await service.client.get("/v1/events", params={"limit": 1}, headers=service.token("manager"))
    assert answer.headers["content-type"] == "application/json"
    [item] = answer.json()["items"]
    assert item["topic"] == "records"
    async with service.database.transaction() as session:
        published = await outbox_events(session.raw)
    assert parse_event(published[0].envelope).model_dump(mode="json") == item["event"]


async def test_what_was_published_of_an_erased_record_is_left_out_at_once() -> None:
    async with service_under_test(TINY) as made:
        gone, kept = new_id(), new_id()
        accepted = golden("RecordAccepted").payload
        await publish(
            made,
            *(Outgoing(payload=accepted, project_id=OURS, record_id=each) for each in (gone, kept, gone)),
            Outgoing(payload=RecordErased(reason="request"), project_id=OURS, record_id=gone, revision=2),
            Outgoing(payload=accepted, project_id=OURS, record_id=gone),
        )
        await send_all(made)
        async with made.database.transaction() as session:
            await erasures.note(session, [(gone, OURS)], utc_now())
        headers, after, seen = made.token("manager"), 0, []
        while True:
            answer = await made.client.get("/v1/events", params={"after": after, "limit": 1}, headers=headers)
            page = answer.json()
            seen += [(item["position"], item["event"]["type"]) for item in page["items"]]
            if "next" not in page:
                break
            after = page["next"]
            if after == 5:  # the last one is left out: a page of nothing leads on behind it
                assert page["items"] == []
        assert seen == [(2, "RecordAccepted"), (4, "RecordErased")]


async def test_secret_fields_are_left_out_of_the_view_alone() -> None:
    async with service_under_test(TINY) as made:
        project = golden("ProjectChanged")
        await publish(made, Outgoing(payload=project.payload, project_id=project.project_id))
        await send_all(made)
        shown = {}
        for role in ("manager", "auditor"):
            answer = await made.client.get("/v1/events", headers=made.token(role))
            [item] = answer.json()["items"]
            shown[role] = item["event"]["payload"]
        assert (await made.published(ProjectChanged))[0].payload == project.payload
    whole = project.payload.model_dump(mode="json")
    del whole["draw_salt"]
    assert shown["manager"] == whole
    for version in whole["policies"]:
        del version["policies"]["gold"]
    assert shown["auditor"] == whole


async def test_to_how_many_annotators_gold_is_served_is_for_managers_alone() -> None:
    async with service_under_test(TINY) as made:
        placed = GoldPlaced(schema_version=1, exposures=50)
        await publish(made, Outgoing(payload=placed, project_id=OURS, record_id=new_id()))
        await send_all(made)
        for role, shown in (("manager", {"schema_version": 1, "exposures": 50}), ("auditor", {"schema_version": 1})):
            [item] = (await made.client.get("/v1/events", headers=made.token(role))).json()["items"]
            assert item["event"]["payload"] == shown


async def test_a_topic_can_be_chosen(service: ServiceUnderTest) -> None:
    headers = service.token("manager")
    answer = await service.client.get("/v1/events", params={"topic": "annotators"}, headers=headers)
    assert [item["position"] for item in answer.json()["items"]] == [31]
    refused = await service.client.get("/v1/events", params={"topic": "tiny.dead"}, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (422, "unknown-topic")


async def test_a_token_limited_to_a_project_sees_that_project_alone(service: ServiceUnderTest) -> None:
    headers = service.token("auditor", projects=[OURS])
    page = (await service.client.get("/v1/events", headers=headers)).json()
    assert len(page["items"]) == 15
    assert {UUID(item["event"]["project_id"]) for item in page["items"]} == {OURS}


async def test_events_with_content_of_a_project_that_holds_personal_data_take_the_role(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages go on behind what is left out of them."""
    holding = f"SELECT project_id FROM unnest($1::uuid[]) AS project_id WHERE project_id = '{OURS}'"
    marked = replace(service.runtime.spec, holding_personal_data=holding)
    monkeypatch.setattr(service.runtime, "spec", marked)
    seen: dict[bool, list[str | None]] = {}
    for allowed in (False, True):
        headers = service.token("auditor", *(["personal_data"] if allowed else []))
        after, seen[allowed] = 0, []
        while after is not None:
            page = (await service.client.get("/v1/events", params={"after": after, "limit": 4}, headers=headers)).json()
            seen[allowed] += [item["event"]["project_id"] for item in page["items"]]
            after = page.get("next")
    assert (len(seen[True]), len(seen[False])) == (31, 16)
    assert str(OURS) not in seen[False]


@pytest.mark.parametrize("role", ["annotator", "arbiter", "product", "trainer"])
async def test_others_may_not_read_events(service: ServiceUnderTest, role: str) -> None:
    assert (await service.client.get("/v1/events", headers=service.token(role))).status_code == 403


@pytest.mark.parametrize("after", ["-1", "x", str(2**63)])
async def test_a_position_that_cannot_be_is_refused(service: ServiceUnderTest, after: str) -> None:
    answer = await service.client.get("/v1/events", params={"after": after}, headers=service.token("auditor"))
    assert answer.status_code == 422


async def test_who_waits_is_answered_when_an_event_comes_or_the_time_is_over(service: ServiceUnderTest) -> None:
    headers, params = service.token("auditor"), {"after": 31, "wait_s": 1}
    began = time.monotonic()
    answer = await service.client.get("/v1/events", params=params, headers=headers)
    assert answer.json() == {"items": []}
    assert time.monotonic() - began >= 1
    waiting = asyncio.create_task(service.client.get("/v1/events", params={**params, "wait_s": 15}, headers=headers))
    await asyncio.sleep(0.1)
    relay = asyncio.create_task(Relay(service.database, ListBus(), "tiny").run())
    assert [item["position"] for item in (await waiting).json()["items"]] == [32]
    await cancelled(relay)


async def test_a_page_holds_and_unpacks_no_more_than_it_has_room_for() -> None:
    """Compressed, a hundred of these events take as little as one."""
    count, length = 40, 400_000
    async with service_under_test(TINY) as made:
        for _ in range(count):
            await publish(
                made, Outgoing(payload=RecordErased(reason="a" * length), project_id=OURS, record_id=new_id())
            )
        await send_all(made)
        seen: list[int] = []
        while len(seen) < count:
            after = seen[-1] if seen else 0
            answer = await made.client.get(
                "/v1/events", params={"after": after, "limit": 1000}, headers=made.token("auditor")
            )
            assert len(answer.content) < event_routes._MOST_BYTES + 2 * length
            seen += [item["position"] for item in answer.json()["items"]]
        assert seen == list(range(1, count + 1))


async def test_a_subject_has_so_many_requests_that_wait_and_others_have_theirs(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.runtime, "waits", Waits(most=3))

    async def ask(subject: str) -> int:
        headers = service.token("auditor", subject=subject)
        answer = await service.client.get("/v1/events", params={"after": 1_000, "wait_s": 1}, headers=headers)
        return int(answer.status_code)

    *greedy, modest = await asyncio.gather(*(ask("greedy") for _ in range(5)), ask("modest"))
    assert Counter(greedy) == {200: 3, 429: 2}
    assert modest == 200
    assert await ask("greedy") == 200, "they wait no more"
