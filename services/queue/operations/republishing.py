"""queue's whole present state as ordinary events with the revisions they had, for services that joined late."""

from collections.abc import AsyncIterator

from services.queue.operations.annotators import told
from services.queue.operations.endings import work_behind, work_of
from services.queue.storage import annotators, history, records
from services.queue.storage.records import FIRST
from services.queue.storage.submissions import Ending
from shared.contracts.events import TaskSkipped
from shared.contracts.values import RecordState
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

_PAGE = 500


async def whole_state(session: Session) -> AsyncIterator[Outgoing]:
    """Annotators, then routes, annotations and the ends of leases, page by page."""
    for part in (_annotators, _routes, _annotations, _endings):
        async for outgoing in part(session):
            yield outgoing


async def _annotators(session: Session) -> AsyncIterator[Outgoing]:
    after = FIRST
    while page := await annotators.page(session, None, None, after, _PAGE, shared=True):
        for annotator in page:
            yield Outgoing(payload=told(annotator), revision=annotator.revision)
        after = page[-1].annotator_id


async def _routes(session: Session) -> AsyncIterator[Outgoing]:
    after = FIRST
    while page := await records.routed_page(session, after, _PAGE):
        for record in page:
            if record.routed is not None and record.state is not RecordState.ERASED:
                yield Outgoing(
                    payload=record.routed,
                    project_id=record.project_id,
                    record_id=record.record_id,
                    revision=record.routed_revision,
                )
        after = page[-1].record_id


async def _annotations(session: Session) -> AsyncIterator[Outgoing]:
    after = (FIRST, 0)
    while page := await history.annotations_page(session, after, _PAGE):
        for kept in page:
            yield Outgoing(payload=kept.payload, project_id=kept.project_id, record_id=kept.record_id)
            yield Outgoing(payload=work_behind(kept.payload), project_id=kept.project_id, record_id=kept.record_id)
        after = (page[-1].payload.task_id, page[-1].payload.slot)


async def _endings(session: Session) -> AsyncIterator[Outgoing]:
    after = FIRST
    while page := await history.endings_page(session, after, _PAGE):
        for ending in page:
            yield Outgoing(payload=work_of(ending), project_id=ending.project_id, record_id=ending.record_id)
            if ending.activity == "skipped" and ending.reason is not None:
                yield Outgoing(payload=skip_of(ending), project_id=ending.project_id, record_id=ending.record_id)
        after = page[-1].token


def skip_of(ending: Ending) -> TaskSkipped:
    return TaskSkipped(
        task_id=ending.task_id,
        task_kind=ending.kind,
        round=ending.round,
        annotator_id=ending.annotator_id,
        reason=ending.reason or "",
    )
