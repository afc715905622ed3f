"""queue's whole present state as ordinary events with the revisions they had, for services that joined late."""

from collections.abc import AsyncIterator

from services.queue.operations.annotators import published
from services.queue.operations.work_log import work_behind, work_of
from services.queue.storage import annotations, annotators, ended_leases, routes
from services.queue.storage.ended_leases import EndedLease
from services.queue.storage.records import FIRST
from shared.contracts.events import TaskSkipped
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

_PAGE = 500


async def whole_state(session: Session) -> AsyncIterator[Outgoing]:
    """Annotators, then routes, annotations and the ends of leases, page by page."""
    for part in (_annotators, _routes, _annotations, _ended_leases):
        async for outgoing in part(session):
            yield outgoing


async def _annotators(session: Session) -> AsyncIterator[Outgoing]:
    after = FIRST
    while page := await annotators.page_unchanging(session, after, _PAGE):
        for annotator in page:
            yield Outgoing(payload=published(annotator), revision=annotator.revision)
        after = page[-1].annotator_id


async def _routes(session: Session) -> AsyncIterator[Outgoing]:
    after = FIRST
    while page := await routes.page(session, after, _PAGE):
        for record_id, project_id, revision, routed in page:
            yield Outgoing(payload=routed, project_id=project_id, record_id=record_id, revision=revision)
        after = page[-1][0]


async def _annotations(session: Session) -> AsyncIterator[Outgoing]:
    after = (FIRST, 0)
    while page := await annotations.page(session, after, _PAGE):
        for project_id, record_id, annotation in page:
            for payload in (annotation, work_behind(annotation)):
                yield Outgoing(payload=payload, project_id=project_id, record_id=record_id)
        last = page[-1][2]
        after = (last.task_id, last.slot)


async def _ended_leases(session: Session) -> AsyncIterator[Outgoing]:
    after = FIRST
    while page := await ended_leases.page(session, after, _PAGE):
        for ended in page:
            yield Outgoing(payload=work_of(ended), project_id=ended.project_id, record_id=ended.record_id)
            if ended.activity == "skipped" and ended.reason is not None:
                yield Outgoing(payload=_skip_of(ended), project_id=ended.project_id, record_id=ended.record_id)
        after = page[-1].token


def _skip_of(ended: EndedLease) -> TaskSkipped:
    return TaskSkipped(
        task_id=ended.task_id,
        task_kind=ended.kind,
        round=ended.round,
        annotator_id=ended.annotator_id,
        reason=ended.reason or "",
    )
