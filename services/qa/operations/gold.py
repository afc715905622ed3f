"""Gold: records whose label is known for certain and secretly used to measure annotators. It wins at any moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.qa.domain.facts import Annotation
from services.qa.domain.project import Project
from services.qa.domain.record import Record
from services.qa.exceptions import AnswersRefused, NotGold, RecordErased, UnknownSchemaVersion
from services.qa.operations import chain
from services.qa.operations.changes import RecordChanges
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import annotations, gold, records
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.gold import Gold
from shared.contracts.answers import validate
from shared.contracts.events import GoldPlaced, GoldWithdrawn
from shared.contracts.fields import FieldValue
from shared.contracts.values import Answers, RecordState, Route, TaskKind
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere

_COUNTED = {"vote", "void", "late", "decision"}
GoldRefusal = NotKnownHere | RecordErased | UnknownSchemaVersion | AnswersRefused
"""Why a record can't be made gold: it is not known here, it is gone, its project has no such schema, the answers don't
fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A wish to make a record gold. `schema_version` None: the active one; `exposures` None: the policy's."""

    record_id: UUID
    answers: Answers
    schema_version: int | None = None
    exposures: int | None = None
    note: str | None = None


async def place(
    session: Session, project: Project, wishes: Sequence[Placement], subject: str, now: datetime
) -> list[Gold | GoldRefusal]:
    """Make records gold, or change what their gold answer is; the same wish again changes nothing.

    Returns for each wish, in their order, the gold answer or why it is refused; those that are refused change nothing.
    """
    results: dict[int, Gold | GoldRefusal] = {}
    left = list(range(len(wishes)))
    while left:
        wave: dict[UUID, int] = {}
        for place_of_wish in left:
            wave.setdefault(wishes[place_of_wish].record_id, place_of_wish)
        results |= await _place_wave(session, project, {at: wishes[at] for at in wave.values()}, subject, now)
        left = [at for at in left if at not in results]
    return [results[at] for at in range(len(wishes))]


async def _place_wave(
    session: Session, project: Project, wishes: dict[int, Placement], subject: str, now: datetime
) -> dict[int, Gold | GoldRefusal]:
    """Place gold on records that differ."""
    ids = [wish.record_id for wish in wishes.values()]
    locked = await records.lock_known(session, ids)
    contents = await records.contents(session, ids)
    current = await gold.current(session, ids)
    last = await gold.last_revisions(session, ids)
    given = await annotations.of_rounds(session, dict.fromkeys(ids))
    changes = RecordChanges(now)
    added: list[Gold] = []
    results: dict[int, Gold | GoldRefusal] = {}
    for at, wish in wishes.items():
        record = locked.get(wish.record_id)
        try:
            version = _check(project, record, wish, contents.get(wish.record_id, {}))
        except (NotKnownHere, RecordErased, UnknownSchemaVersion, AnswersRefused) as refusal:
            results[at] = refusal
            continue
        assert record is not None
        before = current.get(record.record_id)
        exposures = wish.exposures or project.policies.gold.exposures
        wished = (wish.answers, version, exposures, wish.note)
        if before is not None and (before.answers, before.schema_version, before.exposures, before.note) == wished:
            results[at] = before
            continue
        placed = Gold(
            record_id=record.record_id,
            gold_revision=1 + last.get(record.record_id, 0),
            project_id=record.project_id,
            schema_version=version,
            answers=wish.answers,
            note=wish.note,
            exposures=exposures,
            placed_by=subject,
            placed_at=now,
        )
        _take_over(changes, record, placed, given.get(record.record_id, ()))
        added.append(placed)
        results[at] = placed
    if added:
        await gold.end_current(session, [one.record_id for one in added], now, "revised")
        await gold.add(session, added)
        await changes.save(session)
    return results


def _check(project: Project, record: Record | None, wish: Placement, content: dict[str, FieldValue]) -> int:
    """The schema version of the wish, when it may be granted; raises a `GoldRefusal`."""
    _check_record(project, record, wish.record_id)
    version = wish.schema_version or project.content.active_schema
    schema = None if version is None else project.schema(version)
    if version is None or schema is None:
        raise UnknownSchemaVersion(version)
    violations = validate(schema, content, wish.answers)
    if violations:
        raise AnswersRefused(violations, "/answers")
    return version


def _take_over(changes: RecordChanges, record: Record, placed: Gold, given: Sequence[Annotation]) -> None:
    """What the record was before it was gold ends; its annotations count as gold answers."""
    changes.retract(record, "gold")
    changes.set_dispute(record, "withdrawn")
    record.close_requests()
    record.under_review = False
    record.review_reason = None
    record.ever_gold = True
    changes.move(record, RecordState.GOLD)
    for one in given:
        if one.role in _COUNTED and one.schema_version == placed.schema_version:
            changes.set_role(record, one, "gold")
    changes.publish_state(record, GoldPlaced(schema_version=placed.schema_version, exposures=placed.exposures))
    metadata = {
        "schema_version": placed.schema_version,
        "exposures": placed.exposures,
        "placed_by": placed.placed_by,
    }
    changes.link(record, chain.GOLD, str(placed.gold_revision), metadata, placed.answers)
    changes.mark(record.project_id, BackgroundWork.ESTIMATION)


async def withdraw(session: Session, project: Project, record_id: UUID, reason: str, now: datetime) -> None:
    """Make a record gold no more: it is labelled like any other, but never trained on.

    What people answered for the label of the present round, before the record was gold, counts for it again; what was
    answered while it was gold counts for nothing any more.

    Raises:
        NotKnownHere: ingest has not published the record.
        RecordErased: it is gone.
        NotGold: it was not gold.
    """
    record = (await records.lock_known(session, [record_id])).get(record_id)
    _check_record(project, record, record_id)
    assert record is not None
    before = (await gold.current(session, [record_id])).get(record_id)
    if record.state is not RecordState.GOLD or before is None:
        raise NotGold(f"Record {record_id} is not gold.")
    await gold.end_current(session, [record_id], now, reason)
    changes = RecordChanges(now)
    changes.publish_state(record, GoldWithdrawn(reason=reason))
    changes.link(record, chain.GOLD_WITHDRAWN, str(before.gold_revision), {}, {"reason": reason})
    changes.move(record, RecordState.OPEN)
    if record.route is Route.AUTO_ACCEPT:
        record.route = None  # queue asks people now, and will publish it
    for one in (await annotations.of_rounds(session, {record_id: None})).get(record_id, ()):
        if one.role != "gold":
            continue
        if one.round == record.round and one.task_kind is TaskKind.ARBITRATION:
            changes.set_role(record, one, "decision")
        elif one.round == record.round and one.task_id == record.routed_task_id:
            changes.set_role(record, one, "vote")
        else:
            changes.set_role(record, one, "late")
    changes.mark(record.project_id, BackgroundWork.ESTIMATION)
    await changes.save(session)
    judged = RecordChanges(now)
    await judge_records(session, judged, [Subject(record, project)])
    await judged.save(session)


def _check_record(project: Project, record: Record | None, record_id: UUID) -> None:
    if record is None or record.project_id != project.project_id:
        raise NotKnownHere("record", record_id)
    if record.state is RecordState.ERASED:
        raise RecordErased(f"Record {record_id} was erased.")
