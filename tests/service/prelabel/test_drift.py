"""Champions are watched: what comes in, what they answer, what people say, and how often they err in use."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.prelabel.domain.drift import WINDOW
from services.prelabel.operations import drift
from services.prelabel.resources import backends_of
from shared.contracts.events import FeedbackReceived, ModelChanged
from shared.contracts.values import Split, Verdict
from shared.kit.clock import new_id, utc_now
from tests.service.prelabel.world import DIGIT_SCHEMA, World, accepted, digit_manifest, digit_model, policies
from tests.support.service import envelope

LABELS = ("billing", "delivery", "other")
TALK = {
    "billing": "my invoice of month {} shows a payment that the card was charged for",
    "delivery": "the parcel number {} is late and the courier never came",
    "other": "hello there, just saying hi {} times, thanks a lot",
}


async def begin(world: World, before: int = 120) -> list[UUID]:
    """A project that has so many held-out records; nothing is learnt by itself."""
    await world.begin(chosen=policies(enabled=False))
    return await arrive(world, LABELS, before)


async def arrive(world: World, labels: Sequence[str], count: int, split: Split = Split.VALIDATION) -> list[UUID]:
    """So many held-out records come, about what the labels name by turns."""
    ids = [new_id() for _ in range(count)]
    for number, record_id in enumerate(ids):
        world.truth[record_id] = labels[number % len(labels)]
    await world.service.deliver_many(
        [
            envelope(
                accepted({"message": TALK[world.truth[record_id]].format(number % 12)}, split),
                world.project_id, record_id, 1, None,
            )
            for number, record_id in enumerate(ids)
        ]
    )  # fmt: skip
    return ids


async def watched(world: World) -> dict[str, Any]:
    """What the API says once everything is scored and looked at."""
    for loop in ("score", "count", "watch"):
        await world.service.run_loop(loop)
    return await read(world)


async def read(world: World) -> dict[str, Any]:
    url = f"/v1/projects/{world.project_id}/drift"
    answer = await world.service.client.get(url, headers=world.service.token("manager"))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def states(found: dict[str, Any]) -> dict[str, str]:
    return {each["kind"]: each["state"] for each in found["watches"]}


async def report(world: World, model_id: UUID, verdict: Verdict, count: int) -> None:
    await world.service.deliver_many(
        [
            envelope(
                FeedbackReceived(
                    feedback_id=new_id(), model_id=model_id, schema_version=1, verdict=verdict, observed_at=utc_now()
                ),
                world.project_id, new_id(), 1, None,
            )
            for _ in range(count)
        ]
    )  # fmt: skip


async def test_without_a_champion_nothing_is_watched(world: World) -> None:
    await begin(world, 1)
    found = await read(world)
    assert (found["model_id"], found["watches"], found["live"]) == (None, [], None)
    assert found["next_step"].startswith("No model is in use")


async def test_records_that_are_as_before_give_no_alarm(world: World) -> None:
    await begin(world)
    model_id = await world.champion()
    await arrive(world, LABELS, WINDOW - 1)
    assert set(states(await watched(world)).values()) == {"not_looked"}, "the window is not full"
    await arrive(world, LABELS, 1)
    found = await watched(world)
    assert found["model_id"] == str(model_id)
    assert states(found) == {"input": "none_found", "prediction": "none_found", "label": "not_looked"}
    newest = found["watches"][1]["newest"]
    assert (newest["before"], newest["now"], newest["look"]) == (120, WINDOW, 1)
    assert newest["p_value"] > newest["level"]


async def test_records_of_another_kind_give_an_alarm_that_is_published(world: World) -> None:
    await begin(world)
    model_id = await world.champion()
    late = await arrive(world, ["delivery"], WINDOW)
    found = await watched(world)
    assert states(found) == {"input": "drifted", "prediction": "drifted", "label": "not_looked"}
    alarm = found["watches"][1]["alarm"]
    assert alarm["shares"][0] == {"label": "delivery", "before": 0.3333, "now": 1.0}
    assert alarm["since"] == drift.came_at(late[0]).isoformat().replace("+00:00", "Z")
    assert found["next_step"] == found["watches"][0]["next_step"]
    changes = [each for each in await world.service.published(ModelChanged) if each.payload.model_id == model_id]
    assert [each.kind for each in changes[-1].payload.drift] == ["input", "prediction"]
    assert changes[-1].revision == changes[-2].revision + 1
    detail = await world.service.client.get(f"/v1/models/{model_id}", headers=world.service.token("manager"))
    assert [each["kind"] for each in detail.json()["drift"]] == ["input", "prediction"]
    await arrive(world, LABELS, WINDOW)
    again = await watched(world)
    assert again["watches"][1]["alarm"] == alarm, "the alarm stays"
    assert again["watches"][1]["newest"]["p_value"] > 0.01, "and what the newest look saw is shown beside it"
    published = [each for each in await world.service.published(ModelChanged) if each.payload.model_id == model_id]
    assert len(published) == len(changes), "an alarm is published once"


async def test_a_model_that_came_before_its_records_is_compared_with_the_first_of_them(world: World) -> None:
    await begin(world, 0)
    await world.champion()
    await arrive(world, LABELS, WINDOW)
    assert set(states(await watched(world)).values()) == {"not_looked"}
    await arrive(world, ["other"], WINDOW)
    assert states(await watched(world))["prediction"] == "drifted"


async def test_records_of_the_train_split_are_not_compared(world: World) -> None:
    await begin(world)
    await world.champion()
    await arrive(world, ["delivery"], WINDOW, Split.TRAIN)
    assert set(states(await watched(world)).values()) == {"not_looked"}


async def test_nothing_is_compared_before_the_champion_has_answered(world: World) -> None:
    await begin(world)
    await world.champion()
    await arrive(world, ["delivery"], WINDOW)
    await world.service.run_loop("watch")
    assert set(states(await read(world)).values()) == {"not_looked"}


async def test_labels_in_other_shares_give_an_alarm(world: World) -> None:
    for record_id in await begin(world):
        await world.label(record_id, split=Split.VALIDATION)
    await world.champion()
    for record_id in await arrive(world, LABELS, WINDOW):
        await world.label(record_id, "billing", Split.VALIDATION)
    found = await watched(world)
    assert states(found) == {"input": "none_found", "prediction": "none_found", "label": "drifted"}
    assert found["watches"][2]["alarm"]["shares"][0]["label"] == "billing"
    assert found["watches"][2]["alarm"]["now"] == WINDOW


async def test_pictures_are_compared_by_what_they_look_like(world: World) -> None:
    await world.begin(DIGIT_SCHEMA, policies(enabled=False))
    for index in range(100):
        await world.digit(index, Split.VALIDATION)
    await world.champion(digit_model(), digit_manifest())
    await world.service.run_loop("score")
    for index in range(100, 100 + WINDOW):
        await world.digit(index, Split.VALIDATION)
    found = await watched(world)
    assert states(found)["input"] == "none_found"
    assert found["watches"][0]["newest"]["now"] == WINDOW


async def test_two_replicas_take_one_look(world: World) -> None:
    await begin(world)
    model_id = await world.champion()
    await arrive(world, LABELS, WINDOW)
    await world.service.run_loop("score")
    backends = backends_of(world.service.runtime)
    await drift.look(backends, model_id, utc_now())  # begins the watch at least
    await asyncio.gather(*(drift.look(backends, model_id, utc_now()) for _ in range(2)))
    assert [each["looks"] for each in (await read(world))["watches"]] == [1, 1, 0]


async def promised(world: World, wrong: int = 0) -> UUID:
    """A champion that was measured on 120 labels, of which so many contradict it."""
    for number, record_id in enumerate(await begin(world)):
        label = world.truth[record_id]
        if number < wrong:
            label = LABELS[(LABELS.index(label) + 1) % 3]
        await world.label(record_id, label, Split.VALIDATION)
    return await world.champion()


async def test_more_errors_in_use_than_were_promised_give_an_alarm(world: World) -> None:
    model_id = await promised(world, wrong=12)
    await report(world, model_id, Verdict.CONFIRMED, 90)
    await report(world, model_id, Verdict.CORRECTED, 10)
    live = (await watched(world))["live"]
    assert (live["state"], live["promised_error"], live["promised_by"]) == ("within", 0.1, "validation")
    assert (live["reports"], live["wrong"]) == (100, 10)
    assert live["interval_low"] < 0.1 < live["interval_high"]
    await report(world, model_id, Verdict.CORRECTED, 90)
    found = await watched(world)
    assert found["live"]["state"] == "worse"
    assert found["live"]["interval_low"] > 0.2
    assert found["live"]["explained_by"] > 1
    assert found["live"]["alarm"]["kind"] == "live_error"
    assert found["next_step"] == found["live"]["next_step"]
    changes = [each for each in await world.service.published(ModelChanged) if each.payload.model_id == model_id]
    assert [each.kind for each in changes[-1].payload.drift] == ["live_error"]


async def test_wrong_answers_alone_say_nothing_of_the_error(world: World) -> None:
    model_id = await promised(world)
    await report(world, model_id, Verdict.CORRECTED, 200)
    live = (await watched(world))["live"]
    assert (live["state"], live["interval_low"], live["interval_high"]) == ("only_errors", 0.0, 1.0)
    assert live["alarm"] is None
    assert "right answers, too" in live["next_step"]


async def test_bad_reports_are_not_hidden_by_good_ones_of_the_past(world: World) -> None:
    model_id = await promised(world, wrong=12)
    await report(world, model_id, Verdict.CONFIRMED, 1_000)
    assert (await watched(world))["live"]["reports"] == 0, "a period is full, and the next one begins"
    await report(world, model_id, Verdict.CORRECTED, 100)
    live = (await watched(world))["live"]
    assert (live["state"], live["reports"], live["wrong"]) == ("worse", 100, 100)


async def test_a_model_that_was_never_measured_has_promised_nothing(world: World) -> None:
    await begin(world)
    model_id = await world.champion()
    await report(world, model_id, Verdict.CONFIRMED, 5)
    live = (await watched(world))["live"]
    assert (live["state"], live["promised_error"], live["reports"]) == ("no_promise", None, 5)
