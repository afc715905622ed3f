"""Publish the whole present state again, as ordinary events with the same revisions."""

from collections.abc import AsyncIterator
from uuid import UUID

from services.ingest.storage import feedback, projects, records
from shared.contracts.erasure import ErasureReason
from shared.contracts.events import RecordErased
from shared.contracts.values import RecordState
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

_FIRST = UUID(int=0)
_PROJECTS_AT_ONCE = 20  # each with every version of its schemas, guidelines and policies


async def everything(session: Session) -> AsyncIterator[Outgoing]:
    """Projects first, then records with their tombstones, then what was reported of them; in constant memory."""
    async for outgoing in _projects(session):
        yield outgoing
    async for outgoing in _records(session):
        yield outgoing
    async for outgoing in _feedback(session):
        yield outgoing


async def _projects(session: Session) -> AsyncIterator[Outgoing]:
    last = _FIRST
    while ids := await projects.ids_after(session, last, _PROJECTS_AT_ONCE):
        # Held: no older state of a project may be published after a newer one.
        for project in await projects.load_all(session, ids, "share"):
            yield Outgoing(payload=project.event(), project_id=project.project_id, revision=project.revision)
        last = ids[-1]


async def _records(session: Session) -> AsyncIterator[Outgoing]:
    last = _FIRST
    while page := await records.after(session, last):
        for record in page:
            erased = record.state is RecordState.ERASED
            payload = RecordErased(reason=ErasureReason.of(record.erased_because or "")) if erased else record.payload()
            yield Outgoing(
                payload=payload, project_id=record.project_id, record_id=record.record_id, revision=record.revision
            )
        last = page[-1].record_id


async def _feedback(session: Session) -> AsyncIterator[Outgoing]:
    last = _FIRST
    while page := await feedback.after(session, last):
        for project_id, record_id, payload in page:
            yield Outgoing(payload=payload, project_id=project_id, record_id=record_id)
        last = page[-1][2].feedback_id
