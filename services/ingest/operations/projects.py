"""Create and change projects. Every change is published whole, with the next revision."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.domain.intake import IntakeProject
from services.ingest.domain.projects import Project, ProjectParts, clean
from services.ingest.domain.schema_fit import OpenRecordsFit, count_fitting
from services.ingest.exceptions import (
    NoActiveSchema,
    NoOpenRecordFits,
    ProjectArchived,
    ProjectChangedMeanwhile,
    ProjectTooCostly,
    UnknownSchemaVersion,
)
from services.ingest.storage import projects as storage
from services.ingest.storage import records as record_storage
from shared.contracts.events import SchemaVersion
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.outbox import publish
from shared.recognition.choice import check_installed

_SECRET_BYTES = 32
_COUNTED_RECORDS = 10_000
_CLEANED_AT_ONCE = 2_000
_CLEANING_TIMEOUT_S = 20.0


async def cleaned(compute: ComputePool, parts: ProjectParts, project_id: UUID | None = None) -> ProjectParts:
    """What `clean` returns: of more than some characters it is made in a worker process. Call it outside a transaction.

    Raises:
        ProjectTooCostly: that takes too long.
        LabelsLookAlike, LabelShowsNothing, LabelTurnsWriting, PersonalDataInSchema, ImpossiblePurpose, PersonalDataInPolicies:
            see `clean`.
        RecogniserNotInstalled: the policies ask for one that is not here.
    """
    if parts.policies is not None:
        check_installed(parts.policies.deidentification)
    if _characters(parts) <= _CLEANED_AT_ONCE:
        return clean(parts)
    try:
        return await compute.run(clean, parts, project_id=project_id, timeout_s=_CLEANING_TIMEOUT_S)
    except ComputeFailed as failure:
        raise ProjectTooCostly from failure


def _characters(parts: ProjectParts) -> int:
    models = [model for model in (parts.label_schema, parts.policies) if model is not None]
    return len((parts.name or "") + (parts.guideline or "")) + sum(len(model.model_dump_json()) for model in models)


def new_project(project_id: UUID, name: str, now: datetime) -> Project:
    """A project with the default policies and no schema; its secrets are drawn here. The name is clean."""
    project = Project(
        project_id=project_id,
        name="",
        status=ProjectStatus.ACTIVE,
        draw_salt=secrets.token_hex(_SECRET_BYTES),
        dedup_key=secrets.token_bytes(_SECRET_BYTES),
        revision=1,
        created_at=now,
        updated_at=now,
    )
    return project.with_name(name).with_policies(Policies(), now, activate=True)


async def create(session: Session, project: Project) -> Project:
    await storage.add(session, project)
    await _publish(session, project)
    return project


@dataclass(frozen=True, slots=True)
class ChangedProject:
    """A project after a change; `fit`: what is open of it under the schema that the change made active, if it did."""

    project: Project
    fit: OpenRecordsFit | None = None


async def change(
    session: Session,
    project_id: UUID,
    expected: frozenset[int] | None,
    decide: Callable[[Project], Project],
    now: datetime,
    *,
    force: bool = False,
) -> ChangedProject:
    """Change a project by `decide`, which is quick; `expected` are the revisions that the caller will have changed, None any.

    Raises:
        NotKnownHere: there is none.
        ProjectChangedMeanwhile: it has another revision.
        NoOpenRecordFits: of what is open nothing fits the schema that would be active, unless the change is forced.
    """
    before = await storage.load(session, project_id, "update")
    if before is None:
        raise NotKnownHere("project", project_id)
    if expected is not None and before.revision not in expected:
        raise ProjectChangedMeanwhile(f"its revision is {before.revision}")
    decided = decide(before)
    if decided == before:
        return ChangedProject(before)
    fit = None
    if decided.active_schema != before.active_schema:
        fit = await _fit_of_open_records(session, decided)
        if fit.none_fits and not force:
            raise NoOpenRecordFits(fit.open, fit.missing, all_counted=fit.all_counted)
    after = decided.changed(now)
    await storage.save(session, before, after)
    await _publish(session, after)
    return ChangedProject(after, fit)


async def _fit_of_open_records(session: Session, project: Project) -> OpenRecordsFit:
    """Of the newest open records, which takes some milliseconds however many there are."""
    found = await record_storage.open_by_schema(session, project.project_id, _COUNTED_RECORDS + 1)
    schemas = {one.version: one.label_schema for one in project.schemas}
    assert project.active_schema is not None
    return count_fitting(
        found, schemas, schemas[project.active_schema], all_counted=sum(found.values()) <= _COUNTED_RECORDS
    )


async def load(session: Session, project_id: UUID) -> Project:
    """Raises NotKnownHere."""
    project = await storage.load(session, project_id)
    if project is None:
        raise NotKnownHere("project", project_id)
    return project


async def load_schema(session: Session, project_id: UUID, version: int) -> SchemaVersion:
    """Raises NotKnownHere, UnknownSchemaVersion."""
    found = await storage.find_schema(session, project_id, version)
    if found is None:
        await check_known(session, project_id)
        raise UnknownSchemaVersion
    return found


async def check_known(session: Session, project_id: UUID) -> None:
    """Raises NotKnownHere."""
    if not await storage.exists(session, project_id):
        raise NotKnownHere("project", project_id)


async def open_for_intake(session: Session, project_id: UUID) -> IntakeProject:
    """What taking records in needs of a project that does so; a paused one does, it only serves nobody.

    Raises:
        NotKnownHere: there is none.
        ProjectArchived: it takes nothing in.
        NoActiveSchema: there is no schema to check records by.
    """
    found = await storage.load_intake(session, project_id)
    if found is None:
        raise NotKnownHere("project", project_id)
    status, project = found
    if status is ProjectStatus.ARCHIVED:
        raise ProjectArchived
    if project is None:
        raise NoActiveSchema
    return project


async def _publish(session: Session, project: Project) -> None:
    await publish(session, project.event(), project_id=project.project_id, revision=project.revision)
