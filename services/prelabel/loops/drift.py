"""The loop that watches champions for drift."""

from services.prelabel.loop_names import WATCH
from services.prelabel.operations import drift
from services.prelabel.resources import PrelabelRuntime, backends_of
from shared.kit.clock import utc_now
from shared.kit.isolation import isolated

_WINDOWS_A_TURN = 10


async def watch(runtime: PrelabelRuntime) -> None:
    """Look at the champions of which there is something new; some windows of each, so that one holds up no others."""
    backends = backends_of(runtime)
    due = await drift.due(runtime.database)
    with isolated(WATCH) as item:
        for champion in due:
            with item(model_id=champion.model_id, project_id=champion.project_id):
                for _ in range(_WINDOWS_A_TURN):
                    if not await drift.look(backends, champion.model_id, utc_now()):
                        break
    await drift.count_alarmed(runtime.database)
