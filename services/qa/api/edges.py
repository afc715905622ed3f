"""What qa's endpoints have in common."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from services.qa.domain.project import Project
from services.qa.domain.record import Record
from services.qa.exceptions import ProjectArchived
from services.qa.resources import QaRuntime
from services.qa.storage import projects, records
from shared.contracts.values import ProjectStatus
from shared.kit.auth import Principal
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.pagination import Page, RowPage, encode_cursor

Shape = TypeVar("Shape")


async def project_or_404(session: Session, project_id: UUID) -> Project:
    project = await projects.load(session, project_id)
    if project is None:
        raise NotKnownHere("project", project_id)
    return project


async def open_project(session: Session, project_id: UUID) -> Project:
    """A project that something new may be made of.

    Raises:
        Problem: 404, it is not known here.
        ProjectArchived: it is over.
    """
    project = await project_or_404(session, project_id)
    if project.content.status is ProjectStatus.ARCHIVED:
        raise ProjectArchived
    return project


async def record_or_404(runtime: QaRuntime, session: Session, record_id: UUID, principal: Principal) -> Record:
    """A record whose content the token may see."""
    record = await records.find(session, record_id)
    if record is None:
        raise NotKnownHere("record", record_id)
    principal.check_project(record.project_id)
    await runtime.check_content(principal, record.project_id, session)
    return record


def page_of_rows(rows: Sequence[dict[str, Any]], limit: int, shape: type[Shape], *key: str) -> Page[Shape]:
    """A page from at most `limit` + 1 rows; `key` names the columns that make the cursor."""
    return page_of_read(RowPage(list(rows[:limit]), more=len(rows) > limit), shape, *key)


def page_of_read(read: RowPage, shape: type[Shape], *key: str) -> Page[Shape]:
    """A page of rows that were read as one."""
    items = [shape(**row) for row in read.rows]
    return Page(items=items, next=encode_cursor(*(read.rows[-1][name] for name in key)) if read.more else None)
