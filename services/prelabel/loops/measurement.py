"""The loops that compare challengers and test champions."""

import asyncio
from typing import Final

from services.prelabel.loop_names import COMPARE, TEST, UNLEARN
from services.prelabel.operations import comparison, measurement, model_tests
from services.prelabel.resources import PrelabelRuntime, backends_of, mark_dirty, wake_scoring
from shared.kit.isolation import isolated

_BREATH_S: Final = 0.2
"""Labels come one by one; what each of them wakes is done for all that came meanwhile."""


async def compare(runtime: PrelabelRuntime) -> float | None:
    """Compare the challengers for which there are labels of the validation split enough.

    Return in how many seconds one whose comparison failed is due again.
    """
    backends = backends_of(runtime)
    due = await comparison.due(backends)
    with isolated(COMPARE) as item:
        for model in due:
            with item(model_id=model.model_id):
                await comparison.compare_one(backends, model.model_id)
                runtime.wake(TEST)
                runtime.wake(UNLEARN)
                wake_scoring(runtime, model.project_id)
                mark_dirty(runtime, model.project_id)
    if due:
        await asyncio.sleep(_BREATH_S)
    return await measurement.next_in_s(runtime.database)


async def test(runtime: PrelabelRuntime) -> float | None:
    """Read the test split for the champions that were not tested yet, once there are labels of it enough.

    Return in how many seconds one whose test failed is due again.
    """
    backends = backends_of(runtime)
    due = await model_tests.due(backends)
    with isolated(TEST) as item:
        for model in due:
            with item(model_id=model.model_id):
                await model_tests.test_one(backends, model.model_id)
    return await measurement.next_in_s(runtime.database)
