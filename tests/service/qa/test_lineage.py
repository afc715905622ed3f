"""Nothing is forgotten but by right."""

import asyncio
import threading
from uuid import UUID

import pytest

from services.qa.api.records import LineageOut
from shared.contracts.values import Split
from shared.kit.clock import new_id
from tests.service.qa.world import World, animal


async def sealed(world: World, record_id: UUID) -> dict[str, object]:
    await world.service.run_loop("seal")
    chain: dict[str, object] = (await world.lineage(record_id))["chain"]
    return chain


async def test_the_chain_of_a_record_verifies_and_is_sealed(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver(world.feedback(record_id, "dog"), world.unservable(record_id, number=2))
    await world.deliver(world.decided(record_id, "dog", number=2))
    chain = await sealed(world, record_id)
    assert chain["verified"]
    assert chain["contents_checked"]
    assert [one["kind"] for one in chain["links"]] == ["label", "decision", "label"]  # type: ignore[attr-defined]
    assert chain["sealed"] == 3
    (seal, *_) = (await world.get(f"/projects/{world.project_id}/seals"))["items"]
    assert seal["number"] == 1
    assert seal["leaves"] == 3


async def test_the_chain_verifies_after_erasure_and_the_content_is_gone(world: World) -> None:
    record_id = new_id()
    await world.deliver(world.accepted(record_id, purposes=["a study of cats"]), world.routed(record_id, 2))
    await world.deliver(world.annotated(record_id, "cat"), world.annotated(record_id, "cat", slot=2))
    await world.service.run_loop("seal")
    assert (await world.lineage(record_id))["record"]["purposes"] == ["a study of cats"]
    await world.deliver(world.erased(record_id))
    chain = await sealed(world, record_id)
    assert chain["verified"]
    assert not chain["contents_checked"]
    assert chain["sealed"] == 2
    lineage = await world.lineage(record_id)
    assert lineage["labels"][0]["answers"] is None
    assert [one["answers"] for one in lineage["annotations"]] == [None, None]
    assert "cat" not in str(lineage)
    await world.get(f"/records/{record_id}/label", 410)


async def test_a_changed_label_breaks_the_chain(world: World) -> None:
    record_id = await world.finalized("cat")
    async with world.service.database.transaction() as session:
        await session.raw.execute(
            """UPDATE labels SET answers = '{"animal": {"label": "dog"}}' WHERE record_id = $1""", record_id
        )
    chain = (await world.lineage(record_id))["chain"]
    assert not chain["verified"]
    assert chain["broken_at"] == 0


async def test_a_link_that_was_cut_off_breaks_the_chain(world: World) -> None:
    record_id = await world.finalized("cat")
    async with world.service.database.transaction() as session:
        await session.raw.execute("DELETE FROM chain_links WHERE record_id = $1", record_id)
    assert not (await world.lineage(record_id))["chain"]["verified"]


async def test_lineage_shows_how_a_label_came_to_be(world: World) -> None:
    record_id = await world.finalized("cat", Split.VALIDATION)
    lineage = await world.lineage(record_id)
    assert lineage["record"]["split"] == "validation"
    assert lineage["record"]["slice"] == {"source": "zoo"}
    assert set(lineage["draws"]) == {"split", "audit", "blind", "explore"}
    assert [one["route"] for one in lineage["routes"]] == ["people"]
    assert [one["answers"] for one in lineage["annotations"]] == [animal("cat"), animal("cat")]
    (label,) = lineage["labels"]
    assert label["parameters"]["questions"]["animal"]["method"] == "dawid_skene"
    assert len(label["parameters"]["annotations"]) == 2


async def test_of_many_reports_and_answers_the_newest_are_shown_with_how_many_there_are(world: World) -> None:
    record_id = await world.finalized("cat")
    reports = [world.feedback(record_id, "cat") for _ in range(120)]
    await world.deliver_set(*reports)
    lineage = await world.lineage(record_id)
    newest = [str(one.payload.feedback_id) for one in reports[20:]]
    assert [one["feedback_id"] for one in lineage["feedback"]] == newest
    assert lineage["counts"] == {
        "routes": 1,
        "annotations": 2,
        "skips": 0,
        "gold": 0,
        "labels": 1,
        "disputes": 0,
        "decisions": 0,
        "feedback": 120,
    }

    await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": animal("cat")})
    await world.deliver_set(*(world.annotated(record_id, "cat", slot=slot) for slot in range(3, 123)))
    lineage = await world.lineage(record_id)
    assert len(lineage["annotations"]) == 100
    assert {one["role"] for one in lineage["annotations"]} == {"gold"}
    assert max(one["slot"] for one in lineage["annotations"]) == 122
    assert lineage["counts"]["annotations"] == 122
    assert lineage["chain"]["verified"]


async def test_annotations_that_count_are_shown_however_many_came_late(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.deliver_set(*(world.annotated(record_id, "dog", slot=slot) for slot in range(3, 113)))
    lineage = await world.lineage(record_id)
    roles = [one["role"] for one in lineage["annotations"]]
    assert (len(roles), roles.count("vote"), roles.count("late")) == (100, 2, 98)
    assert roles[:2] == ["vote", "vote"]


async def test_the_answer_is_made_beside_the_loop_with_no_connection_in_hand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_id = await world.finalized("cat")
    made, dump, database = [], LineageOut.model_dump_json, world.service.database
    loop = asyncio.get_running_loop()

    def noted(self: LineageOut) -> str:
        idle = asyncio.run_coroutine_threadsafe(in_transactions(), loop).result(10)
        made.append((threading.current_thread() is threading.main_thread(), idle))
        return dump(self)

    async def in_transactions() -> int:
        async with database.transaction() as session:
            found: int = await session.raw.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
            )
            return found

    monkeypatch.setattr(LineageOut, "model_dump_json", noted)
    await world.lineage(record_id)
    assert made == [(False, 0)]
