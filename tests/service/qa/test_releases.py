"""Releases: immutable, counted, free of gold, and superseded by erasure."""

import asyncio
import hashlib
from collections import Counter
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.qa.domain.releases import BEFORE_EVERY_RECORD, ReleaseProgress
from services.qa.operations import release_writer
from services.qa.storage import chain, release_records, releases
from services.qa.storage.release_records import LabelPage
from shared.contracts.events import ModelEvaluation, ModelTest, ReleasePublished
from shared.contracts.values import ModelStage, Role, Route, Split
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Session
from shared.kit.objects import Objects
from tests.service.qa.world import SCHEMA, World, animal
from tests.support.service import ServiceUnderTest


async def release(world: World, name: str = "first", **options: Any) -> dict[str, Any]:
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": name, **options}, 202)
    assert made["status"] == "building"
    await world.service.run_jobs()
    found: dict[str, Any] = await world.get(f"/releases/{made['release_id']}")
    return found


async def download(world: World, found: dict[str, Any], name: str) -> bytes:
    (url,) = [one["url"] for one in found["files"] if one["name"] == name]
    answer = await world.service.client.get(url)
    assert answer.status_code == 200, answer.text
    return answer.content


async def lines(world: World, found: dict[str, Any], split: str) -> list[Any]:
    return [orjson.loads(line) for line in (await download(world, found, f"{split}.jsonl")).splitlines()]


async def auto_accepted(world: World) -> UUID:
    record_id = new_id()
    prediction = world.predicted(record_id, "cat", 0.99)
    await world.deliver(
        world.accepted(record_id),
        prediction,
        world.routed(record_id, 0, route=Route.AUTO_ACCEPT, prediction=prediction),
    )
    return record_id


async def test_a_release_holds_the_labels_by_split_with_their_hashes(world: World) -> None:
    train = await world.finalized("cat")
    test = await world.finalized("dog", Split.TEST)
    machine = await auto_accepted(world)
    await world.open_record()
    found = await release(world)

    assert found["status"] == "published"
    assert found["records"] == 3
    manifest = found["manifest"]
    assert manifest["counts"]["by_split"] == {"train": 2, "validation": 0, "test": 1}
    assert manifest["counts"]["by_split_and_method"]["train"] == {"auto_accept": 1, "consensus": 1}
    assert manifest["left_out"]["open"] == 1
    assert manifest["schema"]["version"] == 1
    assert manifest["agreement"][0]["question"] == "animal"
    assert manifest["guidelines"][0]["version"] == 1
    assert found["requested_by"] not in str(manifest), "who asked for it is nobody else's business"
    for one in manifest["files"]:
        content = await download(world, found, one["name"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one["bytes"], one["sha256"])
    document = await download(world, found, "manifest.json")
    assert hashlib.sha256(document).hexdigest() == found["manifest_sha256"]
    assert {one["record_id"] for one in await lines(world, found, "train")} == {str(train), str(machine)}
    (line,) = await lines(world, found, "test")
    assert line["record_id"] == str(test)
    assert line["answers"] == animal("dog")
    assert line["fields"] == {"text": "It has whiskers."}
    assert line["label"]["annotations"] == 2
    (published,) = await world.published(ReleasePublished)
    assert published.manifest_sha256 == found["manifest_sha256"]


async def test_no_gold_is_in_a_training_split(world: World) -> None:
    gold, plain, once_gold = await world.finalized("cat"), await world.finalized("cat"), new_id()
    route = world.routed(once_gold, 1)
    await world.deliver(world.accepted(once_gold), route)
    for record_id in (gold, once_gold):
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": animal("cat")})
    await world.delete(f"/projects/{world.project_id}/records/{once_gold}/gold")
    await world.deliver(world.annotated(once_gold, "cat"), world.annotated(once_gold, "cat", slot=2))
    assert (await world.state(once_gold))["state"] == "finalized"
    found = await release(world)
    assert [one["record_id"] for one in await lines(world, found, "train")] == [str(plain)]
    assert found["manifest"]["gold"]["records"] == 1


async def test_a_release_does_not_change_when_labels_do(world: World) -> None:
    record_id = await world.finalized("cat")
    found = await release(world)
    before = await download(world, found, "train.jsonl")
    await world.deliver(world.feedback(record_id, "dog"), world.unservable(record_id, number=2))
    await world.deliver(world.decided(record_id, "dog", number=2))
    assert await download(world, await world.get(f"/releases/{found['release_id']}"), "train.jsonl") == before
    second = await release(world, "second")
    assert (await lines(world, second, "train"))[0]["answers"] == animal("dog")
    listed = await world.get(f"/projects/{world.project_id}/releases")
    assert [one["name"] for one in listed["items"]] == ["first", "second"]


async def test_only_what_is_asked_for_is_released(world: World) -> None:
    await world.finalized("cat")
    await auto_accepted(world)
    await world.finalized("cat", Split.TEST)
    found = await release(world, splits=["train"], methods=["consensus"], least_confidence=0.5)
    names = ["train.jsonl", "train.lineage.jsonl", "seals.jsonl", "signature.json", "manifest.json"]
    assert [one["name"] for one in found["files"]] == names
    assert found["records"] == 1


async def test_a_manifest_counts_why_records_are_left_out(world: World) -> None:
    await world.finalized("cat")
    await auto_accepted(world)
    once_gold, gold, reviewed = await world.open_record(), await world.finalized("cat"), await world.finalized("cat")
    for record_id in (gold, once_gold):
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": animal("cat")})
    await world.delete(f"/projects/{world.project_id}/records/{once_gold}/gold")
    await world.deliver(*(world.annotated(once_gold, "cat", slot=slot) for slot in (1, 2)))
    await world.deliver(world.feedback(reviewed, "dog"))
    found = await release(world, methods=["consensus", "decision"], with_under_review=False)
    left_out = {name: count for name, count in found["manifest"]["left_out"].items() if count}
    assert (found["records"], left_out) == (1, {"gold": 1, "method": 1, "under_review": 1, "once_gold": 1})
    low = await release(world, "sure", least_confidence=1.0)
    assert low["status"] == "failed"
    assert "confidence 3" in low["status_reason"]


async def test_a_release_of_a_project_without_labels_has_failed_when_its_job_has(world: World) -> None:
    await world.open_record()
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "early"}, 202)
    await world.service.run_jobs()
    found = await world.get(f"/releases/{made['release_id']}")
    assert found["status"] == "failed"
    assert "Left out: open 1" in found["status_reason"]
    job = await world.get(f"/jobs/{made['job_id']}")
    assert job["state"] == "failed"
    assert (await world.post(f"/projects/{world.project_id}/releases", {"name": "early"}, 202))["name"] == "early"


async def test_a_release_without_a_label_fails_with_what_is_left_out(qa: ServiceUnderTest) -> None:
    world = World(qa, schemas=(SCHEMA, SCHEMA))
    await world.deliver(world.project())
    kept, revised = await world.finalized("cat"), await world.finalized("cat")
    await world.deliver(world.feedback(revised, "dog"), world.unservable(revised, number=2))
    await world.deliver(world.decided(revised, "dog", number=2))
    found = await release(world)
    found = await world.get(f"/releases/{found['release_id']}")
    assert found["status"] == "failed"
    assert "schema version 2" in found["status_reason"]
    assert "other_schema_version 2" in found["status_reason"]
    await world.deliver(world.erased(kept))
    first = await release(world, "of version 1", schema_version=1)
    assert (first["records"], first["manifest"]["left_out"]["other_schema_version"]) == (1, 0)


async def test_erasure_supersedes_the_releases_it_touches(world: World) -> None:
    erased, kept = await world.finalized("cat"), await world.finalized("dog")
    await world.finalized("cat", Split.VALIDATION)
    found = await release(world)
    untouched = await release(world, "validation only", splits=["validation"])
    (url,) = [one["url"] for one in found["files"] if one["name"] == "train.jsonl"]
    await world.deliver(world.erased(erased))
    assert (await world.get(f"/releases/{found['release_id']}"))["status"] == "superseded"
    await world.service.run_loop("supersede_releases")
    await world.service.run_jobs()

    old = await world.get(f"/releases/{found['release_id']}")
    assert (old["files"], old["status_reason"]) == ([], "erasure")
    assert (await world.service.client.get(url)).status_code == 404
    new = await world.get(f"/releases/{old['superseded_by']}")
    assert (new["name"], new["status"], new["supersedes"]) == ("first+erasure.1", "published", old["release_id"])
    assert [one["record_id"] for one in await lines(world, new, "train")] == [str(kept)]
    assert (await world.get(f"/releases/{untouched['release_id']}"))["status"] == "published"
    published = await world.published(ReleasePublished)
    assert str(published[-1].supersedes) == old["release_id"]


async def test_a_release_published_while_a_record_was_erased_is_caught(world: World) -> None:
    erased, kept = await world.finalized("cat"), await world.finalized("dog")
    runtime = world.service.runtime

    class Meanwhile(Objects):
        async def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
            if str(erased).encode() in data:
                await world.deliver(world.erased(erased))
            await super().put(key, data, media_type)

    before, runtime.objects = runtime.objects, Meanwhile(runtime.settings)
    try:
        found = await release(world)
        assert found["status"] == "superseded"
        await world.service.run_loop("supersede_releases")
        await world.service.run_jobs()
        old = await world.get(f"/releases/{found['release_id']}")
        new = await world.get(f"/releases/{old['superseded_by']}")
        assert [one["record_id"] for one in await lines(world, new, "train")] == [str(kept)]
    finally:
        runtime.objects = before


async def test_a_release_that_an_erasure_passed_by_is_superseded_by_one_that_touches_it(world: World) -> None:
    held, other = await world.finalized("cat"), await world.open_record()
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "passed by"}, 202)
    await world.deliver(world.erased(other))
    await world.service.run_jobs()
    found = await world.get(f"/releases/{made['release_id']}")
    assert (found["status"], found["status_reason"]) == ("published", None)
    await world.deliver(world.erased(held))
    found = await world.get(f"/releases/{made['release_id']}")
    assert (found["status"], found["status_reason"]) == ("superseded", "erasure")


async def test_a_release_holds_the_labels_as_they_were_when_its_job_began(world: World) -> None:
    revised = await world.finalized("cat")
    as_of = utc_now()
    await world.deliver(world.feedback(revised, "dog"), world.unservable(revised, number=2))
    await world.deliver(world.decided(revised, "dog", number=2))
    later, gold = await world.finalized("cat"), await world.finalized("cat")
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "then"}, 202)
    async with world.service.database.transaction() as session:  # as a job that was interrupted left it
        checkpoint = orjson.dumps(ReleaseProgress(as_of=as_of).checkpoint()).decode()
        await session.raw.execute("UPDATE jobs SET checkpoint = $2 WHERE id = $1", UUID(made["job_id"]), checkpoint)
    await world.put(f"/projects/{world.project_id}/records/{gold}/gold", {"answers": animal("cat")})
    await world.service.run_jobs()
    held = await lines(world, await world.get(f"/releases/{made['release_id']}"), "train")
    assert [(one["record_id"], one["answers"]) for one in held] == [(str(revised), animal("cat"))]
    assert str(later) not in str(held)


async def test_what_became_gold_is_in_no_successor_of_a_release(world: World) -> None:
    erased, gold, kept = await world.finalized("cat"), await world.finalized("cat"), await world.finalized("cat")
    found = await release(world)
    await world.put(f"/projects/{world.project_id}/records/{gold}/gold", {"answers": animal("cat")})
    await world.deliver(world.erased(erased))
    await world.service.run_loop("supersede_releases")
    await world.service.run_jobs()
    old = await world.get(f"/releases/{found['release_id']}")
    new = await world.get(f"/releases/{old['superseded_by']}")
    assert [one["record_id"] for one in await lines(world, new, "train")] == [str(kept)]


@pytest.mark.parametrize("bound", ["_BYTES_PER_PART", "_PAGES_PER_PART"])
async def test_what_is_stored_in_parts_is_one_file_without_them(
    world: World, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(release_writer, "_LABELS_PER_PAGE", 1)
    monkeypatch.setattr(release_writer, bound, 1)
    records = [await world.finalized("cat") for _ in range(3)]
    await world.open_record()
    found = await release(world)
    assert [one["record_id"] for one in await lines(world, found, "train")] == [str(one) for one in records]
    for number in range(3):
        part = f"releases/{found['release_id']}/parts/train-{number:06}"
        assert not await world.service.runtime.objects.exists(part)
        assert not await world.service.runtime.objects.exists(f"{part}.lineage")


def test_a_part_is_full_when_its_labels_or_their_lineage_are_as_large_as_a_part_may_be() -> None:
    page = LabelPage([], None, Counter())
    content = b"x" * (release_writer._BYTES_PER_PART // 2)
    for one in (release_writer._EncodedPage(page, content, b""), release_writer._EncodedPage(page, b"", content)):
        part = release_writer._Part()
        part.add(one)
        assert not part.full
        part.add(one)
        assert part.full


async def test_a_page_holds_fewer_labels_the_longer_the_chains_of_their_records_are(world: World) -> None:
    for _ in range(6):
        await world.finalized("cat")
    found = await release(world)

    async def labels_of_page(chain_length: int) -> int:
        async with world.service.database.transaction() as session:
            await session.raw.execute(
                "UPDATE records SET chain_length = $1 WHERE project_id = $2", chain_length, world.project_id
            )
            asked = await releases.find(session, UUID(found["release_id"]))
            assert asked is not None
            page = await release_records.valid_at(
                session, asked, "train", as_of=utc_now(), after=BEFORE_EVERY_RECORD, limit=1000, most_bytes=40_000
            )
        return len(page.labels)

    assert [await labels_of_page(length) for length in (1, 16, 1000)] == [6, 3, 1]


async def test_sealing_for_a_release_does_not_follow_those_who_go_on_labelling(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await world.finalized("cat")
    read = chain.unsealed

    async def read_after_one_more_label(session: Session, project_id: UUID, limit: int) -> list[Any]:
        await world.finalized("dog")
        return await read(session, project_id, limit)

    monkeypatch.setattr(chain, "unsealed", read_after_one_more_label)
    async with asyncio.timeout(30):
        found = await release(world)
    assert [one["record_id"] for one in await lines(world, found, "train")] == [str(first)]
    assert found["manifest"]["lineage"]["seals"]["seals"] == 1


async def test_a_release_whose_job_failed_has_failed(world: World) -> None:
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "lost"}, 202)
    part = f"releases/{made['release_id']}/parts/train-000000"
    await world.service.runtime.objects.put(part, b"{}")
    async with world.service.database.transaction() as session:  # as after the last attempt
        await session.raw.execute(
            "UPDATE jobs SET state = 'failed', failure = 'A fault of the service.' WHERE id = $1", UUID(made["job_id"])
        )
    await world.service.run_loop("supersede_releases")
    found = await world.get(f"/releases/{made['release_id']}")
    assert (found["status"], found["status_reason"]) == ("failed", "A fault of the service.")
    assert not await world.service.runtime.objects.exists(part), "what it had stored is gone"


async def test_a_cancelled_release_is_closed_at_once_and_its_name_is_free(world: World) -> None:
    await world.finalized("cat")
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "first"}, 202)
    part = f"releases/{made['release_id']}/parts/train-000000"
    await world.service.runtime.objects.put(part, b"{}")
    await world.post(f"/jobs/{made['job_id']}/cancellation", {})
    cancelled = await world.get(f"/releases/{made['release_id']}")
    assert (cancelled["status"], cancelled["cancelled"], cancelled["files"]) == ("failed", True, [])
    again = await release(world)
    assert (again["name"], again["status"], again["cancelled"]) == ("first", "published", False)
    assert (await world.get(f"/releases/{made['release_id']}"))["name"].startswith("first (failed ")
    async with world.service.database.transaction() as session:  # as a minute later
        await session.raw.execute("UPDATE releases SET cancelled_at = cancelled_at - interval '1 hour'")
    await world.service.run_loop("supersede_releases")
    assert not await world.service.runtime.objects.exists(part)
    assert await world.service.runtime.objects.exists(f"releases/{again['release_id']}/train.jsonl")


async def test_a_release_that_is_cancelled_while_it_is_made_is_not_published(world: World) -> None:
    await world.finalized("cat")
    runtime = world.service.runtime
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "first"}, 202)

    class Meanwhile(Objects):
        async def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
            if key.endswith("manifest.json"):
                await world.post(f"/jobs/{made['job_id']}/cancellation", {})
            await super().put(key, data, media_type)

    before, runtime.objects = runtime.objects, Meanwhile(runtime.settings)
    try:
        await world.service.run_jobs()
    finally:
        runtime.objects = before
    found = await world.get(f"/releases/{made['release_id']}")
    assert (found["status"], found["cancelled"], found["manifest"]) == ("failed", True, None)


async def test_names_are_unique_and_a_repeated_request_is_answered_again(world: World) -> None:
    path = f"/v1/projects/{world.project_id}/releases"
    headers = world.headers() | {"Idempotency-Key": "release-of-november"}
    first = await world.service.client.post(path, headers=headers, json={"name": "november"})
    again = await world.service.client.post(path, headers=headers, json={"name": "november"})
    assert first.json() == again.json()
    problem = await world.post(f"/projects/{world.project_id}/releases", {"name": "november"}, 409)
    assert problem["type"] == "release-name-taken"
    await world.post(f"/projects/{world.project_id}/releases", {"name": "x", "schema_version": 7}, 404)
    await world.service.run_jobs()


async def test_releases_are_made_by_managers_and_read_by_who_trains(world: World) -> None:
    path = f"/v1/projects/{world.project_id}/releases"
    for role, status in ((Role.TRAINER, 403), (Role.AUDITOR, 403)):
        answer = await world.service.client.post(path, headers=world.headers(role), json={"name": "x"})
        assert answer.status_code == status
    assert (await world.service.client.get(path, headers=world.headers(Role.TRAINER))).status_code == 200


@pytest.mark.parametrize("name", ["4111 1111 1111 1111", "4111.1111.1111.1111"])
async def test_a_release_is_not_called_by_personal_data(world: World, name: str) -> None:
    path = f"/v1/projects/{world.project_id}/releases"
    answer = await world.service.client.post(path, json={"name": name}, headers=world.service.token("manager"))
    assert answer.status_code == 422
    assert name not in answer.text


@pytest.mark.parametrize(
    "repeated", [{"splits": ["train", "train"]}, {"methods": ["consensus", "decision", "consensus"]}]
)
async def test_what_a_release_holds_is_named_once(world: World, repeated: dict[str, list[str]]) -> None:
    path = f"/v1/projects/{world.project_id}/releases"
    body = {"name": "twice", **repeated}
    answer = await world.service.client.post(path, json=body, headers=world.service.token("manager"))
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"/{next(iter(repeated))}"
    assert "more than once" in error["detail"]
    assert await world.get(f"/projects/{world.project_id}/releases") == {"items": []}


async def test_the_manifest_says_by_which_split_each_model_was_chosen(world: World) -> None:
    figures: dict[str, Any] = {"accuracy": 0.9, "log_loss": 0.2, "calibration_error": 0.02, "temperature": 1.0}
    measured = {"accuracy": 0.8, "interval_low": 0.6, "interval_high": 0.9, "log_loss": 0.5, "calibration_error": 0.1}
    tested: dict[str, Any] = {"records": 40, **measured, "read_at": world.moment()}
    now, before, by_hand = new_id(), new_id(), new_id()
    await world.deliver(
        world.model(
            now,
            evaluation=ModelEvaluation(held_out=60, split="validation", **figures),
            test=ModelTest(**tested, untouched=True),
        ),
        world.model(
            before,
            ModelStage.RETIRED,
            evaluation=ModelEvaluation(held_out=200, **figures),
            test=ModelTest(**tested, untouched=False),
        ),
        world.model(by_hand, ModelStage.RETIRED),
    )
    await world.finalized("cat")
    manifest = (await release(world))["manifest"]
    found = {one["model_id"]: one for one in manifest["models"]}
    chosen = {model: found[str(model)]["chosen_by"] for model in (now, before, by_hand)}
    assert (chosen[now]["splits"], chosen[now]["records"]) == (["validation"], 60)
    assert (chosen[before]["splits"], chosen[before]["records"]) == (["validation", "test"], 200)
    assert chosen[by_hand] is None
    assert (found[str(now)]["test"]["records"], found[str(now)]["test"]["chosen_by_it"]) == (40, False)
    assert found[str(before)]["test"]["chosen_by_it"] is True
    assert found[str(by_hand)]["test"] is None
    assert "no model is chosen by it" in " ".join(manifest["promises"]["test_split"].split())
