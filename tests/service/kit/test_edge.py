"""What the edge of every service does, shown on the smallest one."""

from uuid import uuid4

from tests.support.service import ServiceUnderTest


async def test_a_good_request_is_answered_and_said(tiny: ServiceUnderTest) -> None:
    project_id = uuid4()
    answer = await tiny.client.post(
        f"/v1/projects/{project_id}/things", json={"name": "anvil"}, headers=tiny.token("manager")
    )
    assert answer.status_code == 201
    said = await tiny.published()
    assert str(said[-1].record_id) == answer.json()["id"]
