"""Releases: an immutable, versioned export of labels with a manifest of what is in it and how good it is.

A request leaves a job: `release_job` makes the files and publishes, `manifest` describes them, and `supersession` replaces
a release that erasure touched.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.project import Project
from services.qa.exceptions import ReleaseNameTaken, UnknownSchemaVersion
from services.qa.storage import releases
from services.qa.storage.releases import Release
from shared.kit import jobs
from shared.kit.clock import new_id
from shared.kit.database import Session

BUILD = "build_release"
"""The kind of job."""

SUCCESSOR_OF = "successor_of"
"""The option that names the release whose labels a successor holds."""

INCLUDE_GOLD = "include_gold"
"""The option that asks for a file of gold."""


async def request(
    session: Session, project: Project, name: str, options: Mapping[str, Any], actor: str, now: datetime
) -> Release:
    """Ask for a release of the labels as they are when the job begins.

    Raises:
        UnknownSchemaVersion: the project has no such schema.
        ReleaseNameTaken: the name is given.
    """
    version = options.get("schema_version") or project.content.active_schema
    if version is None or project.schema(version) is None:
        raise UnknownSchemaVersion(version)
    return await enqueue(session, project.project_id, name, {**options, "schema_version": version}, actor, now)


async def cancel(session: Session, arguments: Mapping[str, Any]) -> None:
    """Close the release whose job was cancelled; its name may be given again."""
    await releases.cancel(session, UUID(arguments["release_id"]), jobs.CANCELLED)


async def enqueue(
    session: Session,
    project_id: UUID,
    name: str,
    options: Mapping[str, Any],
    actor: str,
    now: datetime,
    supersedes: UUID | None = None,
) -> Release:
    """Keep a release with the job that makes it.

    Raises:
        ReleaseNameTaken: the name is given.
    """
    release_id = new_id()
    if not await releases.add(
        session,
        release_id=release_id,
        project_id=project_id,
        name=name,
        options=options,
        requested_by=actor,
        now=now,
        supersedes=supersedes,
    ):
        raise ReleaseNameTaken(f"The project has a release of the name {name}.")
    job_id = await jobs.enqueue(
        session, BUILD, project_id=project_id, arguments={"release_id": str(release_id)}, actor=actor
    )
    await releases.set_job(session, release_id, job_id)
    made = await releases.find(session, release_id)
    assert made is not None
    return made
