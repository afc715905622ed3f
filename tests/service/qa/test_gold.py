"""Gold wins at any moment."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.events import GoldPlaced, GoldWithdrawn, LabelFinalized, LabelRetracted
from shared.contracts.values import Role, Route
from shared.kit.clock import new_id
from shared.kit.compute.exceptions import ComputeTimeout
from tests.service.qa.world import World, animal


async def place(world: World, record_id: UUID, label: str = "cat", status: int = 200, **more: Any) -> Any:
    path = f"/projects/{world.project_id}/records/{record_id}/gold"
    return await world.put(path, {"answers": animal(label), **more}, status)


async def test_gold_on_an_open_record_takes_its_votes_as_gold_answers(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.annotated(record_id, "cat"))
    placed = await place(world, record_id)
    assert placed["exposures"] == world.policies.gold.exposures
    (published,) = await world.published(GoldPlaced, record_id)
    assert published.exposures == world.policies.gold.exposures
    await world.deliver(world.annotated(record_id, "dog", slot=2))
    lineage = await world.lineage(record_id)
    assert lineage["state"]["state"] == "gold"
    assert [one["role"] for one in lineage["annotations"]] == ["gold", "gold"]
    assert await world.published(LabelFinalized, record_id) == []


async def test_gold_on_a_finalized_record_retracts_the_label(world: World) -> None:
    record_id = await world.finalized()
    await place(world, record_id, "dog")
    (retracted,) = await world.published(LabelRetracted, record_id)
    assert (retracted.label_revision, retracted.reason) == (1, "gold")
    await world.get(f"/records/{record_id}/label", 404)
    summary = await world.get(f"/projects/{world.project_id}/summary")
    assert summary["records"] == {"open": 0, "finalized": 0, "gold": 1, "unlabelable": 0, "erased": 0}
    assert summary["annotations"]["gold"] == 2
    assert summary["labels"]["consensus"] == 0


async def test_gold_on_a_disputed_record_withdraws_the_dispute(world: World) -> None:
    record_id = await world.open_record()
    await world.deliver(world.unservable(record_id))
    await place(world, record_id)
    disputes = await world.get(f"/projects/{world.project_id}/disputes")
    assert [one["status"] for one in disputes["items"]] == ["withdrawn"]
    await world.deliver(world.decided(record_id, "dog"))
    lineage = await world.lineage(record_id)
    assert lineage["state"]["state"] == "gold"
    assert [one["role"] for one in lineage["annotations"]] == ["gold"]


async def test_the_same_gold_again_changes_nothing(world: World) -> None:
    record_id = await world.open_record()
    first = await place(world, record_id)
    assert await place(world, record_id) == first
    revised = await place(world, record_id, "dog")
    assert revised["gold_revision"] == 2
    assert len(await world.published(GoldPlaced, record_id)) == 2


async def test_gold_that_breaks_the_schema_is_refused(world: World) -> None:
    record_id = await world.open_record()
    problem = await place(world, record_id, "unicorn", 422)
    assert problem["type"] == "answers-refused"
    assert problem["errors"][0]["pointer"] == "/answers/animal/label"
    assert (await world.state(record_id))["state"] == "open"


async def test_answers_that_no_annotator_could_submit_are_no_gold(world: World) -> None:
    record_id, other = await world.open_record(), await world.open_record()
    problem = await place(world, record_id, "x" * MAX_EVENT_BYTES, 413)
    assert problem["type"] == "gold-too-large"
    gold = [
        {"record_id": str(record_id), "answers": animal("x" * MAX_EVENT_BYTES)},
        {"record_id": str(other), "answers": animal("cat")},
    ]
    report = await world.post(f"/projects/{world.project_id}/gold", {"gold": gold})
    assert (report["placed"], [one["type"] for one in report["rejected"]]) == (1, ["gold-too-large"])


async def test_long_gold_is_checked_in_a_worker_process_before_any_record_is_locked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_id, other = await world.open_record(), await world.open_record()
    compute = world.service.runtime.compute
    run = compute.run
    checked: list[int] = []

    async def watched(function: Any, *arguments: Any, **options: Any) -> Any:
        checked.append(len(arguments[2]))
        async with world.service.database.transaction() as session:
            await session.raw.fetch("SELECT FROM records WHERE record_id = $1 FOR UPDATE NOWAIT", record_id)
        if len(arguments[2]) > 1:
            raise ComputeTimeout
        return await run(function, *arguments, **options)

    monkeypatch.setattr(compute, "run", watched)
    gold = [
        {"record_id": str(record_id), "answers": animal("x" * 100_000)},
        {"record_id": str(other), "answers": animal("cat")},
    ]
    report = await world.post(f"/projects/{world.project_id}/gold", {"gold": gold})
    assert (report["placed"], [one["type"] for one in report["rejected"]]) == (1, ["answers-refused"])
    assert checked == [2, 1]


async def test_gold_needs_a_record_that_is_here(world: World) -> None:
    problem = await place(world, new_id(), status=404)
    assert problem["type"] == "not-known-here"
    record_id = await world.open_record()
    await world.deliver(world.erased(record_id))
    await place(world, record_id, status=410)


async def test_gold_is_read_by_managers_and_auditors_only(world: World) -> None:
    record_id = await world.open_record()
    await place(world, record_id)
    path = f"/v1/projects/{world.project_id}/records/{record_id}/gold"
    for role, status in ((Role.MANAGER, 200), (Role.AUDITOR, 200), (Role.ANNOTATOR, 403), (Role.TRAINER, 403)):
        answer = await world.service.client.get(path, headers=world.headers(role))
        assert answer.status_code == status, role
    answer = await world.service.client.get(path, headers=world.headers(Role.MANAGER, projects=[new_id()]))
    assert answer.status_code == 403


async def withdraw(world: World, record_id: UUID) -> None:
    await world.delete(f"/projects/{world.project_id}/records/{record_id}/gold?reason=ambiguous")


async def test_withdrawn_gold_is_labelled_again_and_never_trained_on(world: World) -> None:
    record_id = new_id()
    route = world.routed(record_id, 2)
    task_id = route.payload.task_id
    await world.deliver(world.accepted(record_id), route, world.annotated(record_id, "dog", task_id=task_id))
    await place(world, record_id)
    await world.deliver(world.annotated(record_id, "cat"))
    await withdraw(world, record_id)
    (published,) = await world.published(GoldWithdrawn, record_id)
    assert published.reason == "ambiguous"
    assert [one["role"] for one in (await world.lineage(record_id))["annotations"]] == ["vote", "late"]
    await world.deliver(world.annotated(record_id, "dog", slot=2, task_id=task_id))
    (label,) = await world.published(LabelFinalized, record_id)
    assert (label.answers, label.annotations, label.trainable) == (animal("dog"), 2, False)
    await world.get(f"/projects/{world.project_id}/records/{record_id}/gold", 404)
    await world.delete(f"/projects/{world.project_id}/records/{record_id}/gold", 404)


async def test_withdrawn_gold_has_the_label_again_that_people_or_an_arbiter_gave(world: World) -> None:
    agreed, decided = new_id(), new_id()
    route = world.routed(agreed, 2)
    task_id = route.payload.task_id
    await world.deliver(
        world.accepted(agreed),
        route,
        world.annotated(agreed, "dog", task_id=task_id),
        world.annotated(agreed, "dog", slot=2, task_id=task_id),
        world.accepted(decided),
        world.routed(decided, 2),
        world.unservable(decided),
        world.decided(decided, "bird"),
    )
    for record_id, method in ((agreed, "consensus"), (decided, "decision")):
        await place(world, record_id)
        await withdraw(world, record_id)
        label = await world.label(record_id)
        assert (label["method"], label["label_revision"], label["trainable"]) == (method, 2, False)
        assert (await world.lineage(record_id))["chain"]["verified"]


async def test_what_was_accepted_unseen_waits_for_people_once_its_gold_is_withdrawn(world: World) -> None:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.99)
    await world.deliver(
        world.accepted(record_id),
        prediction,
        world.routed(record_id, 0, route=Route.AUTO_ACCEPT, prediction=prediction),
    )
    await place(world, record_id, "dog")
    await withdraw(world, record_id)
    assert (await world.state(record_id))["state"] == "open"
    await world.deliver(world.routed(record_id, 1, prediction=prediction), world.annotated(record_id, "cat"))
    assert (await world.label(record_id))["method"] == "consensus"


async def test_many_are_placed_at_once_and_the_bad_are_listed(world: World) -> None:
    good, bad, unknown = await world.open_record(), await world.open_record(), new_id()
    report = await world.post(
        f"/projects/{world.project_id}/gold",
        {
            "gold": [
                {"record_id": str(unknown), "answers": animal("cat")},
                {"record_id": str(bad), "answers": animal("unicorn")},
                {"record_id": str(good), "answers": animal("cat")},
            ]
        },
    )
    assert report["placed"] == 1
    assert [(one["index"], one["type"]) for one in report["rejected"]] == [
        (0, "not-known-here"),
        (1, "answers-refused"),
    ]
    assert report["rejected"][0]["detail"] == f"No record {unknown} is known here."
    assert report["rejected"][1]["detail"] == "1 rule(s) are broken."
    assert report["rejected"][1]["errors"][0]["pointer"] == "/answers/animal/label"
    assert (await world.state(good))["state"] == "gold"
    assert (await world.state(bad))["state"] == "open"


async def test_a_malformed_item_of_many_is_refused_alone(world: World) -> None:
    good, other = await world.open_record(), await world.open_record()
    named = {"record_id": str(other), "answers": animal("cat")}
    report = await world.post(
        f"/projects/{world.project_id}/gold",
        {
            "gold": [
                {"answers": animal("cat")},
                {**named, "exposures": "many"},
                "rubbish",
                {"record_id": str(good), "answers": animal("cat")},
                {**named, "answer": animal("cat")},
                {"record_id": "no-uuid", "answers": animal("cat")},
                {**named, "exposures": 0, "note": ""},
            ]
        },
    )
    assert report["placed"] == 1
    assert [(one["index"], one["record_id"], one["type"]) for one in report["rejected"]] == [
        (0, None, "invalid-request"),
        (1, str(other), "invalid-request"),
        (2, None, "invalid-request"),
        (4, str(other), "invalid-request"),
        (5, None, "invalid-request"),
        (6, str(other), "invalid-request"),
    ]
    assert [[(error["pointer"], error["rule"]) for error in one["errors"]] for one in report["rejected"]] == [
        [("/record_id", "missing")],
        [("/exposures", "int_type")],
        [("", "model_type")],
        [("/answer", "extra_forbidden")],
        [("/record_id", "uuid_parsing")],
        [("/exposures", "greater_than_equal"), ("/note", "string_too_short")],
    ]
    assert (await world.state(good))["state"] == "gold"
    assert (await world.state(other))["state"] == "open"


async def test_of_answers_that_contradict_in_a_batch_the_first_counts_and_the_others_are_refused(world: World) -> None:
    twice, thrice, repaired = [await world.open_record() for _ in range(3)]
    wishes = [(twice, "cat"), (thrice, "dog"), (twice, "dog"), (repaired, "unicorn"), (thrice, "dog"), (repaired, "cat"),
              (thrice, "cat")]  # fmt: skip
    report = await world.post(
        f"/projects/{world.project_id}/gold",
        {"gold": [{"record_id": str(record_id), "answers": animal(label)} for record_id, label in wishes]},
    )
    assert report["placed"] == 3
    assert [(one["index"], one["record_id"], one["type"]) for one in report["rejected"]] == [
        (2, str(twice), "gold-contradicted"),
        (3, str(repaired), "answers-refused"),
        (6, str(thrice), "gold-contradicted"),
    ]
    for record_id, label in ((twice, "cat"), (thrice, "dog"), (repaired, "cat")):
        placed = await world.get(f"/projects/{world.project_id}/records/{record_id}/gold")
        assert (placed["gold_revision"], placed["answers"]) == (1, animal(label))


@pytest.mark.parametrize(
    ("member", "pointer", "kind"),
    [
        (rb'"note": "half \ud800"', "/note", "lone-surrogate"),
        (rb'"half \ud800": 1', "", "lone-surrogate"),
        (rb'"note": "a\u0000b"', "/note", "nul-character"),
        (b'"exposures": 18446744073709551616', "/exposures", "number-too-large"),
        (b'"exposures": 1e999', "/exposures", "number-too-large"),
        (b'"answers": {}', "", "name-repeated"),
        (b'"more": {"a@example.com": {"a": 1, "a": 2}}', "/more/[EMAIL]", "name-repeated"),
        (b'"deep": ' + b"[" * 100 + b"]" * 100, "", "nested-too-deep"),
    ],
)
@pytest.mark.parametrize("padding", [0, 100_000])
async def test_what_can_not_be_stored_of_a_batch_is_refused_alone(
    world: World, member: bytes, pointer: str, kind: str, padding: int
) -> None:
    """However large the body is."""
    good, other = await world.open_record(), await world.open_record()
    sound = b'{"record_id": "%b", "answers": {"animal": {"label": "cat"}}%b}'
    bad = sound % (str(other).encode(), b", " + member)
    answer = await world.service.client.post(
        f"/v1/projects/{world.project_id}/gold",
        content=b'{"gold": [%b, %b]%b}' % (bad, sound % (str(good).encode(), b""), b" " * padding),
        headers={**world.headers(Role.MANAGER), "Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    report = answer.json()
    [refused] = report["rejected"]
    assert (report["placed"], refused["index"], refused["type"]) == (1, 0, kind)
    assert refused["record_id"] == (None if pointer == "" and kind != "nested-too-deep" else str(other))
    assert [(error["pointer"], error["rule"]) for error in refused["errors"]] == [(pointer, kind)]
    assert (await world.state(good))["state"] == "gold"
    assert (await world.state(other))["state"] == "open"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (rb'{"gold": ["\ud800"], "more": 1}', 422, "invalid-request"),
        (rb'{"go\ud800ld": []}', 422, "lone-surrogate"),
        (rb'{"gold": []}', 422, "invalid-request"),
        (rb"[]", 422, "invalid-request"),
        (rb'{"gold": [1e999]', 400, "malformed-json"),
        (rb'{"gold": [{}], "gold": [{}]}', 422, "name-repeated"),
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(world: World, body: bytes, status: int, kind: str) -> None:
    headers = {**world.headers(Role.MANAGER), "Content-Type": "application/json"}
    path = f"/v1/projects/{world.project_id}/gold"
    answer = await world.service.client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (status, kind)


async def test_a_record_id_that_can_not_be_stored_is_refused_alone(world: World) -> None:
    headers = {**world.headers(Role.MANAGER), "Content-Type": "application/json"}
    path = f"/v1/projects/{world.project_id}/gold"
    answer = await world.service.client.post(path, content=rb'{"gold": [{"record_id": "\ud800"}]}', headers=headers)
    [refused] = answer.json()["rejected"]
    assert (refused["record_id"], refused["type"], refused["errors"][0]["pointer"]) == (
        None,
        "lone-surrogate",
        "/record_id",
    )


async def test_of_a_batch_of_malformed_items_nothing_is_placed(world: World) -> None:
    report = await world.post(f"/projects/{world.project_id}/gold", {"gold": [{}] * 1_000})
    assert (report["placed"], len(report["rejected"])) == (0, 1_000)
    problem = await world.post(f"/projects/{world.project_id}/gold", {"gold": [{}] * 1_001}, 422)
    assert problem["pointer"] == "/gold"


@pytest.mark.parametrize("gold_first", [True, False])
async def test_a_vote_and_gold_in_either_order_end_the_same(world: World, gold_first: bool) -> None:
    record_id = await world.open_record()
    vote = world.annotated(record_id, "cat")
    if gold_first:
        await place(world, record_id)
        await world.deliver(vote)
    else:
        await world.deliver(vote)
        await place(world, record_id)
    lineage = await world.lineage(record_id)
    assert lineage["state"]["state"] == "gold"
    assert [one["role"] for one in lineage["annotations"]] == ["gold"]


async def test_gold_that_stands_is_listed(world: World) -> None:
    records = [await world.open_record() for _ in range(3)]
    path = f"/projects/{world.project_id}"
    for record_id in records:
        await world.put(f"{path}/records/{record_id}/gold", {"answers": animal("cat")})
    await world.delete(f"{path}/records/{records[1]}/gold")
    first = await world.get(f"{path}/gold", limit=1)
    rest = await world.get(f"{path}/gold", limit=1, after=first["next"])
    assert "next" not in rest
    listed = [*first["items"], *rest["items"]]
    assert [one["record_id"] for one in listed] == [str(records[0]), str(records[2])]
    assert all(one["answers"] == animal("cat") for one in listed)
