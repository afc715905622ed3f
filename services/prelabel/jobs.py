"""Work that somebody asked for and waits for: the twin of loops."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.prelabel.operations import training_runs
from services.prelabel.resources import PrelabelRuntime
from shared.kit.clock import utc_now
from shared.kit.database import Session
from shared.kit.jobs import Job


async def follow_training(runtime: PrelabelRuntime, job: Job) -> dict[str, Any]:
    """Wait until the run has made its model; the loop does the work, so a job that is interrupted loses nothing.

    The comparison may have to wait for held-out labels for days; the job doesn't.
    """
    run_id = UUID(job.arguments["run_id"])
    await job.progress(0, 1)
    run = await training_runs.await_model(runtime.database, runtime.resources.training_ends, run_id)
    await job.progress(1, 1)
    return {"run_id": str(run_id), "model_id": str(run.model_id), "state": run.state, "report": run.report}


async def cancel_training(session: Session, arguments: Mapping[str, Any]) -> None:
    """End the run that the job follows, unless its model is made; the loop that trains it finds that out."""
    await training_runs.cancel(session, UUID(arguments["run_id"]), utc_now())
