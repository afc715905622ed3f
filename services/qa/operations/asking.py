"""What qa asks queue to collect: more annotations, an arbiter's decision, another round."""

from collections.abc import Sequence
from datetime import datetime

from services.qa.domain import decisions
from services.qa.domain.lineage import canonical
from services.qa.domain.project import Project
from services.qa.domain.standing import Record
from services.qa.operations.telling import ask, move
from services.qa.storage import counters, labels
from shared.contracts.answers import LabelSchema
from shared.contracts.events import AnnotationsRequested, ArbitrationRequested, RelabelRequested
from shared.contracts.values import Answers, Pool, RecordState
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.handlers import NotYet

_MOST_DISPUTED_BYTES = 400_000
"""An event has an end; an arbiter who sees the first of many large answers sees enough."""

SERVABLE_AGAIN = "servable_again"
"""The reason: somebody came who may serve what nobody could."""


def schema_of(project: Project, version: int) -> LabelSchema:
    """The schema of a version; the event waits for a newer copy of the project where this one doesn't have it.

    Raises:
        NotYet: it doesn't.
    """
    schema = project.schema(version)
    if schema is None:
        raise NotYet("project", project.project_id)
    return schema


async def request_more(session: Session, record: Record, wanted: decisions.AskMore) -> None:
    """Ask for slots beyond those the round has; a smaller target says nothing new."""
    if wanted.slots_total > record.slots_total:
        record.requested_total = wanted.slots_total
        request = AnnotationsRequested(round=record.round, slots_total=wanted.slots_total, reason=wanted.reason)
        await ask(session, record, request)


async def arbitrate(session: Session, record: Record, answers: Sequence[Answers], reason: str, now: datetime) -> None:
    """Open a dispute in the present round and send it to an arbiter."""
    disputed = without_names(answers)
    schema_version = record.schema_version or 1
    await labels.open_dispute(
        session,
        dispute_id=new_id(),
        record_id=record.record_id,
        project_id=record.project_id,
        number=record.round,
        schema_version=schema_version,
        reason=reason,
        disputed=disputed,
        now=now,
    )
    await counters.add(session, record.project_id, {"disputes": 1})
    record.arbitrating = True
    record.servable_again = False
    request = ArbitrationRequested(round=record.round, schema_version=schema_version, disputed=disputed, reason=reason)
    await ask(session, record, request)


async def request_again(session: Session, record: Record, slots_total: int) -> None:
    """Ask for what nobody could serve, now that somebody can: queue has closed the task."""
    record.unservable = record.servable_again = False
    record.requested_total = slots_total
    await ask(session, record, AnnotationsRequested(round=record.round, slots_total=slots_total, reason=SERVABLE_AGAIN))


async def arbitrate_again(session: Session, record: Record, now: datetime) -> None:
    """Ask again for an arbiter, where there was none; now there is one."""
    dispute = await labels.reopen_dispute(session, record.record_id)
    record.unservable_at = None
    if dispute is None:
        return
    record.arbitrating = True
    if record.state is RecordState.UNLABELABLE:
        await move(session, record, RecordState.OPEN, now, SERVABLE_AGAIN)
    request = ArbitrationRequested(
        round=record.round, schema_version=dispute.schema_version, disputed=dispute.disputed, reason=dispute.reason
    )
    await ask(session, record, request)


async def relabel(session: Session, record: Record, wanted: decisions.Relabel, reason: str) -> None:
    """Open the next round; the label stands meanwhile, if there is one."""
    record.open_round(record.round + 1, is_final=wanted.experts_only, requested_total=wanted.slots_total)
    request = RelabelRequested(
        round=record.round,
        slots_total=wanted.slots_total,
        pool=Pool.EXPERT if wanted.experts_only else None,
        blind=wanted.blind,
        reason=reason,
    )
    await ask(session, record, request)


def without_names(answers: Sequence[Answers]) -> list[Answers]:
    """The differing answers in an order that tells nothing, as many as an event holds."""
    distinct = sorted({canonical(dict(one)): one for one in answers}.items())
    kept: list[Answers] = []
    size = 0
    for text, one in distinct:
        size += len(text)
        if size > _MOST_DISPUTED_BYTES:
            break
        kept.append(one)
    return kept
