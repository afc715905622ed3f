"""Lists, counts, agreement, roles, and what is published again for whoever comes late."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.events import (
    ArbitrationRequested,
    AutoAcceptThresholdSet,
    GoldPlaced,
    LabelFinalized,
    RecordUnlabelable,
)
from shared.contracts.values import ProjectStatus, Role, Route, Split, TaskKind
from shared.kit import pagination
from shared.kit.clock import new_id
from tests.service.qa.world import LABELS, World, animal


async def pages(world: World, path: str, **params: Any) -> list[Any]:
    """All items of a list, by pages of two."""
    items: list[Any] = []
    after: dict[str, Any] = {}
    while True:
        page = await world.get(path, limit=2, **params, **after)
        items += page["items"]
        assert len(page["items"]) <= 2
        if "next" not in page:
            return items
        after = {"after": page["next"]}


async def test_every_record_is_listed_in_exactly_one_state(world: World) -> None:
    done = {await world.finalized() for _ in range(3)}
    waiting = {await world.open_record() for _ in range(2)}
    gold, erased, hopeless = await world.open_record(), await world.open_record(), await world.open_record()
    await world.put(f"/projects/{world.project_id}/records/{gold}/gold", {"answers": animal("cat")})
    await world.deliver(world.erased(erased))
    await world.deliver(world.unservable(hopeless), world.unservable(hopeless, TaskKind.ARBITRATION))

    path = f"/projects/{world.project_id}/records"
    everything = await pages(world, path)
    assert len(everything) == len({one["record_id"] for one in everything}) == 8
    by_state = {
        state: {one["record_id"] for one in await pages(world, path, state=state)}
        for state in ("open", "finalized", "gold", "unlabelable", "erased")
    }
    assert by_state == {
        "open": {str(one) for one in waiting},
        "finalized": {str(one) for one in done},
        "gold": {str(gold)},
        "unlabelable": {str(hopeless)},
        "erased": {str(erased)},
    }
    summary = await world.get(f"/projects/{world.project_id}/summary")
    assert summary["records"] == {"open": 2, "finalized": 3, "gold": 1, "unlabelable": 1, "erased": 1}
    assert (summary["disputes"], summary["open_disputes"]) == (1, 1)


async def test_every_annotation_is_listed_once_in_its_role(world: World) -> None:
    for _ in range(3):
        await world.finalized()
    listed = await pages(world, f"/projects/{world.project_id}/annotations")
    assert len(listed) == len({one["annotation_id"] for one in listed}) == 6
    assert {one["role"] for one in listed} == {"vote"}
    assert await pages(world, f"/projects/{world.project_id}/annotations", role="gold") == []


async def test_counts_are_the_same_before_and_after_folding(world: World) -> None:
    for _ in range(3):
        await world.finalized()
    path = f"/projects/{world.project_id}/summary"
    before = await world.get(path)
    await world.service.run_loop("fold_counters")
    assert await world.get(path) == before
    await world.finalized()
    await world.service.run_loop("fold_counters")
    assert (await world.get(path))["records"]["finalized"] == 4


async def test_labels_are_listed_by_method_split_and_review(world: World) -> None:
    train, test = await world.finalized(), await world.finalized("cat", Split.TEST)
    await world.deliver(world.feedback(train, "dog"))
    path = f"/projects/{world.project_id}/labels"
    assert [one["record_id"] for one in await pages(world, path)] == [str(train), str(test)]
    assert [one["record_id"] for one in await pages(world, path, split="test")] == [str(test)]
    assert [one["record_id"] for one in await pages(world, path, under_review=True)] == [str(train)]
    assert await pages(world, path, method="auto_accept") == []


async def test_agreement_has_coefficients_with_intervals(world: World) -> None:
    one, other = new_id(), new_id()
    for number in range(40):
        record_id = await world.open_record()
        label = LABELS[number % 4]
        await world.deliver(
            world.annotated(record_id, label, annotator_id=one),
            world.annotated(
                record_id, LABELS[(number + 1) % 4] if number % 8 == 0 else label, annotator_id=other, slot=2
            ),
        )
    await world.service.run_loop("count_agreement")
    (found,) = (await world.get(f"/projects/{world.project_id}/agreement", question="animal"))["items"]
    assert found["records"] == 40
    assert found["percent_agreement"]["value"] == pytest.approx(0.875)
    for name in ("fleiss_kappa", "krippendorff_alpha"):
        assert 0.6 < found[name]["low"] < found[name]["value"] < found[name]["high"] <= 1.0
    (pair,) = found["cohen_kappa"]
    assert set(pair["annotators"]) == {str(one), str(other)}
    assert pair["records"] == 40


async def test_agreement_on_what_was_never_asked_names_what_is_missing(world: World) -> None:
    path = f"/projects/{world.project_id}/agreement"
    assert (await world.get(path, 404, schema_version=9))["type"] == "unknown-schema-version"
    assert (await world.get(path, 404, question="unknown"))["type"] == "unknown-question"


async def test_nothing_new_is_known_of_an_archived_project_but_it_can_be_released(world: World) -> None:
    record_id = await world.open_record()
    await world.finalized()
    gold = f"/projects/{world.project_id}/records/{record_id}/gold"
    await world.put(gold, {"answers": animal("cat")})
    await world.deliver(world.project(ProjectStatus.ARCHIVED))

    refused = [
        await world.put(gold, {"answers": animal("dog")}, 409),
        await world.post(
            f"{gold.partition('/records')[0]}/gold", {"gold": [{"record_id": str(record_id), "answers": {}}]}, 409
        ),
        await world.post(f"/projects/{world.project_id}/annotators/{new_id()}/reinstatement", {"reason": "sorry"}, 409),
    ]
    assert {one["type"] for one in refused} == {"project-archived"}
    await world.delete(gold, 409)
    assert (await world.get(gold))["answers"] == animal("cat")
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "late"}, 202)
    await world.service.run_jobs()
    assert (await world.get(f"/releases/{made['release_id']}"))["status"] == "published"


async def test_pages_of_long_answers_end_early_and_show_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may be as long as an annotation: a thousand of them would be hundreds of megabytes."""
    monkeypatch.setattr(pagination, "_FIRST_ROWS", 2)
    monkeypatch.setattr(pagination, "PAGE_BYTES", 1)
    for _ in range(5):
        await world.finalized()
        gold = await world.open_record()
        await world.put(f"/projects/{world.project_id}/records/{gold}/gold", {"answers": animal("cat")})
    for noun in ("labels", "gold"):
        seen: list[str] = []
        after: dict[str, Any] = {}
        for _ in range(6):
            page = await world.get(f"/projects/{world.project_id}/{noun}", limit=1000, **after)
            assert len(page["items"]) <= 2
            seen += [one["record_id"] for one in page["items"]]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        assert len(seen) == len(set(seen)) == 5, noun


async def test_agreement_without_answers_is_undefined_not_an_error(world: World) -> None:
    (found,) = (await world.get(f"/projects/{world.project_id}/agreement"))["items"]
    undefined = dict.fromkeys(("value", "low", "high", "standard_error")) | {"records": 0, "annotations": 0}
    assert found["krippendorff_alpha"] == undefined


@pytest.mark.parametrize(
    "path",
    [
        "records",
        "labels",
        "disputes",
        "annotations",
        "summary",
        "agreement",
        "consensus-methods",
        "assessments",
        "thresholds",
        "drifts",
    ],
)
async def test_an_unknown_project_is_not_known_here(world: World, path: str) -> None:
    answer = await world.service.client.get(f"/v1/projects/{new_id()}/{path}", headers=world.headers())
    assert answer.status_code == 404
    assert answer.json()["type"] == "not-known-here"
    assert answer.headers["Retry-After"] == "1"


async def test_unknown_records_annotators_and_releases_are_not_known_here(world: World) -> None:
    for path in ("records/{}/label", "records/{}/lineage", "annotators/{}/assessment", "releases/{}"):
        problem = await world.get("/" + path.format(new_id()), 404)
        assert problem["type"] == "not-known-here"


async def test_an_annotator_who_has_answered_nothing_has_no_assessment_yet(world: World) -> None:
    annotator_id = new_id()
    await world.deliver(world.annotator(annotator_id))
    found = await world.get(f"/annotators/{annotator_id}/assessment")
    assert (found["assessments"], found.get("next")) == ([], None)


async def test_a_token_for_another_project_sees_nothing(world: World) -> None:
    record_id = await world.finalized()
    headers = world.headers(Role.MANAGER, projects=[new_id()])
    for path in (
        f"records/{record_id}/label",
        f"records/{record_id}/lineage",
        f"projects/{world.project_id}/labels",
        f"projects/{world.project_id}/summary",
    ):
        answer = await world.service.client.get(f"/v1/{path}", headers=headers)
        assert answer.status_code == 403, path


async def test_a_label_hides_gold_from_who_may_not_know(world: World) -> None:
    open_id, gold_id = await world.open_record(), await world.open_record()
    await world.put(f"/projects/{world.project_id}/records/{gold_id}/gold", {"answers": animal("cat")})
    for role in (Role.PRODUCT, Role.TRAINER):
        answers = [
            await world.service.client.get(f"/v1/records/{one}/label", headers=world.headers(role))
            for one in (open_id, gold_id)
        ]
        documents = [{**one.json(), "request_id": ""} for one in answers]
        assert [one.status_code for one in answers] == [404, 404]
        assert documents[0] == documents[1]


async def test_the_current_state_is_published_again_with_the_same_revisions(world: World) -> None:
    done, disputed, hopeless = await world.finalized(), await world.open_record(), await world.open_record()
    gold = await world.open_record()
    await world.deliver(world.unservable(disputed))
    await world.deliver(world.unservable(hopeless), world.unservable(hopeless, TaskKind.ARBITRATION))
    await world.put(f"/projects/{world.project_id}/records/{gold}/gold", {"answers": animal("cat")})
    published = {
        (one.record_id, one.type): one for one in await world.service.published() if one.project_id == world.project_id
    }
    republish = world.service.runtime.spec.republish
    assert republish is not None
    async with world.service.database.transaction() as session:
        again = [one async for one in republish(session) if one.project_id == world.project_id]
    found = {(one.record_id, type(one.payload)): one for one in again}
    assert set(found) == {
        (done, LabelFinalized),
        (disputed, ArbitrationRequested),
        (hopeless, RecordUnlabelable),
        (gold, GoldPlaced),
    }
    for (record_id, kind), one in found.items():
        assert record_id is not None
        before = published[record_id, kind.event_type()]
        assert (one.revision, one.payload) == (before.revision, before.payload)
    assert AutoAcceptThresholdSet not in {kind for _, kind in found}


async def test_why_a_record_has_no_label_yet_stands_where_it_is_read(world: World) -> None:
    async def why(record_id: UUID) -> tuple[str, str | None]:
        problem = await world.get(f"/records/{record_id}/label", 404)
        listed = {one["record_id"]: one for one in (await world.get(f"/projects/{world.project_id}/records"))["items"]}
        return problem["detail"].partition(":")[0], listed[str(record_id)]["open_reason"]

    record_id = new_id()
    await world.deliver(world.accepted(record_id))
    assert await why(record_id) == ("not_routed", "not_routed")
    await world.deliver(world.routed(record_id))
    assert await why(record_id) == ("annotations_wanted", "annotations_wanted"), "its route is in its table alone"
    await world.deliver(world.annotated(record_id, "cat"))
    assert await why(record_id) == ("annotations_wanted", "annotations_wanted")
    await world.deliver(world.unservable(record_id))
    assert await why(record_id) == ("in_arbitration", "in_arbitration")
    await world.deliver(world.unservable(record_id, TaskKind.ARBITRATION))
    assert await why(record_id) == ("unlabelable", None)

    accepted = new_id()
    await world.deliver(world.accepted(accepted), world.routed(accepted, 0, route=Route.AUTO_ACCEPT))
    assert await why(accepted) == ("being_decided", "being_decided"), "what the model said is on its way"
    ended = await world.finalized()
    assert (await world.get(f"/projects/{world.project_id}/records", state="finalized"))["items"][0][
        "open_reason"
    ] is None
    assert await world.label(ended)
