"""The job that audits a project for bias, and what it found last."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.qa.compute.bias import BiasAnswer, BiasRecord, BiasWindow, audit_window
from services.qa.domain.project import Project
from services.qa.exceptions import UnknownSchemaVersion
from services.qa.storage import bias, estimation, projects
from shared.kit import jobs
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database, Session
from shared.kit.exceptions import JobFailed
from shared.kit.jobs import Job

AUDIT: Final = "audit_bias"
"""The kind of job."""

MOST_ANSWERS: Final = 100_000
MOST_LABELS: Final = 100_000
"""The newest answers and labels that an audit reads at most."""

_AT_ONCE: Final = 5_000
_MOST_BYTES: Final = 48 * 1024 * 1024
_NO_GROUP: Final = ("unknown", ())


async def request(session: Session, project: Project, actor: str) -> UUID:
    """Ask for an audit; return its job, which is the one at work if there is one.

    Raises:
        UnknownSchemaVersion: the project has no active schema.
    """
    if project.content.active_schema is None:
        raise UnknownSchemaVersion(None)
    return await jobs.enqueue_unless_under_way(session, AUDIT, project_id=project.project_id, arguments={}, actor=actor)


async def run(database: Database, compute: ComputePool, job: Job, now: datetime) -> dict[str, Any]:
    """Audit the answers and labels of the active schema, and keep the result in place of the one before."""
    project_id = job.project_id
    assert project_id is not None
    async with database.transaction() as session:
        project = await projects.load(session, project_id)
    version = None if project is None else project.content.active_schema
    if project is None or version is None:
        raise JobFailed("The project has no active schema.")
    window = await _load(database, project, version)
    content = await compute.run(audit_window, window, project_id=project_id)
    async with database.transaction() as session:
        await bias.save(session, project_id, version, content, now)
    return {name: content[name] for name in ("answers", "labels", "comparisons", "hidden")}


async def _load(database: Database, project: Project, version: int) -> BiasWindow:
    answers = await _answers(database, project.project_id, version)
    labels = await _labels(database, project.project_id, version)
    ids = list(dict.fromkeys([*(row["record_id"] for row in answers), *labels]))
    place = {record_id: at for at, record_id in enumerate(ids)}
    people = list(dict.fromkeys(row["annotator_id"] for row in answers))
    person = {annotator_id: at for at, annotator_id in enumerate(people)}
    found: list[BiasRecord] = []
    for start in range(0, len(ids), _AT_ONCE):
        found += await _records(database, ids[start : start + _AT_ONCE], version, labels)
    groups: dict[UUID, Any] = {}
    for start in range(0, len(people), _AT_ONCE):
        async with database.autocommit() as session:
            groups |= await bias.groups(session, people[start : start + _AT_ONCE])
    return BiasWindow(
        schema=project.label_schemas[version],
        answers=[
            BiasAnswer(
                place[row["record_id"]],
                person[row["annotator_id"]],
                row["answers"],
                row["role"] == "gold",
                row["round"] == 1,
            )
            for row in reversed(answers)
        ],
        records=found,
        annotators=[groups.get(one, _NO_GROUP) for one in people],
        least_records=project.policies.bias.least_records,
    )


async def _answers(database: Database, project_id: UUID, version: int) -> list[Any]:
    """Rows of answers, newest first."""
    rows: list[Any] = []
    size = 0
    before: tuple[datetime, UUID] | None = None
    while len(rows) < MOST_ANSWERS and size < _MOST_BYTES:
        limit = min(_AT_ONCE, MOST_ANSWERS - len(rows))
        async with database.autocommit() as session:
            page = await bias.answers(session, project_id, version, before, limit)
        rows += page
        size += sum(len(row["answers"]) for row in page)
        if len(page) < limit:
            break
        before = page[-1]["submitted_at"], page[-1]["annotation_id"]
    return rows


async def _labels(database: Database, project_id: UUID, version: int) -> dict[UUID, str]:
    """The newest labels of a schema version by record, as texts."""
    found: dict[UUID, str] = {}
    read = size = 0
    before = bias.LAST_ID
    while read < MOST_LABELS and size < _MOST_BYTES:
        async with database.autocommit() as session:
            page = await bias.labels(session, project_id, before, _AT_ONCE)
        usable = {
            row["record_id"]: row["answers"] for row in page if row["schema_version"] == version and row["answers"]
        }
        found |= usable
        read += len(page)
        size += sum(map(len, usable.values()))
        if len(page) < _AT_ONCE:
            break
        before = page[-1]["label_id"]
    return found


async def _records(database: Database, ids: list[UUID], version: int, labels: dict[UUID, str]) -> list[BiasRecord]:
    async with database.autocommit() as session:
        slices = await bias.slices(session, ids)
        truths = await estimation.truths(session, ids, version)
    records = []
    for record_id in ids:
        truth = truths.get(record_id)
        records.append(
            BiasRecord(
                slices.get(record_id),
                None if truth is None else truth.answers,
                truth is not None and truth.is_gold,
                labels.get(record_id),
            )
        )
    return records
