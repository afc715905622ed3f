"""The job that counts a project's agreement anew from every answer, beside the counts in use.

It writes the next generation of the counts page by page, in the order of the records, with a checkpoint after each; changes
wait meanwhile and are counted into the new generation. Until it is complete the results stay as they are, so a job that
fails or is cancelled leaves nothing but rows to delete.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.qa.domain.agreement_counts import CountChanges
from services.qa.domain.project import Project
from services.qa.operations.agreement_updates import contributions, measure_outdated
from services.qa.storage import agreement_counts, projects
from services.qa.storage.agreement_counts import Generation
from services.qa.storage.records import NOWHERE
from shared.kit import jobs
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database, Session
from shared.kit.exceptions import JobFailed
from shared.kit.jobs import Job

RECOUNT: Final = "recount_agreement"
"""The kind of job."""

_RECORDS_AT_ONCE: Final = 5000
_FORGOTTEN_AT_ONCE: Final = 10_000


async def request(session: Session, project_id: UUID, actor: str) -> UUID:
    """Ask for a recount; return its job, which is the one at work if there is one.

    One at work is found without a lock: whoever asks again and again would hold connections that others need.
    """
    at_work = await jobs.under_way(session, RECOUNT, project_id)
    if at_work is not None and at_work == await agreement_counts.recounting_job(session, project_id):
        return at_work
    job_id = await jobs.enqueue_unless_under_way(session, RECOUNT, project_id=project_id, arguments={}, actor=actor)
    generation = await agreement_counts.lock(session, project_id)
    await agreement_counts.set_generation(session, project_id, Generation(generation.number, job_id))
    return job_id


async def recount(database: Database, compute: ComputePool, job: Job, now: datetime) -> dict[str, Any]:
    """Count every record of the job's project, or go on where an earlier attempt was interrupted."""
    project_id = job.project_id
    assert project_id is not None
    async with database.transaction() as session:
        generation = await agreement_counts.lock(session, project_id)
        project = await projects.load(session, project_id)
    checkpoint = job.checkpoint or {"after": str(NOWHERE), "done": 0, "replaced": None}
    if checkpoint["replaced"] is None:
        if project is None or generation.recounted_by != job.id:
            raise JobFailed("Another recount took its place.")
        if job.checkpoint is None:
            await _forget(database, project_id, generation.number + 1)
        await _count(database, compute, job, project, generation.number + 1, checkpoint)
        checkpoint = await _replace(database, job, generation.number, checkpoint)
    await _forget(database, project_id, checkpoint["replaced"])
    questions = await measure_outdated(database, compute, project_id, now)
    return {"records": checkpoint["done"], "questions": questions}


async def _count(
    database: Database, compute: ComputePool, job: Job, project: Project, generation: int, checkpoint: dict[str, Any]
) -> None:
    """Count the records that are not counted yet into the next generation."""
    project_id = project.project_id
    while True:
        async with database.transaction() as session:
            after = UUID(checkpoint["after"])
            records = await agreement_counts.records_in_order(session, project_id, after, _RECORDS_AT_ONCE)
            answers = await agreement_counts.answers_of(session, records)
        if not records:
            return
        found = await contributions(compute, project, list(answers), answers)
        counted = {record_id: one for record_id, one in found.items() if one}
        changes = CountChanges()
        for one in counted.values():
            changes.add(one, 1)
        checkpoint["after"] = str(records[-1])
        checkpoint["done"] += len(records)
        async with database.transaction() as session:
            await agreement_counts.save_contributions(session, project_id, generation, counted)
            await agreement_counts.add_counts(session, project_id, generation, changes)
            await job.commit_progress(session, checkpoint["done"], checkpoint=checkpoint)


async def _replace(database: Database, job: Job, generation: int, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Put the next generation in the place of the one in use."""
    project_id = job.project_id
    assert project_id is not None
    checkpoint = {**checkpoint, "replaced": generation}
    async with database.transaction() as session:
        if (await agreement_counts.lock(session, project_id)).recounted_by != job.id:
            raise JobFailed("Another recount took its place.")
        await agreement_counts.set_generation(session, project_id, Generation(generation + 1, None))
        await agreement_counts.outdate_all(session, project_id, generation + 1)
        await job.commit_progress(session, checkpoint["done"], checkpoint["done"], checkpoint=checkpoint)
    return checkpoint


async def release_abandoned(database: Database) -> None:
    """Let changes be counted again where a recount failed or was cancelled, and delete what it left."""
    async with database.autocommit() as session:
        recounted = await agreement_counts.recounted(session)
        unfinished = await jobs.unfinished(session, list(recounted.values()))
        abandoned = {project_id: job_id for project_id, job_id in recounted.items() if job_id not in unfinished}
        await agreement_counts.end_recounts(session, abandoned)


async def _forget(database: Database, project_id: UUID, generation: int) -> None:
    complete = False
    while not complete:
        async with database.transaction() as session:
            complete = await agreement_counts.forget(session, project_id, generation, _FORGOTTEN_AT_ONCE)
