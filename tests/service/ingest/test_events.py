from itertools import permutations
from uuid import UUID, uuid4

import pytest

from services.ingest.storage import projects
from shared.contracts.envelope import Payload
from shared.contracts.events import (
    FeedbackReceived,
    GoldPlaced,
    GoldWithdrawn,
    LabelFinalized,
    LabelRetracted,
    ProjectChanged,
    RecordAccepted,
    RecordErased,
    RecordUnlabelable,
)
from shared.contracts.values import LabelMethod, Split
from shared.kit.republication import republish
from tests.service.ingest.conftest import Ingest, text
from tests.support.service import envelope
from tests.support.statements import sent_statements

FINALIZED = LabelFinalized(
    label_revision=1,
    round=1,
    method=LabelMethod.CONSENSUS,
    answers={"topic": {"label": "billing"}},
    confidence=0.99,
    schema_version=1,
    guideline_version=1,
    split=Split.TRAIN,
    trainable=True,
    annotations=2,
)
ENDS: list[tuple[Payload, str]] = [
    (FINALIZED, "finalized"),
    (LabelRetracted(label_revision=1, reason="gold"), "open"),
    (RecordUnlabelable(reason="no arbiter"), "unlabelable"),
    (GoldPlaced(schema_version=1, exposures=5), "gold"),
    (GoldWithdrawn(reason="doubt"), "open"),
]


async def _new_record(ingest: Ingest, project_id: UUID) -> UUID:
    return UUID((await ingest.send(project_id, text(uuid4().hex)))["records"][0]["record_id"])


async def test_lists_show_how_records_ended(ingest: Ingest) -> None:
    project_id = await ingest.project()
    record_id = await _new_record(ingest, project_id)
    for revision, (payload, state) in enumerate(ENDS, start=1):
        await ingest.service.deliver(payload, project_id=project_id, record_id=record_id, revision=revision)
        page = await ingest.get(f"/v1/projects/{project_id}/records", state=state)
        assert [item["record_id"] for item in page["items"]] == [str(record_id)]


@pytest.mark.parametrize(("first", "second"), list(permutations(range(len(ENDS)), 2)))
async def test_every_pair_of_ends_in_both_orders_ends_the_same(ingest: Ingest, first: int, second: int) -> None:
    project_id = await ingest.project()
    record_id = await _new_record(ingest, project_id)
    for index in (first, second):
        for _ in range(2):
            await ingest.service.deliver(ENDS[index][0], project_id=project_id, record_id=record_id, revision=index + 1)
    assert (await ingest.get(f"/v1/records/{record_id}"))["state"] == ENDS[max(first, second)][1]


async def test_a_label_s_revision_is_qa_s_whatever_else_changed_the_record(ingest: Ingest) -> None:
    project_id = await ingest.project()
    record_id = await _new_record(ingest, project_id)
    again = FINALIZED.model_copy(update={"label_revision": 2})
    for payload, revision in ((again, 7), (FINALIZED, 3), (RecordUnlabelable(reason="no arbiter"), 5)):
        await ingest.service.deliver(payload, project_id=project_id, record_id=record_id, revision=revision)
    read = await ingest.get(f"/v1/records/{record_id}")
    assert (read["state"], read["label_revision"]) == ("finalized", 2)
    page = await ingest.get(f"/v1/projects/{project_id}/records")
    assert page["items"][0]["label_revision"] == 2


async def test_a_set_of_events_has_the_effect_of_each(ingest: Ingest) -> None:
    project_id = await ingest.project()
    records = sorted([await _new_record(ingest, project_id) for _ in range(3)])
    again = FINALIZED.model_copy(update={"label_revision": 2})
    events = [envelope(FINALIZED, project_id, record_id, revision=2) for record_id in reversed(records)]
    events.append(envelope(again, project_id, records[0], revision=4))
    await ingest.service.deliver_many(events)
    read = [await ingest.get(f"/v1/records/{record_id}") for record_id in records]
    assert {one["state"] for one in read} == {"finalized"}
    assert [one["label_revision"] for one in read] == [2, 1, 1]


async def test_one_event_delivered_thirty_times_has_one_effect(ingest: Ingest) -> None:
    project_id = await ingest.project()
    record_id = await _new_record(ingest, project_id)
    event_id = uuid4()
    for _ in range(30):
        await ingest.service.deliver(FINALIZED, project_id=project_id, record_id=record_id, event_id=event_id)
    assert await ingest.scalar("SELECT count(*) FROM inbox WHERE event_id = $1", event_id) == 1


async def test_an_erased_record_stays_erased_and_labels_of_strangers_are_ignored(ingest: Ingest) -> None:
    project_id = await ingest.project()
    record_id = await _new_record(ingest, project_id)
    await ingest.client.delete(f"/v1/records/{record_id}", headers=ingest.product)
    await ingest.service.deliver(FINALIZED, project_id=project_id, record_id=record_id, revision=9)
    assert (await ingest.get(f"/v1/records/{record_id}"))["state"] == "erased"
    await ingest.service.deliver(FINALIZED, project_id=project_id, record_id=uuid4())


async def test_many_projects_are_republished_in_as_many_statements_as_one(ingest: Ingest) -> None:
    ids = [await ingest.project() for _ in range(6)]
    for project_id in ids:
        await ingest.client.put(
            f"/v1/projects/{project_id}/policies", json={"gold": {"share": 0.1}}, headers=ingest.manager
        )

    async def load(some: list[UUID]) -> list[str]:
        with sent_statements(ingest.service.database) as sent:
            async with ingest.service.database.transaction() as session:
                found = await projects.load_all(session, some, "share")
        assert [one.project_id for one in found] == sorted(some)
        assert {(len(one.schemas), len(one.guidelines), len(one.policies)) for one in found} == {(1, 1, 2)}
        return sent

    assert await load(ids[:1]) == await load(ids)


async def test_republish_repeats_the_present_state_with_the_same_revisions(ingest: Ingest) -> None:
    project_id = await ingest.project()
    sent = await ingest.send(project_id, text("mail a@example.com", external_id="r1", slice={"a": 1}), text("gone"))
    await ingest.report(project_id, {"external_id": "r1", "verdict": "confirmed"})
    await ingest.client.delete(f"/v1/records/{sent['records'][1]['record_id']}", headers=ingest.product)

    async def published_of() -> list[tuple[str, UUID | None, int, str]]:
        return [
            (item.type, item.record_id, item.revision, item.payload.model_dump_json())
            for item in await ingest.service.published()
            if item.project_id == project_id
        ]

    before = await published_of()
    ids_before = {item.id for item in await ingest.service.published()}
    assert await republish(ingest.service.runtime) > 0
    again = (await published_of())[len(before) :]
    kinds = [item[0] for item in again]
    names = (ProjectChanged, RecordAccepted, RecordErased, FeedbackReceived)
    assert sorted(kinds) == sorted(payload.__name__ for payload in names)
    assert set(again) <= set(before)
    fresh = [item for item in await ingest.service.published() if item.project_id == project_id][len(before) :]
    assert not {item.id for item in fresh} & ids_before, "they are new events: a late reader's inbox must take them"
