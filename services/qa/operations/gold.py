"""Gold: records whose label is known for certain and secretly used to measure annotators. It wins at any moment."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.qa.domain.project import Project
from services.qa.domain.standing import Record
from services.qa.exceptions import AnswersRefused, NotGold, RecordErased, UnknownSchemaVersion
from services.qa.operations import chain
from services.qa.operations.ending import ESTIMATES, retract
from services.qa.operations.rounds import settle
from services.qa.operations.telling import move, tell
from services.qa.storage import annotations, counters, gold, labels, records
from services.qa.storage.gold import Gold
from shared.contracts.answers import validate
from shared.contracts.events import GoldPlaced, GoldWithdrawn
from shared.contracts.values import Answers, RecordState, Route, TaskKind
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A wish to make a record gold. `schema_version` None: the active one; `exposures` None: the policy's."""

    record_id: UUID
    answers: Answers
    schema_version: int | None = None
    exposures: int | None = None
    note: str | None = None


async def place(session: Session, project: Project, wish: Placement, subject: str, now: datetime) -> Gold:
    """Make a record gold, or change what its gold answer is; the same wish again changes nothing.

    Raises:
        Problem: 404, the record is not known here.
        RecordErased: it is gone.
        UnknownSchemaVersion: the project has no such schema.
        AnswersRefused: the answers don't fit.
    """
    record = await _lock(session, project, wish.record_id)
    version = wish.schema_version or project.content.active_schema
    schema = None if version is None else project.schema(version)
    if version is None or schema is None:
        raise UnknownSchemaVersion(version)
    violations = validate(schema, await records.content(session, record.record_id) or {}, wish.answers)
    if violations:
        raise AnswersRefused(violations, "/answers")
    before = await gold.current(session, record.record_id)
    exposures = wish.exposures or project.policies.gold.exposures
    if (
        before is not None
        and (before.answers, before.schema_version, before.exposures) == (wish.answers, version, exposures)
        and before.note == wish.note
    ):
        return before
    placed = Gold(
        record_id=record.record_id,
        gold_revision=1 + await gold.last_revision(session, record.record_id),
        project_id=record.project_id,
        schema_version=version,
        answers=wish.answers,
        note=wish.note,
        exposures=exposures,
        placed_by=subject,
        placed_at=now,
    )
    await gold.end_current(session, record.record_id, now, "revised")
    await gold.add(session, placed)
    await _take_over(session, record, version, now)
    await tell(session, record, GoldPlaced(schema_version=version, exposures=exposures))
    metadata = {"schema_version": version, "exposures": exposures, "placed_by": subject}
    await chain.append(session, record, chain.GOLD, str(placed.gold_revision), metadata, wish.answers, now)
    await counters.mark(session, record.project_id, ESTIMATES)
    await records.save(session, record)
    return placed


async def _take_over(session: Session, record: Record, schema_version: int, now: datetime) -> None:
    """What the record was before it was gold ends; its annotations count as gold answers."""
    await retract(session, record, "gold", now)
    await labels.set_dispute(session, record.record_id, "withdrawn", now)
    record.close_requests()
    record.under_review = False
    record.review_reason = None
    record.ever_gold = True
    await move(session, record, RecordState.GOLD, now)
    changed = [
        one
        for one in await annotations.of_round(session, record.record_id, None)
        if one.role in {"vote", "void", "late", "decision"} and one.schema_version == schema_version
    ]
    await _count_as(session, record, changed, "gold")


async def _count_as(
    session: Session, record: Record, changed: list[annotations.Annotation], role: annotations.Role
) -> None:
    if not changed:
        return
    await annotations.set_role(session, [(one.annotation_id, one.annotation_revision) for one in changed], role)
    deltas: dict[str, int] = {f"annotations.{role}": len(changed)}
    for one in changed:
        deltas[f"annotations.{one.role}"] = deltas.get(f"annotations.{one.role}", 0) - 1
    await counters.add(session, record.project_id, deltas)


async def withdraw(session: Session, project: Project, record_id: UUID, reason: str, now: datetime) -> None:
    """Say that a record is gold no more: it is labelled like any other, but never trained on.

    What people answered for the label of the present round, before the record was gold, counts for it again; what was
    answered while it was gold counts for nothing any more.

    Raises:
        Problem: 404, the record is not known here.
        RecordErased: it is gone.
        NotGold: it was not gold.
    """
    record = await _lock(session, project, record_id)
    before = await gold.current(session, record_id)
    if record.state is not RecordState.GOLD or before is None:
        raise NotGold(f"Record {record_id} is not gold.")
    await gold.end_current(session, record_id, now, reason)
    await tell(session, record, GoldWithdrawn(reason=reason))
    reference = str(before.gold_revision)
    await chain.append(session, record, chain.GOLD_WITHDRAWN, reference, {}, {"reason": reason}, now)
    await move(session, record, RecordState.OPEN, now)
    if record.route is Route.AUTO_ACCEPT:
        record.route = None  # queue asks people now, and will say so
    answered = [one for one in await annotations.of_round(session, record_id, None) if one.role == "gold"]
    decided = [one for one in answered if one.round == record.round and one.task_kind is TaskKind.ARBITRATION]
    voted = [one for one in answered if one.round == record.round and one.task_id == record.routed_task_id]
    await _count_as(session, record, decided, "decision")
    await _count_as(session, record, voted, "vote")
    await _count_as(session, record, [one for one in answered if one not in decided and one not in voted], "late")
    await counters.mark(session, record.project_id, ESTIMATES)
    await settle(session, project, record, now)


async def _lock(session: Session, project: Project, record_id: UUID) -> Record:
    record = await records.lock_known(session, record_id)
    if record is None or record.project_id != project.project_id:
        raise NotKnownHere("record", record_id)
    if record.state is RecordState.ERASED:
        raise RecordErased(f"Record {record_id} was erased.")
    return record
