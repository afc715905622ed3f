"""Work that somebody asked for and waits for: the twin of loops."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from services.prelabel.storage import runs
from services.prelabel.storage.runs import RunState
from shared.kit.clock import utc_now
from shared.kit.database import Session
from shared.kit.exceptions import JobFailed
from shared.kit.jobs import CANCELLED, Job
from shared.kit.runtime import Runtime

TRAINING: Final = "training"

_LOOKS_EVERY_S: Final = 0.2


async def follow_training(runtime: Runtime, job: Job) -> dict[str, Any]:
    """Wait until the run has made its model; the loop does the work, so a job that is interrupted loses nothing.

    The comparison may have to wait for held-out labels for days; the job doesn't.
    """
    run_id = UUID(job.arguments["run_id"])
    while True:
        async with runtime.database.transaction() as session:
            run = await runs.get(session, run_id)
        if run.state is RunState.FAILED:
            raise JobFailed(run.failure or "the training failed")
        if run.state not in {RunState.QUEUED, RunState.RUNNING}:
            await job.progress(1, 1)
            return {"run_id": str(run_id), "model_id": str(run.model_id), "state": run.state, "report": run.report}
        await job.progress(0, 1)
        await asyncio.sleep(_LOOKS_EVERY_S)


async def cancel_training(session: Session, arguments: Mapping[str, Any]) -> None:
    """End the run that the job follows, unless its model is made; the loop that trains it finds that out."""
    await runs.cancel(session, UUID(arguments["run_id"]), CANCELLED, utc_now())
