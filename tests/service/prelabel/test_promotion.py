"""Models become champion and step back."""

from typing import Any
from uuid import UUID

import pytest

from services.prelabel.domain import evaluation
from shared.contracts.events import RecordPredicted
from shared.contracts.values import ModelStage, Split
from shared.kit.compute.exceptions import ComputeTimeout
from tests.service.prelabel.learning import changes
from tests.service.prelabel.world import (
    World,
    policies,
    text_manifest,
    text_model,
)


async def test_promotion_and_rollback(world: World) -> None:
    await world.begin()
    first = await world.champion()
    second = await world.champion(text_model(4))
    client, headers = world.service.client, world.service.token("manager")
    stages = {
        item["model_id"]: item["stage"]
        for item in (await client.get(f"/v1/projects/{world.project_id}/models", headers=headers)).json()["items"]
    }
    assert stages == {str(first): "retired", str(second): "champion"}
    reason = {"reason": "errors on the phone, call +49 151 23456789"}
    back = await client.post(f"/v1/models/{second}/rollback", headers=headers, json=reason)
    assert (back.status_code, back.json()["model_id"]) == (200, str(first))
    shown = [payload for _, payload in await changes(world, first)]
    assert [event.stage for event in shown] == ["challenger", "champion", "retired", "champion"]
    assert "151" not in shown[-1].reason
    assert [revision for revision, _ in await changes(world, first)] == [1, 2, 3, 4]
    again = await client.post(f"/v1/models/{second}/rollback", headers=headers, json=reason)
    assert (again.status_code, again.json()["type"]) == (409, "not-champion")
    further = await client.post(f"/v1/models/{first}/rollback", headers=headers, json=reason)
    assert (further.status_code, further.json()["type"]) == (409, "no-predecessor")


async def test_an_uploaded_model_is_used_at_once_where_somebody_decides_so(world: World) -> None:
    await world.begin()
    waiting = [await world.text("billing", number) for number in range(3)]
    reason = "The model that we had, call +49 151 23456789"
    answer = await world.upload(text_model(), text_manifest(), "manager", use_now="true", reason=reason)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["stage"], made["decided_by"], made["evaluation"]) == ("champion", world.service.actor("tester"), None)
    assert made["reason"].startswith("The model that we had")
    assert "151" not in made["reason"]
    assert "next_step" not in made or made["next_step"] is None
    await world.service.run_loop("score")
    predicted = await world.service.published(RecordPredicted)
    assert {event.record_id for event in predicted if event.payload.model_id == UUID(made["model_id"])} == {*waiting}

    again = await world.upload(text_model(), text_manifest(), "manager", use_now="true", reason=reason)
    assert (again.status_code, again.json()["revision"]) == (200, made["revision"])


async def test_a_model_that_was_used_at_once_was_compared_with_nothing(world: World) -> None:
    await world.begin()
    used = (await world.upload(text_model(), text_manifest(), "manager", use_now="true", reason="to begin with")).json()
    assert (used["stage"], used["evaluation"], used["compared"]) == ("champion", None, False)
    read = await world.service.client.get(f"/v1/models/{used['model_id']}", headers=world.service.token("manager"))
    assert (read.json()["compared"], read.json()["next_step"]) == (False, None)


async def test_using_a_model_at_once_asks_for_the_reason_and_for_the_role(world: World) -> None:
    await world.begin()
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/models",
        headers=world.service.token("manager"),
        files={"model": ("model.onnx", text_model(), "application/octet-stream")},
        data={"manifest": text_manifest().model_dump_json(), "use_now": "true"},
    )
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, ["/reason"])
    for role in ("product", "annotator", "auditor"):
        refused = await world.upload(text_model(), text_manifest(), role, use_now="true")
        assert refused.status_code == 403
    assert await world.fetch("SELECT FROM models WHERE project_id = $1", world.project_id) == []


async def test_a_waiting_upload_is_put_to_use_by_sending_it_again(world: World) -> None:
    await world.begin()
    waiting = (await world.upload(text_model(), text_manifest())).json()
    assert f"POST /v1/models/{waiting['model_id']}/promotion" in waiting["next_step"]
    used = await world.upload(text_model(), text_manifest(), use_now="true", reason="to begin with")
    assert (used.status_code, used.json()["model_id"], used.json()["stage"]) == (200, waiting["model_id"], "champion")


async def test_who_decided_on_a_stage_stands_beside_the_reason(world: World) -> None:
    await world.begin()
    first, second = await world.champion(), await world.champion(text_model(4))
    client, headers = world.service.client, world.service.token("manager", subject="mia")

    async def decided() -> dict[str, str | None]:
        page = (await client.get(f"/v1/projects/{world.project_id}/models", headers=headers)).json()
        return {item["model_id"]: item["decided_by"] for item in page["items"]}

    actor = world.service.actor
    assert await decided() == {str(first): actor("tester"), str(second): actor("tester")}
    await client.post(f"/v1/models/{second}/rollback", headers=headers, json={"reason": "worse"})
    assert await decided() == {str(first): actor("mia"), str(second): actor("mia")}
    waiting = (await world.upload(text_model(5), text_manifest())).json()
    assert waiting["decided_by"] is None


async def test_promoting_the_champion_again_changes_nothing(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    before = await changes(world, model_id)
    answer = await world.service.client.post(
        f"/v1/models/{model_id}/promotion", headers=world.service.token("trainer"), json={"reason": "again"}
    )
    assert answer.status_code == 200
    assert await changes(world, model_id) == before


async def test_a_decision_on_an_older_state_is_refused(world: World) -> None:
    await world.begin()
    model_id = await world.champion()
    answer = await world.service.client.post(
        f"/v1/models/{model_id}/rollback",
        headers=world.service.token("trainer") | {"If-Match": '"1"'},
        json={"reason": "late"},
    )
    assert (answer.status_code, answer.json()["type"]) == (412, "model-changed-meanwhile")


async def test_a_promoted_model_scores_every_open_and_every_held_out_record(world: World) -> None:
    await world.begin()
    waiting = [await world.text("billing", number) for number in range(5)]
    held = [await world.text("other", number, Split.TEST) for number in range(5)]
    for record_id in held[:3]:
        await world.label(record_id, split=Split.TEST)
    model_id = await world.champion()
    await world.service.run_loop("score")
    events = [event for event in await world.service.published(RecordPredicted) if event.payload.model_id == model_id]
    assert {event.record_id for event in events} == {*waiting, *held}
    assert [event.record_id in held for event in events] == [True] * 5 + [False] * 5, "held-out records come first"


async def test_a_promotion_by_hand_calibrates_on_the_labels_that_are_there(world: World) -> None:
    await world.begin(chosen=policies(promotion_held_out=1000))
    for number in range(30):
        record_id = await world.text(("billing", "delivery", "other")[number % 3], number, Split.VALIDATION)
        await world.label(record_id, split=Split.VALIDATION)
    model_id = await world.champion()
    found = (await changes(world, model_id))[-1][1]
    assert found.evaluation is not None
    assert found.evaluation.held_out == 30
    assert found.evaluation.temperature < 1, "a model that is always right is surer than its confidence"


async def test_a_promotion_by_hand_does_not_depend_on_what_measures_the_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.begin(chosen=policies(promotion_held_out=1000))
    await world.label(await world.text("billing", 0, Split.VALIDATION), split=Split.VALIDATION)
    compute = world.service.runtime.compute
    run = compute.run

    async def fails(function: Any, *arguments: Any, **limits: Any) -> Any:
        if function is evaluation.measure:
            raise ComputeTimeout("longer than 60 s")
        return await run(function, *arguments, **limits)

    monkeypatch.setattr(compute, "run", fails)
    model_id = await world.champion()
    promoted = (await changes(world, model_id))[-1][1]
    assert (promoted.stage, promoted.evaluation) == (ModelStage.CHAMPION, None)
