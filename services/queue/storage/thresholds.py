"""From which confidence a model's answers are accepted unseen, and which records a change of that concerns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from services.queue.storage.change_cursor import ChangeCursor
from shared.contracts.events import AutoAcceptThresholdSet
from shared.kit.database import Session
from shared.kit.jsonb import dump
from shared.kit.statements import columns

# Whoever routes by the thresholds holds the project's row in share mode.
_LOCK_PROJECTS = """
SELECT project_id FROM projects WHERE project_id = ANY($1::uuid[]) ORDER BY project_id FOR NO KEY UPDATE
"""
_OF_MODELS = """
SELECT t.project_id, t.model_id, t.schema_version, t.question, t.label, t.revision, t.threshold
FROM unnest($1::uuid[], $2::uuid[]) AS one (project_id, model_id)
JOIN thresholds t ON t.project_id = one.project_id AND t.model_id = one.model_id
"""
# label '' is every class.
_SAVE = """
INSERT INTO thresholds (project_id, model_id, schema_version, question, label, revision, threshold)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::int[], $7::float8[])
ON CONFLICT (project_id, model_id, schema_version, question, label) DO UPDATE
SET revision = excluded.revision, threshold = excluded.threshold
"""
_COUNT = "UPDATE projects SET thresholds_revision = thresholds_revision + 1 WHERE project_id = ANY($1::uuid[])"
_ADD_CHANGES = """
INSERT INTO threshold_changes (project_id, model_id, question, after_confidence, below, classes)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::float8[], $6::jsonb[])
"""
# A replica of before names no classes.
_OLDEST_CHANGE = """
SELECT change_id, project_id, model_id, after_confidence AS at_least, below, done_to, question,
    coalesce(classes, '{"": ["-Infinity", "Infinity"]}') AS classes
FROM threshold_changes
ORDER BY change_id LIMIT 1
"""
# In the order in which records came, as they lie in all tables of all services: with records in the order of their
# confidence each change would be on a page of its own. The index tells which may be concerned. What was accepted unseen
# stays so until qa retracts it, what has ended is not routed, what is held out is never accepted, and of a class whose range
# of confidences is another one nothing changes. Each record is looked up: a join might read the records of all projects
# from the first one on.
_CONCERNED = """
SELECT o.record_id, (
    SELECT o.confidence >= (bounds ->> 0)::float8 AND o.confidence < (bounds ->> 1)::float8
    FROM coalesce($8::jsonb -> (o.prediction #>> ARRAY[$7::text, 'label']), $8::jsonb -> '') AS bounds
) IS TRUE AND (
    SELECT r.state = 'gold' OR (r.state = 'open' AND r.split = 'train' AND o.route <> 'auto_accept')
    FROM records r WHERE r.record_id = o.record_id
) AS concerned
FROM routes o
WHERE o.project_id = $1 AND o.model_id = $2 AND o.record_id > $3 AND o.confidence >= $4 AND o.confidence < $5
ORDER BY o.record_id LIMIT $6
"""
_GO_ON = "UPDATE threshold_changes SET done_to = $3 WHERE change_id = $1 AND done_to = $2"
_END = "DELETE FROM threshold_changes WHERE change_id = $1 AND done_to = $2"


@dataclass(frozen=True, slots=True)
class ThresholdKey:
    """What a threshold is for; label None is every class that has none of its own."""

    project_id: UUID
    model_id: UUID
    schema_version: int
    question: str
    label: str | None


@dataclass(frozen=True, slots=True)
class ThresholdChange(ChangeCursor):
    """Records of this model whose confidence is from `at_least` on and below `below` are to be routed again.

    `classes`: as JSON, the range of each class of `question` that
    changed; '' is all that have none of their own.
    """

    advance_sql: ClassVar[str] = _GO_ON
    end_sql: ClassVar[str] = _END

    model_id: UUID
    at_least: float
    below: float
    question: str | None
    classes: str

    async def concerned(self, session: Session, limit: int) -> tuple[list[UUID], UUID | None]:
        rows = await session.raw.fetch(
            _CONCERNED, self.project_id, self.model_id, self.done_to, self.at_least, self.below, limit,
            self.question, self.classes,
        )  # fmt: skip
        end = rows[-1]["record_id"] if len(rows) == limit else None
        return [row["record_id"] for row in rows if row["concerned"]], end


async def lock_projects(session: Session, project_ids: Sequence[UUID]) -> set[UUID]:
    """Which of the projects are known; nobody routes by their thresholds until the transaction ends."""
    return {row["project_id"] for row in await session.raw.fetch(_LOCK_PROJECTS, project_ids)}


async def of_models(
    session: Session, models: Sequence[tuple[UUID, UUID]]
) -> dict[ThresholdKey, tuple[int, float | None]]:
    """(revision, threshold) of all thresholds of these (project, model)s."""
    rows = await session.raw.fetch(_OF_MODELS, [project for project, _ in models], [model for _, model in models])
    return {
        ThresholdKey(
            row["project_id"], row["model_id"], row["schema_version"], row["question"], row["label"] or None
        ): (row["revision"], row["threshold"])
        for row in rows
    }


async def save(session: Session, newest: Sequence[AutoAcceptThresholdSet], keys: Sequence[ThresholdKey]) -> None:
    """Keep thresholds, each the only one of its key."""
    await session.raw.execute(
        _SAVE,
        [key.project_id for key in keys],
        [key.model_id for key in keys],
        [key.schema_version for key in keys],
        [key.question for key in keys],
        [key.label or "" for key in keys],
        [one.threshold_revision for one in newest],
        [one.threshold for one in newest],
    )
    await session.raw.execute(_COUNT, sorted({key.project_id for key in keys}))


async def add_changes(session: Session, ranges: Mapping[ThresholdKey, tuple[float, float]]) -> None:
    """Have the records of these classes routed again whose confidence is from the first number on and below the second.

    All classes of a question are one change: its records are walked through once.
    """
    questions: dict[tuple[UUID, UUID, str], dict[str, tuple[float, float]]] = {}
    for key, bounds in ranges.items():
        questions.setdefault((key.project_id, key.model_id, key.question), {})[key.label or ""] = bounds
    rows = [
        (
            *question,
            min(low for low, _ in classes.values()),
            max(high for _, high in classes.values()),
            dump({label: [str(low), str(high)] for label, (low, high) in classes.items()}),
        )
        for question, classes in questions.items()
    ]
    await session.raw.execute(_ADD_CHANGES, *columns(rows))


async def next_change(session: Session) -> ThresholdChange | None:
    row = await session.raw.fetchrow(_OLDEST_CHANGE)
    return None if row is None else ThresholdChange(**row)
