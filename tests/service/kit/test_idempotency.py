"""A request that is sent again has one effect and one answer."""

import asyncio
from uuid import uuid4

import pytest

from tests.support.service import ServiceUnderTest


async def test_the_first_answer_is_given_again(tiny: ServiceUnderTest) -> None:
    path, headers = f"/v1/projects/{uuid4()}/things-once", tiny.token("manager") | {"idempotency-key": str(uuid4())}
    published = len(await tiny.published())
    first = await tiny.client.post(path, json={"name": "a"}, headers=headers)
    again = await tiny.client.post(path, json={"name": "a"}, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await tiny.published()) == published + 1


async def test_many_at_the_same_time_have_one_effect(tiny: ServiceUnderTest) -> None:
    path, headers = f"/v1/projects/{uuid4()}/things-once", tiny.token("manager") | {"idempotency-key": str(uuid4())}
    published = len(await tiny.published())
    answers = await asyncio.gather(*(tiny.client.post(path, json={"name": "a"}, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await tiny.published()) == published + 1


async def test_a_key_is_not_for_another_request(tiny: ServiceUnderTest) -> None:
    headers = tiny.token("manager") | {"idempotency-key": str(uuid4())}
    path = f"/v1/projects/{uuid4()}/things-once"
    await tiny.client.post(path, json={"name": "a"}, headers=headers)
    for other_path, name in ((path, "b"), (f"/v1/projects/{uuid4()}/things-once", "a")):
        answer = await tiny.client.post(other_path, json={"name": name}, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["type"] == "idempotency-key-reused"


async def test_keys_of_two_people_are_two_keys(tiny: ServiceUnderTest) -> None:
    key = {"idempotency-key": str(uuid4())}
    path = f"/v1/projects/{uuid4()}/things-once"
    first = await tiny.client.post(path, json={"name": "a"}, headers=tiny.token("manager", subject="ann") | key)
    second = await tiny.client.post(path, json={"name": "b"}, headers=tiny.token("manager", subject="bob") | key)
    assert first.json()["id"] != second.json()["id"]


async def test_a_request_that_failed_may_be_sent_again(tiny: ServiceUnderTest) -> None:
    project = uuid4()
    headers = tiny.token("manager") | {"idempotency-key": str(uuid4())}
    taken = await tiny.client.post(f"/v1/projects/{project}/things", json={"name": "a"}, headers=tiny.token("manager"))
    path = f"/v1/projects/{project}/things-once"
    assert (await tiny.client.post(path, json={"name": "a"}, headers=headers)).status_code == 409
    async with tiny.database.transaction() as session:
        await session.raw.execute("DELETE FROM things WHERE id = $1::uuid", taken.json()["id"])
    assert (await tiny.client.post(path, json={"name": "a"}, headers=headers)).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "a b", "é"])
async def test_a_malformed_key_is_refused(tiny: ServiceUnderTest, key: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in tiny.token("manager").items()]
    headers.append((b"idempotency-key", key.encode("latin-1")))
    answer = await tiny.client.post(f"/v1/projects/{uuid4()}/things-once", json={"name": "a"}, headers=headers)
    assert answer.status_code == 422
