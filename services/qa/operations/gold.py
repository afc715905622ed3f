"""Gold: records whose label is known for certain and secretly used to measure annotators. It wins at any moment.

The answers are checked before any record is locked, many or long ones in a worker process: `read`, `check`, `place`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import orjson

from services.qa.compute.gold import Checkable, examine
from services.qa.domain.facts import Annotation
from services.qa.domain.project import Project
from services.qa.domain.record import Record
from services.qa.exceptions import (
    AnswersRefused,
    GoldContradicted,
    GoldTooLarge,
    NotGold,
    RecordErased,
    UnknownSchemaVersion,
)
from services.qa.operations import chain
from services.qa.operations.changes import RecordChanges
from services.qa.operations.verdicts import Subject, judge_records
from services.qa.storage import annotations, gold, records
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.gold import Gold
from shared.contracts.answers import AcceptedAnswers, OffsetUnit
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.events import GoldPlaced, GoldWithdrawn
from shared.contracts.fields import FieldValue
from shared.contracts.values import Answers, RecordState, Route, TaskKind
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere

_COUNTED = {"vote", "void", "late", "decision"}
_LIGHT_BYTES = 8_192
"""Of answers in JSON, that are checked and masked at once: some milliseconds."""
_BYTES_AT_ONCE = 4 * MAX_EVENT_BYTES
"""Of answers in JSON, that a worker process checks in one go."""
_CHECK_TIMEOUT_S = 10.0
GoldRefusal = NotKnownHere | RecordErased | UnknownSchemaVersion | AnswersRefused | GoldTooLarge | GoldContradicted
"""Why a record can't be made gold: it is not known here, it is gone, its project has no such schema, the answers don't
fit, they are too large, or they are not those that were given for it just before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A wish to make a record gold. `schema_version` None: the active one; `exposures` None: the policy's.

    `unit` is that of text offsets; checked answers have theirs in code points.
    """

    record_id: UUID
    answers: Answers
    unit: OffsetUnit = OffsetUnit.CODE_POINTS
    schema_version: int | None = None
    exposures: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReadPlacement:
    """A wish with what its record carries, None where no content is here, and how large its answers are."""

    wish: Placement
    content: Mapping[str, FieldValue] | None
    size: int


@dataclass(frozen=True, slots=True)
class CheckedPlacement:
    """A wish, its answers without personal data, and what these were checked against or why they are refused."""

    wish: Placement
    version: int | None = None
    refusal: GoldRefusal | None = None


async def read(session: Session, wishes: Sequence[Placement]) -> list[ReadPlacement]:
    """Return the wishes with what their records carry."""
    contents = await records.contents(session, {wish.record_id for wish in wishes})
    return [ReadPlacement(one, contents.get(one.record_id), len(orjson.dumps(one.answers))) for one in wishes]


async def check(compute: ComputePool, project: Project, given: Sequence[ReadPlacement]) -> list[CheckedPlacement]:
    """Check the answers against their schemas and records, outside of any transaction."""
    checked: dict[int, CheckedPlacement] = {}
    waiting: list[list[int]] = [[]]
    bytes_of_last = 0
    for at, one in enumerate(given):
        version = one.wish.schema_version or project.content.active_schema
        if one.size > MAX_EVENT_BYTES:
            checked[at] = CheckedPlacement(one.wish, refusal=GoldTooLarge(MAX_EVENT_BYTES))
        elif version is None or project.schema(version) is None or one.content is None:
            checked[at] = CheckedPlacement(one.wish)  # what is missing is found under the record's lock
        else:
            if bytes_of_last + one.size > _BYTES_AT_ONCE:
                waiting.append([])
                bytes_of_last = 0
            waiting[-1].append(at)
            bytes_of_last += one.size
            checked[at] = CheckedPlacement(one.wish, version)
    for part in waiting:
        found = await _examined(compute, project, [(checked[at], given[at]) for at in part])
        for at, examined in zip(part, found, strict=True):
            checked[at] = _concluded(checked[at], examined)
    return [checked[at] for at in range(len(given))]


def _concluded(checked: CheckedPlacement, examined: AcceptedAnswers | None) -> CheckedPlacement:
    if examined is None:
        return replace(checked, refusal=GoldTooLarge(MAX_EVENT_BYTES))
    if examined.violations:
        return replace(checked, refusal=AnswersRefused(examined.violations, "/answers"))
    return replace(checked, wish=replace(checked.wish, answers=examined.answers, unit=OffsetUnit.CODE_POINTS))


async def _examined(
    compute: ComputePool, project: Project, part: Sequence[tuple[CheckedPlacement, ReadPlacement]]
) -> Sequence[AcceptedAnswers | None]:
    """What is wrong with each, and what is kept of it; None where that takes too much."""
    answers: list[Checkable] = [
        (checked.version or 0, one.content or {}, one.wish.answers, one.wish.unit) for checked, one in part
    ]
    policy = project.policies.deidentification
    if sum(one.size for _, one in part) <= _LIGHT_BYTES and not policy.reads_context:
        return examine(project.label_schemas, policy, answers)
    try:
        return await compute.run(
            examine,
            project.label_schemas,
            policy,
            answers,
            project_id=project.project_id,
            timeout_s=_CHECK_TIMEOUT_S,
        )
    except ComputeFailed:
        if len(part) == 1:
            return [None]
    middle = len(part) // 2
    return [
        *await _examined(compute, project, part[:middle]),
        *await _examined(compute, project, part[middle:]),
    ]


async def place(
    session: Session, project: Project, wishes: Sequence[CheckedPlacement], actor: str, now: datetime
) -> list[Gold | GoldRefusal]:
    """Make records gold, or change what their gold answer is; the same wish again changes nothing.

    Of several wishes for a record the first that is granted counts, and others that differ from it are refused. Returns for
    each wish, in their order, the gold answer or why it is refused; those that are refused change nothing.
    """
    results: dict[int, Gold | GoldRefusal] = {}
    left = list(range(len(wishes)))
    while left:
        wave: dict[UUID, int] = {}
        for place_of_wish in left:
            wave.setdefault(wishes[place_of_wish].wish.record_id, place_of_wish)
        granted = {one.record_id for one in results.values() if isinstance(one, Gold)}
        results |= await _place_wave(session, project, {at: wishes[at] for at in wave.values()}, granted, actor, now)
        left = [at for at in left if at not in results]
    return [results[at] for at in range(len(wishes))]


async def _place_wave(
    session: Session,
    project: Project,
    wishes: dict[int, CheckedPlacement],
    granted: Collection[UUID],
    actor: str,
    now: datetime,
) -> dict[int, Gold | GoldRefusal]:
    """Place gold on records that differ; those of `granted` keep the gold answer that they have."""
    ids = [one.wish.record_id for one in wishes.values()]
    locked = await records.lock_known(session, ids)
    current = await gold.current(session, ids)
    last = await gold.last_revisions(session, ids)
    given = await annotations.of_all_rounds(session, ids)
    changes = RecordChanges(now)
    added: list[Gold] = []
    results: dict[int, Gold | GoldRefusal] = {}
    for at, checked in wishes.items():
        wish = checked.wish
        record = locked.get(wish.record_id)
        try:
            version = _version(project, record, checked)
        except (NotKnownHere, RecordErased, UnknownSchemaVersion, AnswersRefused, GoldTooLarge) as refusal:
            results[at] = refusal
            continue
        assert record is not None
        before = current.get(record.record_id)
        exposures = wish.exposures or project.policies.gold.exposures
        wished = (wish.answers, version, exposures, wish.note)
        if before is not None and (before.answers, before.schema_version, before.exposures, before.note) == wished:
            results[at] = before
            continue
        if record.record_id in granted:
            results[at] = GoldContradicted(
                f"An item before this one gives record {record.record_id} another gold answer."
            )
            continue
        placed = Gold(
            record_id=record.record_id,
            gold_revision=1 + last.get(record.record_id, 0),
            project_id=record.project_id,
            schema_version=version,
            answers=wish.answers,
            note=wish.note,
            exposures=exposures,
            placed_by=actor,
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


def _version(project: Project, record: Record | None, checked: CheckedPlacement) -> int:
    """The schema version of the wish, when it may be granted; raises a `GoldRefusal`."""
    wish = checked.wish
    _check_record(project, record, wish.record_id)
    version = wish.schema_version or project.content.active_schema
    if version is None or project.schema(version) is None:
        raise UnknownSchemaVersion(version)
    if checked.refusal is not None:
        raise checked.refusal
    if checked.version is None:
        raise NotKnownHere("record", wish.record_id)  # it came after the check
    return checked.version


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
    for one in (await annotations.of_all_rounds(session, [record_id])).get(record_id, ()):
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
