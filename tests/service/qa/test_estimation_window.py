"""What an estimation reads, when PostgreSQL knows nothing yet of how large the tables have become."""

import time

from services.qa.operations.estimation_window import load_window
from tests.service.qa.world import SCHEMA, World
from tests.support.slowness import slowness

ANNOTATIONS = 20_000

# No ANALYZE follows: the statistics are those of tables that held a handful of rows.
_FILL = (
    """
    INSERT INTO records (record_id, project_id, known, split, route, round, routed_prediction_id)
    SELECT gen_random_uuid(), $1, true, CASE WHEN number % 5 = 0 THEN 'test' ELSE 'train' END, 'people', 1,
        gen_random_uuid()
    FROM generate_series(1, $2::integer) AS number
    """,
    """
    INSERT INTO predictions (prediction_id, record_id, project_id, revision, model_id, model_version, schema_version,
        answers, confidence, distributions, scored_for, predicted_at)
    SELECT routed_prediction_id, record_id, project_id, 1, gen_random_uuid(), 1, 1, '{"animal": {"label": "cat"}}', 0.7,
        '{"animal": {"cat": 0.7, "dog": 0.1, "bird": 0.1, "fish": 0.1}}', 'routing', now()
    FROM records WHERE project_id = $1 AND $2::integer > 0
    """,
    """
    INSERT INTO annotations (annotation_id, annotation_revision, record_id, project_id, role, round, slot, task_id,
        task_kind, annotator_id, answers, schema_version, guideline_version, leased_at, submitted_at)
    SELECT gen_random_uuid(), 1, record_id, project_id, 'vote', 1, 1, gen_random_uuid(), 'annotation',
        gen_random_uuid(), '{"animal": {"label": "cat"}}', 1, 1, now(), now() - random() * interval '1 day'
    FROM records WHERE project_id = $1 AND $2::integer > 0
    """,
)


async def test_a_window_is_read_quickly_before_there_are_statistics(world: World) -> None:
    async with world.service.database.transaction() as session:
        for statement in _FILL:
            await session.raw.execute(statement, world.project_id, ANNOTATIONS)
    began = time.monotonic()
    window = await load_window(world.service.database, world.project_id, 1, SCHEMA, 2 * ANNOTATIONS)
    taken_s = time.monotonic() - began
    assert (len(window.annotations), len(window.records)) == (ANNOTATIONS, ANNOTATIONS)
    assert sum(one.distributions is not None for one in window.records) == ANNOTATIONS * 4 // 5, "not of held-out ones"
    moments = [one.submitted_us for one in window.annotations]
    assert moments == sorted(moments)
    assert taken_s < 5.0 * slowness(), "a nested loop over the whole took 15 s for a twentieth of it"


async def test_a_window_holds_the_newest(world: World) -> None:
    records = [await world.open_record() for _ in range(3)]
    for record_id in records:
        await world.deliver(world.annotated(record_id, "cat"))
    window = await load_window(world.service.database, world.project_id, 1, SCHEMA, 2)
    assert len(window.annotations) == len(window.annotators) == len(window.records) == 2
