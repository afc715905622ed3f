"""By which method votes are weighed, as managers see it."""

import pytest

from services.qa.domain.consensus_methods import Basis, Method, MethodSelection
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.storage import estimates
from services.qa.storage.estimates import SchemaKey
from shared.kit.clock import utc_now
from tests.service.qa.world import World

BEFORE = {
    "question": "animal",
    "schema_version": 1,
    "method": "dawid_skene",
    "basis": "default",
    "evidence": {},
    "margin": None,
    "margin_error": None,
    "calibrated": "default",
    "known_answers": 0.0,
    "temperature": pytest.approx(3**0.5),
    "votes": 0,
    "estimated_at": None,
}


async def test_before_any_estimation_the_method_is_the_default(world: World) -> None:
    (found,) = (await world.get(f"/projects/{world.project_id}/consensus-methods"))["items"]
    assert found == BEFORE


async def test_the_chosen_method_its_evidence_and_its_margin_are_shown(world: World) -> None:
    await world.finalized("cat")
    await world.service.run_loop("estimate")
    (found,) = (await world.get(f"/projects/{world.project_id}/consensus-methods"))["items"]
    assert (found["method"], found["basis"], found["votes"]) == ("dawid_skene", "default", 2)
    assert found["estimated_at"] is not None
    chosen = MethodSelection(Method.EBCC, Basis.VOTES, {"dawid_skene": -0.4, "ebcc": -0.38}, 0.02, 0.004)
    async with world.service.database.transaction() as session:
        heads = await estimates.of_schema(session, SchemaKey(world.project_id, 1))
        shared = dict(heads["animal"].estimates.shared)
        content = {"": {**shared["content"][""], "selection": chosen.to_json()}}
        stored = StoredEstimates({**shared, "content": content}, {})
        await estimates.save(session, SchemaKey(world.project_id, 1), {"animal": stored}, votes=5_000, now=utc_now())
    (found,) = (await world.get(f"/projects/{world.project_id}/consensus-methods", schema_version=1))["items"]
    assert (found["method"], found["basis"], found["votes"]) == ("ebcc", "held_out_votes", 5_000)
    assert (found["margin"], found["margin_error"]) == (0.02, 0.004)
    assert found["evidence"] == {"dawid_skene": -0.4, "ebcc": -0.38}


async def test_a_schema_version_that_is_not_there_is_refused(world: World) -> None:
    await world.get(f"/projects/{world.project_id}/consensus-methods", 404, schema_version=9)
