"""Predictions on demand."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.prelabel.compute import pictures
from shared.kit.compute.exceptions import ComputeOutOfMemory
from tests.service.prelabel.world import DIGIT_SCHEMA, World, digit_manifest, digit_model, digits, png


async def ask(world: World, items: list[Any], **more: Any) -> Any:
    return await world.service.client.post(
        f"/v1/projects/{world.project_id}/predictions",
        headers=world.service.token("product"),
        json={"items": items, **more},
    )


async def test_items_are_answered_in_their_order_and_nothing_is_kept(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    items = [{"fields": {"message": text}} for text in ("The parcel is LATE", "refund  my money", "hello there")]
    answer = await ask(world, items)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["model_id"] == str(model_id)
    assert [each["answers"]["topic"]["label"] for each in found["predictions"]] == ["delivery", "billing", "other"]
    assert await world.fetch("SELECT 1 FROM records WHERE project_id = $1", world.project_id) == []


async def test_pictures_are_sent_inline(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    await world.champion(digit_model(), digit_manifest())
    pixels, label = digits()[5]
    encoded = base64.b64encode(png(pixels)).decode()
    items = [
        {"fields": {"picture": {"media_type": "image/png", "base64": encoded}}},
        {"fields": {"picture": {"base64": encoded}}},
        {"fields": {"picture": f"data:image/png;base64,{encoded}"}},
        {"fields": {"picture": {"media_type": "image/png", "base64": "bm90IGEgcGljdHVyZQ=="}}},
        {"fields": {"picture": {"media_type": "image/png", "base64": "!!"}}},
        {"fields": {"picture": "data:image/png,no base64"}},
        {"fields": {"picture": "no picture"}},
        {"fields": {}},
    ]
    found = (await ask(world, items)).json()["predictions"]
    assert [each["answers"] for each in found[:3]] == [{"digit": {"label": label}}] * 3
    assert [each["answers"] for each in found[3:]] == [{}] * 5
    assert all(each["reason"] for each in found[3:])


async def test_without_a_champion_a_model_must_be_named(world: World) -> None:
    await world.begin()
    answer = await ask(world, [{"fields": {"message": "hello"}}])
    assert (answer.status_code, answer.json()["type"]) == (409, "no-champion")


async def test_too_much_at_once_is_refused_and_comes_through_later(world: World) -> None:
    await world.begin()
    await world.champion()
    inference = world.service.runtime.resources.inference
    items = [{"fields": {"message": f"parcel {number}"}} for number in range(1000)]
    limits = inference._limits
    inference._limits = replace(limits, queue_items=1000)
    try:
        answers = await asyncio.gather(*(ask(world, items) for _ in range(4)))
    finally:
        inference._limits = limits
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.json()["type"] == "overloaded"
    assert refused.headers["Retry-After"] == "1"
    assert (await ask(world, items)).status_code == 200


async def test_a_picture_that_is_none_is_pointed_at_where_it_is_wrong(world: World) -> None:
    await world.begin(DIGIT_SCHEMA)
    for picture, errors in (
        ({"base64": "eA==", "media_type": "image/gif"}, [("/items/0/fields/picture/media_type", "literal_error")]),
        ({"media_type": "image/png"}, [("/items/0/fields/picture/base64", "missing")]),
        (7, [("/items/0/fields/picture", "string_type")]),
    ):
        answer = await ask(world, [{"fields": {"picture": picture}}])
        assert answer.status_code == 422
        assert [(error["pointer"], error["rule"]) for error in answer.json()["errors"]] == errors


async def test_a_records_predictions_are_listed_the_newest_first(world: World) -> None:
    await world.begin()
    record_id = await world.text("billing", 1)
    model_id = await world.champion()
    await world.service.run_loop("score")
    answer = await world.service.client.get(
        f"/v1/records/{record_id}/predictions", headers=world.service.token("auditor")
    )
    items = answer.json()["items"]
    assert [(item["revision"], item["prediction"]["model_id"]) for item in items] == [(2, str(model_id)), (1, None)]


async def test_a_picture_that_takes_its_process_down_costs_only_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(DIGIT_SCHEMA)
    await world.champion(digit_model(), digit_manifest())
    pixels, label = digits()[5]
    fine, bomb = png(pixels), png(np.zeros((9, 9), dtype=np.uint8))
    compute = world.service.runtime.compute
    run = compute.run

    async def crashes(function: Any, *arguments: Any, **limits: Any) -> Any:
        if function is pictures.reduce and bomb in arguments[0]:
            raise ComputeOutOfMemory("the computation needs more memory than it may take")
        return await run(function, *arguments, **limits)

    monkeypatch.setattr(compute, "run", crashes)
    items = [{"fields": {"picture": {"base64": base64.b64encode(data).decode()}}} for data in (fine, bomb, fine)]
    answer = await ask(world, items)
    assert answer.status_code == 200, answer.text
    found = answer.json()["predictions"]
    assert [each["answers"] for each in found] == [{"digit": {"label": label}}, {}, {"digit": {"label": label}}]
    assert "memory" in found[1]["reason"]
