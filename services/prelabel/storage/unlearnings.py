"""Which training runs learnt from records that were erased since, and which models' files are taken away for that."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.prelabel.exceptions import TrainingFailure
from services.prelabel.storage.runs import RunState
from shared.contracts.values import ModelStage
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """A run that learnt from an erased record, and its model. `stage` is None while, or because, there is no model.

    `file_gone_at`: when the model's file was deleted.
    """

    record_id: UUID
    project_id: UUID
    run_state: RunState
    model_id: UUID
    stage: ModelStage | None
    file_gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewestRun:
    """A project's newest training run, and why it failed if it did."""

    state: RunState
    failure_reason: TrainingFailure | None


_ADD = """
INSERT INTO unlearnings (run_id, record_id, erased_at)
SELECT run_id, record_id, $2 FROM training_examples WHERE record_id = ANY($1::uuid[]) ORDER BY run_id, record_id
ON CONFLICT DO NOTHING
"""
# Counted, for the first row that EXISTS wants is looked for through the whole table where a run has many and another none.
_OF_RUN = "SELECT count(*) > 0 FROM unlearnings WHERE run_id = $1"
_OF_RECORDS = """
SELECT u.record_id, r.project_id, r.state AS run_state, r.model_id, m.stage, f.gone_at
FROM unlearnings u JOIN training_runs r USING (run_id)
    LEFT JOIN models m ON m.model_id = r.model_id LEFT JOIN retired_files f ON f.model_id = r.model_id
WHERE u.record_id = ANY($1::uuid[]) ORDER BY u.record_id, r.run_id
"""
_SUCCESSORS = """
SELECT c.model_id FROM models c
WHERE c.model_id = ANY($1::uuid[]) AND c.training_run_id IS NOT NULL AND (
    SELECT count(*) FROM models m JOIN unlearnings u ON u.run_id = m.training_run_id
    WHERE m.project_id = c.project_id AND m.stage = 'champion'
) > 0 AND (SELECT count(*) FROM unlearnings u WHERE u.run_id = c.training_run_id) = 0
"""
# A run that began after the last of the records was erased can't have learnt from any of them.
_SUCCESSOR_WANTED = """
SELECT coalesce((
    SELECT max(u.erased_at) FROM models m JOIN unlearnings u ON u.run_id = m.training_run_id
    WHERE m.project_id = $1 AND m.stage = 'champion'
) > (
    SELECT coalesce(started_at, created_at) FROM training_runs WHERE project_id = $1 ORDER BY run_id DESC LIMIT 1
), false)
"""
_NEWEST_RUNS = """
SELECT p.project_id, r.state, r.failure_reason FROM unnest($1::uuid[]) AS p (project_id) CROSS JOIN LATERAL (
    SELECT state, failure_reason FROM training_runs WHERE project_id = p.project_id
    ORDER BY run_id DESC LIMIT 1
) AS r
"""
_PROJECTS_TO_RETIRE = """
SELECT DISTINCT m.project_id FROM models m
WHERE m.stage <> 'champion' AND m.training_run_id IN (SELECT run_id FROM unlearnings)
    AND NOT EXISTS (SELECT FROM retired_files f WHERE f.model_id = m.model_id)
"""
_TO_RETIRE = """
SELECT m.model_id FROM models m
WHERE m.project_id = $1 AND m.stage <> 'champion' AND m.training_run_id IN (SELECT run_id FROM unlearnings)
    AND NOT EXISTS (SELECT FROM retired_files f WHERE f.model_id = m.model_id)
ORDER BY m.model_id
"""
_RETIRE = """
INSERT INTO retired_files (model_id, project_id) SELECT model_id, $2 FROM unnest($1::uuid[]) AS model_id ORDER BY model_id
ON CONFLICT (model_id) DO UPDATE SET gone_at = NULL
"""
_RETIRED = "SELECT model_id, project_id FROM retired_files WHERE gone_at IS NULL ORDER BY model_id LIMIT $1"
_GONE = "UPDATE retired_files SET gone_at = $2 WHERE model_id = ANY($1::uuid[]) AND gone_at IS NULL"


async def add(session: Session, record_ids: Collection[UUID], at: datetime) -> None:
    """Note which runs learnt from records that are erased now. The records' rows are locked."""
    await session.raw.execute(_ADD, list(record_ids), at)


async def of_run(session: Session, run_id: UUID) -> bool:
    """Whether the run has records among its examples that were erased since it began."""
    found: bool = await session.raw.fetchval(_OF_RUN, run_id)
    return found


async def of_records(session: Session, record_ids: Collection[UUID]) -> list[LearntFrom]:
    """What learnt from these erased records."""
    return [
        LearntFrom(
            row["record_id"], row["project_id"], RunState(row["run_state"]), row["model_id"],
            None if row["stage"] is None else ModelStage(row["stage"]), row["gone_at"],
        )
        for row in await session.raw.fetch(_OF_RECORDS, list(record_ids))
    ]  # fmt: skip


async def successors(session: Session, model_ids: Collection[UUID]) -> set[UUID]:
    """Those of the models that were trained here without what their project's champion has to unlearn."""
    return {row["model_id"] for row in await session.raw.fetch(_SUCCESSORS, list(model_ids))}


async def successor_wanted(session: Session, project_id: UUID) -> bool:
    """Whether the champion learnt from an erased record, and nothing was trained since without it."""
    found: bool = await session.raw.fetchval(_SUCCESSOR_WANTED, project_id)
    return found


async def newest_runs(session: Session, project_ids: Collection[UUID]) -> dict[UUID, NewestRun]:
    """The newest run of each project."""
    return {row["project_id"]: _newest(row) for row in await session.raw.fetch(_NEWEST_RUNS, list(project_ids))}


def _newest(row: Any) -> NewestRun:
    reason = row["failure_reason"]
    return NewestRun(RunState(row["state"]), None if reason is None else TrainingFailure(reason))


async def projects_to_retire(session: Session) -> list[UUID]:
    """Projects with models that learnt from an erased record, are not in use, and still have their files."""
    return [row["project_id"] for row in await session.raw.fetch(_PROJECTS_TO_RETIRE)]


async def to_retire(session: Session, project_id: UUID) -> list[UUID]:
    """These models of a project, which is locked."""
    return [row["model_id"] for row in await session.raw.fetch(_TO_RETIRE, project_id)]


async def retire(session: Session, project_id: UUID, model_ids: Sequence[UUID]) -> None:
    """Have the files of these models deleted; from now on none of them can be promoted or fetched."""
    await session.raw.execute(_RETIRE, model_ids, project_id)


async def retired(session: Session, limit: int) -> dict[UUID, UUID]:
    """Models whose files are to be deleted, each with its project."""
    return {row["model_id"]: row["project_id"] for row in await session.raw.fetch(_RETIRED, limit)}


async def note_gone(session: Session, model_ids: Sequence[UUID], at: datetime) -> None:
    """Note that the files of these models are deleted."""
    await session.raw.execute(_GONE, model_ids, at)
