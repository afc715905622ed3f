"""Pages follow each other by cursors that only the list they are of has given out."""

import dataclasses

import pytest

from tests.service.kit.edge_answers import PROBLEM, is_problem, things
from tests.support.service import ServiceUnderTest


async def test_pages_follow_each_other_without_gap_or_overlap(tiny: ServiceUnderTest) -> None:
    path = things()
    for number in range(7):
        await tiny.client.post(path, json={"name": f"t{number}"}, headers=tiny.token("manager"))
    names, after = [], None
    for _ in range(3):
        parameters = {"limit": "3"} | ({"after": after} if after else {})
        page = (await tiny.client.get(path, params=parameters, headers=tiny.token("manager"))).json()
        names += [item["name"] for item in page["items"]]
        after = page.get("next")
    assert names == [f"t{number}" for number in range(7)]
    assert "next" not in page


@pytest.mark.parametrize("after", ["rubbish", "WzFd", "W10", "bnVsbA", "WyJhXHUwMDAwYiJd", "é", "A" * 2049])
async def test_a_cursor_that_was_never_given_out_is_refused(tiny: ServiceUnderTest, after: str) -> None:
    answer = await tiny.client.get(things(), params={"after": after}, headers=tiny.token("manager"))
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == PROBLEM


async def test_a_cursor_of_another_list_is_refused(tiny: ServiceUnderTest) -> None:
    path = things()
    for name in ("a", "b"):
        await tiny.client.post(path, json={"name": name}, headers=tiny.token("manager"))
    cursor = (await tiny.client.get(path, params={"limit": 1}, headers=tiny.token("manager"))).json()["next"]
    good = await tiny.client.get(path, params={"after": cursor}, headers=tiny.token("manager"))
    assert [each["name"] for each in good.json()["items"]] == ["b"]
    other = await tiny.client.get(f"{path}-by-name", params={"after": cursor}, headers=tiny.token("manager"))
    is_problem(other, 400, "malformed-cursor")


async def test_a_cursor_of_another_service_is_refused(tiny: ServiceUnderTest) -> None:
    path = things()
    for name in ("a", "b"):
        await tiny.client.post(path, json={"name": name}, headers=tiny.token("manager"))
    cursor = (await tiny.client.get(path, params={"limit": 1}, headers=tiny.token("manager"))).json()["next"]
    tiny.app.state.runtime.spec = dataclasses.replace(tiny.runtime.spec, name="other")
    try:
        answer = await tiny.client.get(path, params={"after": cursor}, headers=tiny.token("manager"))
        is_problem(answer, 400, "malformed-cursor")
    finally:
        tiny.app.state.runtime.spec = dataclasses.replace(tiny.runtime.spec, name="tiny")
