"""What runs in the background: seldom enough, and nobody's trouble holds up anybody else."""

from datetime import datetime
from uuid import UUID

import pytest

from services.qa.resources import Pauses
from services.qa.storage import work_attempts
from services.qa.storage.counters import BackgroundWork, Mark
from shared.contracts.events import AnnotatorAssessed
from shared.kit.clock import new_id, utc_now
from tests.service.qa.world import SCHEMA, World, animal
from tests.support.service import ServiceUnderTest


async def begun(qa: ServiceUnderTest, **more: object) -> World:
    world = World(qa, **more)  # type: ignore[arg-type]
    await world.deliver(world.project())
    return world


async def answered_gold(world: World, answers: int = 3) -> UUID:
    annotator_id = new_id()
    for _ in range(answers):
        record_id = await world.open_record()
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": animal("cat")})
        await world.deliver(world.annotated(record_id, "cat", annotator_id=annotator_id))
    return annotator_id


async def marks_of(world: World) -> int:
    async with world.service.database.transaction() as session:
        found: int = await session.raw.fetchval(
            "SELECT count(*) FROM marks WHERE project_id = $1 AND kind = 'estimates'", world.project_id
        )
    return found


async def change_answers(world: World, answer: str) -> None:
    """As no event would."""
    async with world.service.database.transaction() as session:
        await session.raw.execute(
            "UPDATE annotations SET answers = jsonb_build_object('animal', $2::jsonb) WHERE project_id = $1",
            world.project_id,
            answer,
        )


async def let_pauses_pass(world: World) -> None:
    world.service.runtime.resources.pauses = Pauses()
    async with world.service.database.transaction() as session:
        await session.raw.execute("UPDATE work_attempts SET retry_at = now()")


async def failing(world: World) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await world.get(f"/projects/{world.project_id}/summary"))["failing"]
    return found


async def test_a_project_whose_estimation_fails_holds_up_no_other(qa: ServiceUnderTest) -> None:
    broken, sound = await begun(qa), await begun(qa)
    await answered_gold(broken)
    await answered_gold(sound)
    await change_answers(broken, "{}")
    await let_pauses_pass(broken)
    with pytest.raises(KeyError):
        await qa.run_loop("estimate")
    assert len(await sound.published(AnnotatorAssessed)) == 1
    assert (await marks_of(broken) > 0, await marks_of(sound)) == (True, 0)

    await change_answers(broken, '{"label": "cat"}')
    await let_pauses_pass(broken)
    await qa.run_loop("estimate")
    assert await marks_of(broken) == 0


async def test_attempts_at_an_estimation_are_counted_with_their_reason_and_made_ever_more_seldom(
    qa: ServiceUnderTest,
) -> None:
    world = await begun(qa)
    await answered_gold(world)
    await change_answers(world, "{}")
    pauses = []
    for attempt in (1, 2, 3):
        await let_pauses_pass(world)
        with pytest.raises(KeyError):
            await qa.run_loop("estimate")
        [found] = await failing(world)
        assert (found["work"], found["attempts"]) == ("estimates", attempt)
        assert found["failure"] == "A fault of the service (KeyError)."
        pauses.append((datetime.fromisoformat(str(found["retry_at"])) - utc_now()).total_seconds())
        await qa.run_loop("estimate")  # by another replica, which remembers nothing: it is not due
    assert pauses == sorted(pauses)
    assert pauses[2] > 2 * pauses[0]
    await change_answers(world, '{"label": "cat"}')
    await let_pauses_pass(world)
    await qa.run_loop("estimate")
    assert await failing(world) == []


async def test_an_attempt_that_ended_with_the_process_counts(qa: ServiceUnderTest) -> None:
    world = await begun(qa)
    await answered_gold(world)
    await change_answers(world, "{}")
    async with qa.database.transaction() as session:
        await work_attempts.begin(session, Mark(world.project_id, BackgroundWork.ESTIMATION))
    assert await failing(world) == [], "it may be under way"
    await let_pauses_pass(world)
    async with qa.database.transaction() as session:
        await work_attempts.begin(session, Mark(world.project_id, BackgroundWork.ESTIMATION))
    [found] = await failing(world)
    assert (found["attempts"], found["failure"]) == (2, "The service was interrupted.")
    await change_answers(world, '{"label": "cat"}')  # its estimation comes due while later tests run


async def test_a_few_new_votes_among_many_wait_for_more(qa: ServiceUnderTest) -> None:
    world = await begun(qa)
    await answered_gold(world, 101)
    qa.runtime.resources.pauses = Pauses()
    await qa.run_loop("estimate")
    assert await marks_of(world) == 0
    await world.finalized()
    qa.runtime.resources.pauses.until.clear()
    await qa.run_loop("estimate")
    assert await marks_of(world) == 2, "two votes are less than 2 % of 101"
    await world.finalized()
    await qa.run_loop("estimate")
    assert await marks_of(world) == 0


async def test_an_old_schema_version_is_estimated_again_only_when_it_was_answered(qa: ServiceUnderTest) -> None:
    world = await begun(qa, schemas=(SCHEMA, SCHEMA))
    old, new = await world.open_record(schema_version=1), await world.open_record(schema_version=2)
    await world.deliver(world.annotated(old, "cat", schema_version=1), world.annotated(new, "cat", schema_version=2))

    async def estimated() -> dict[int, UUID]:
        await qa.run_loop("estimate")
        qa.runtime.resources.pauses.until.clear()
        async with qa.database.transaction() as session:
            rows = await session.raw.fetch(
                "SELECT schema_version, estimate_id FROM estimates WHERE project_id = $1", world.project_id
            )
        return {row["schema_version"]: row["estimate_id"] for row in rows}

    qa.runtime.resources.pauses = Pauses()
    first = await estimated()
    await world.deliver(world.annotated(new, "cat", schema_version=2, slot=2))
    second = await estimated()
    assert (second[1] == first[1], second[2] == first[2]) == (True, False)
    await world.deliver(world.annotated(old, "cat", schema_version=1, slot=2))
    assert (await estimated())[1] != second[1]
