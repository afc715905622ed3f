"""Labels that look wrong to models: kept as prelabel publishes them, and labelled again as the project's policy says.

A label is labelled again in the record's next round, blind and by people who have not seen the record; it stands until they
have answered, and whatever they say is a revision of its own.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from services.qa.domain import label_doubts as domain
from services.qa.domain.decisions import Relabel
from services.qa.domain.label_doubts import LABEL_DOUBTED, doubt_with_votes, may_be_sent, vote_confidence
from services.qa.domain.record import Record
from services.qa.domain.verdict import ReviewByPeople
from services.qa.operations.changes import RecordChanges
from services.qa.storage import label_doubts, labels, projects, records
from services.qa.storage.label_doubts import LabelLook, NewDoubt, StoredDoubt
from services.qa.storage.labels import Label
from shared.contracts.envelope import Event
from shared.contracts.events import LabelDoubted
from shared.contracts.policies import LabelErrorPolicy
from shared.contracts.values import ProjectStatus
from shared.kit.consuming import EventSet
from shared.kit.database import Database, Session
from shared.kit.outbox import event_model

_LOOKS_AT_ONCE: Final = 100
_SENT_AT_ONCE: Final = 200


async def keep(session: Session, events: EventSet[LabelDoubted], now: datetime) -> None:
    """Keep the doubts that are about labels as they stand; what is about an earlier label is dropped."""
    ids = {event.record_id for event in events if event.record_id is not None}
    current = await labels.current(session, ids)
    doubts = []
    for event in events:
        label = None if event.record_id is None else current.get(event.record_id)
        if label is not None and _gives(
            label, event.payload.schema_version, event.payload.question, event.payload.given
        ):
            doubts.append(NewDoubt(event, label.label_revision, _score(event.payload, label)))
    if doubts:
        await label_doubts.add(session, doubts, now)


def _score(doubted: LabelDoubted, label: Label) -> float:
    confidence = vote_confidence(label.parameters, doubted.question)
    return doubt_with_votes(doubted.score, doubted.estimated_wrong, confidence)


def _gives(label: Label, schema_version: int, question: str, given: str) -> bool:
    answer = (label.answers or {}).get(question)
    return label.schema_version == schema_version and answer is not None and answer.get("label") == given


async def send_due(database: Database, now: datetime) -> datetime | None:
    """Send to people what projects' policies let be sent now; returns when the next is due."""
    async with database.autocommit() as session:
        due = await label_doubts.to_review(session, now, _LOOKS_AT_ONCE)
    for look in due:
        async with database.transaction() as session:
            await send_some(session, look, now)
    async with database.autocommit() as session:
        return await label_doubts.next_review(session)


async def send_some(session: Session, look: LabelLook, now: datetime) -> int:
    """Have the labels of a look that are likeliest wrong labelled again, as many as the policy lets now; returns how many."""
    if not await label_doubts.lock_look(session, look):
        return 0
    project = await projects.load(session, look.project_id)
    policy = None if project is None else project.policies.label_errors
    if (
        project is None
        or policy is None
        or not (policy.enabled and policy.relabel)
        or project.content.status is not ProjectStatus.ACTIVE
        or project.content.active_schema != look.schema_version
    ):
        await label_doubts.set_review(session, look, None)
        return 0
    today = await label_doubts.sent_today(session, look.project_id, now, policy.per_day)
    left = min(policy.per_day - today.count, _SENT_AT_ONCE)
    if left <= 0:
        await label_doubts.set_review(session, look, domain.next_review(today.count, today.oldest, policy.per_day, now))
        return 0
    wanted = await label_doubts.to_send(session, look, policy.threshold, left)
    sent = await _send(session, look, policy, wanted, now)
    await label_doubts.set_review(session, look, now if len(wanted) == left else None)
    return sent


async def _send(
    session: Session, look: LabelLook, policy: LabelErrorPolicy, wanted: list[StoredDoubt], now: datetime
) -> int:
    if not wanted:
        return 0
    ids = [one.record_id for one in wanted]
    locked = await records.lock_known(session, ids)
    current = await labels.current(session, ids)
    changes = RecordChanges(now)
    sent: list[UUID] = []
    for one in wanted:
        record, label = locked.get(one.record_id), current.get(one.record_id)
        if record is not None and label is not None and _still_holds(record, label, one):
            changes.causes[record.record_id] = _event(look, one)
            relabel = Relabel(slots_total=policy.annotations, experts_only=False, blind=True, reason=LABEL_DOUBTED)
            changes.review_by_people(record, ReviewByPeople(relabel, LABEL_DOUBTED))
            sent.append(one.record_id)
    await changes.save(session)
    await label_doubts.set_requested(session, look.question, sent, now)
    await label_doubts.pass_over(session, look.question, sorted(set(ids) - set(sent)))
    return len(sent)


def _still_holds(record: Record, label: Label, one: StoredDoubt) -> bool:
    return label.label_revision == one.label_revision and may_be_sent(record, label.method)


def _event(look: LabelLook, one: StoredDoubt) -> Event[LabelDoubted]:
    """The event that the doubt came by, which is the cause of what follows."""
    payload = LabelDoubted(
        training_run_id=one.training_run_id,
        schema_version=one.schema_version,
        question=one.question,
        given=one.given,
        suggested=one.suggested,
        given_probability=one.given_probability,
        suggested_probability=one.suggested_probability,
        score=one.model_score,
        rank=one.rank,
        examined=look.examined,
        estimated_wrong=look.estimated_wrong,
        reason=one.reason,
    )
    return event_model(LabelDoubted)(
        id=one.event_id,
        type=payload.event_type(),
        version=payload.event_version,
        occurred_at=look.found_at,
        project_id=look.project_id,
        record_id=one.record_id,
        payload=payload,
    )
